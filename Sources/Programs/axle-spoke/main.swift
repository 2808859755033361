import Content
import Spoke
import System

CurrentProcess.occupyStandardStreams()
CurrentProcess.keepCrashesPrivate()
let (arguments, streams) = (Array(CommandLine.arguments.dropFirst()), ProgramStreams.process())
if let status = ContentJob.runIfAsked(arguments, streams) { CurrentProcess.exitAtOnce(status) }
CurrentProcess.exit(await SpokeProgram.main(arguments, streams))
