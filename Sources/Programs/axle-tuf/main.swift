import Operator
import System

CurrentProcess.exit(TUFProgram.main(Array(CommandLine.arguments.dropFirst()), ProgramStreams.process()))
