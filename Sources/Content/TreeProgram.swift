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
        case folder(String)
        /// A symbolic link that leads back to itself.
        case loop(String)
    }

    /// The program of the product, if it cannot be run.
    package static func problem(with program: String, in folder: String) throws(SystemError) -> Problem? {
        let found: FileStatus?
        do throws(SystemError) {
            found = try File.status(Directory.join(folder, program))
        } catch {
            switch error.errno {
            case .tooManyLinks: return .loop(program)
            case .nameTooLong: return .missing(program)
            default: throw error
            }
        }
        guard let status = found else { return .missing(program) }
        if status.kind == .folder { return .folder(program) }
        guard status.kind == .file else { return .missing(program) }
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
