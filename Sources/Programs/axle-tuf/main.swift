import Operator
import System

CurrentProcess.occupyStandardStreams()
CurrentProcess.keepCrashesPrivate()
CurrentProcess.exit(TUFProgram.main(Array(CommandLine.arguments.dropFirst()), ProgramStreams.process()))
