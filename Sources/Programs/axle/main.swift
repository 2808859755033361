import Operator
import System

let streams = ProgramStreams.process()
let columns = streams.outputIsTerminal ? max(80, ProgramStreams.terminalColumns()) : 80
let context = OperatorContext(streams: streams, columns: columns)
let status = OperatorProgram.run(Array(CommandLine.arguments.dropFirst()), context)
CurrentProcess.exit(status)
