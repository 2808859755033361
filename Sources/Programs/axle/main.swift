import Content
import Operator
import System

CurrentProcess.occupyStandardStreams()
CurrentProcess.keepCrashesPrivate()
let (arguments, streams) = (Array(CommandLine.arguments.dropFirst()), ProgramStreams.process())
if let status = ContentJob.runIfAsked(arguments, streams) { CurrentProcess.exitAtOnce(status) }
let columns = streams.outputIsTerminal ? max(80, ProgramStreams.terminalColumns()) : 80
CurrentProcess.exit(OperatorProgram.run(arguments, OperatorContext(streams: streams, columns: columns)))
