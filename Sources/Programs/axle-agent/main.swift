import Agent
import System

let status = await AgentProgram.main(Array(CommandLine.arguments.dropFirst()), .process())
CurrentProcess.exit(status)
