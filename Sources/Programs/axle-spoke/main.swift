import Spoke
import System

CurrentProcess.exit(await SpokeProgram.main(Array(CommandLine.arguments.dropFirst()), ProgramStreams.process()))
