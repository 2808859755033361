package import Model
package import System

/// The programs that a tree's signed data names, looked for where the tree was unpacked.
///
/// The publisher and the agent ask this alike, so that nothing is signed that no machine could start.
package enum TreeProgram {
    /// Why a program cannot be run.
    package enum Problem: Hashable, Sendable {
        case missing(String)
        case notExecutable(String)
    }

    /// The program of the product, if it cannot be run.
    package static func problem(with program: String, in folder: String) throws(SystemError) -> Problem? {
        guard let status = try File.status(Directory.join(folder, program)), status.kind == .file else {
            return .missing(program)
        }
        return status.mode & 0o100 == 0 ? .notExecutable(program) : nil
    }

    /// The first program of the steps, health command included, that cannot be run; absolute paths are the machine's.
    package static func problem(with steps: InstallSteps, in folder: String) throws(SystemError) -> Problem? {
        for program in [steps.program, steps.health?.argv.first].compactMap({ $0 }) where !program.hasPrefix("/") {
            if let problem = try problem(with: program, in: folder) { return problem }
        }
        return nil
    }
}
