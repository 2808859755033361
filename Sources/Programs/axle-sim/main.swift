import Simulation
import System

CurrentProcess.exit(SimulationProgram.main(Array(CommandLine.arguments.dropFirst()), ProgramStreams.process()))
