import System

/// Programs of the machine that tests use as judges and partners.
package enum Program {
    /// Runs a program to its end (at most two minutes) and answers its standard output; throws if it fails.
    @discardableResult
    package static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
        var child = ChildProcess(program, arguments)
        child.input = input
        child.outputLimit = 64 << 20
        child.deadline = .seconds(120)
        let outcome = try child.run()
        guard outcome.isSuccess else {
            throw TestSupportError(
                "\(program) \(arguments.joined(separator: " ")): \(outcome.status)\n\(outcome.errorText)")
        }
        return outcome.output
    }

    /// Whether the program ends with status 0.
    package static func succeeds(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> Bool {
        var child = ChildProcess(program, arguments)
        child.input = input
        child.deadline = .seconds(120)
        return try child.run().isSuccess
    }
}

/// A program that runs beside a test, silent and without input, until it is stopped or forgotten.
package final class RunningProgram {
    private let child: RunningChild
    private var isStopped = false

    package init(_ program: String, _ arguments: [String]) throws {
        child = try ChildProcess(
            "sh", ["-c", "exec \"$@\" </dev/null >/dev/null 2>&1", "sh", program] + arguments
        ).start()
    }

    deinit { stop() }

    /// Ends it and waits until it is gone.
    package func stop() {
        guard !isStopped else { return }
        isStopped = true
        _ = child.terminate(grace: .seconds(2))
    }
}
