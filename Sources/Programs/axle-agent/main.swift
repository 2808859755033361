import Agent
import System

CurrentProcess.occupyStandardStreams()
CurrentProcess.keepCrashesPrivate()
let (arguments, streams) = (Array(CommandLine.arguments.dropFirst()), ProgramStreams.process())
if let status = AgentProgram.runConfined(arguments, streams) { CurrentProcess.exitAtOnce(status) }
CurrentProcess.exit(await AgentProgram.main(arguments, streams))
