import System

/// A program that a test runs to its end. Foundation's `Process` is not used: it reads past a buffer where a test process
/// has a thousand descriptors open, which the address sanitizer ends the run for.
public enum TestProcess {
    /// The exit status, or nil for a program that a signal ended, and what it wrote: output, then errors.
    public static func run(
        _ program: String, _ arguments: [String], input: [UInt8] = []
    ) throws -> (status: Int32?, output: String, errors: String) {
        var child = ChildProcess(program, arguments)
        child.input = input
        child.outputLimit = 16 << 20
        child.deadline = .seconds(300)
        let outcome = try child.run()
        let status: Int32? = if case .exited(let code) = outcome.status { code } else { nil }
        return (status, String(decoding: outcome.output, as: UTF8.self), outcome.errorText)
    }
}
