import Hub
import System

CurrentProcess.exit(await HubProgram.main(Array(CommandLine.arguments.dropFirst()), ProgramStreams.process()))
