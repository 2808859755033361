import Glibc

/// Where a program writes: data to standard output, messages to standard error.
///
/// Programs take it as a value, so that tests can capture both. Safe from any thread; whole texts are not interleaved
/// as long as each is given in one call. What could not be written is remembered, and `status(after:)` makes it the
/// program's failure; only a reader that went away (`| head`) is none, except for what can be shown once (`deliver`).
package struct ProgramStreams: Sendable {
    /// Writes data and says why not all of it was written.
    private let writeOutput: @Sendable (String) -> Errno?
    private let failure = FirstFailure()
    /// Writes a message, as it is.
    package let error: @Sendable (String) -> Void
    /// Whether a person is likely to read standard output, and standard error.
    package let outputIsTerminal: Bool
    package let errorIsTerminal: Bool
    /// The value of an environment variable.
    package let environment: @Sendable (String) -> String?

    package init(
        output: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void,
        outputIsTerminal: Bool = false, errorIsTerminal: Bool = false,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.init(
            writing: {
                output($0)
                return nil
            }, error: error, outputIsTerminal: outputIsTerminal, errorIsTerminal: errorIsTerminal,
            environment: environment)
    }

    /// - Parameters:
    ///   - writing: writes data; nil when all of it is written.
    package init(
        writing: @escaping @Sendable (String) -> Errno?, error: @escaping @Sendable (String) -> Void,
        outputIsTerminal: Bool = false, errorIsTerminal: Bool = false,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        writeOutput = writing
        self.error = error
        self.outputIsTerminal = outputIsTerminal
        self.errorIsTerminal = errorIsTerminal
        self.environment = environment
    }

    /// The streams and the environment of this process.
    package static func process() -> ProgramStreams {
        ProgramStreams(
            writing: { Self.write($0, to: STDOUT_FILENO) },
            // There is nowhere left to say that standard error cannot be written.
            error: { _ = Self.write($0, to: STDERR_FILENO) },
            outputIsTerminal: isatty(STDOUT_FILENO) == 1, errorIsTerminal: isatty(STDERR_FILENO) == 1,
            environment: { name in getenv(name).map { String(cString: $0) } })
    }

    /// Writes data, as it is.
    package func output(_ text: String) {
        if let errno = writeOutput(text) { failure.remember(errno) }
    }

    /// Writes data that cannot be shown a second time; throws unless all of it is where it was to go, also when the reader went
    /// away, so that the caller can take back what it stands for.
    package func deliver(_ text: String) throws(SystemError) {
        guard let errno = writeOutput(text) else { return }
        failure.remember(errno)
        throw SystemError(call: "write", errno: errno, path: "standard output")
    }

    /// The exit status of a program that would end with `status`: 1, with a message, if its output is not complete.
    package func status(after status: Int32, program: String) -> Int32 {
        guard let errno = failure.first, errno != .brokenPipe else { return status }
        message("\(program): standard output could not be written: \(errno); what was printed is not complete")
        return status == 0 ? 1 : status
    }

    /// The first failure of standard output.
    private final class FirstFailure: Sendable {
        private let errno = NativeLock<Errno?>(nil)

        var first: Errno? { errno.withLock { $0 } }
        func remember(_ new: Errno) { errno.withLock { $0 = $0 == nil || $0 == .brokenPipe ? new : $0 } }
    }

    /// One line of data, cleaned of what a terminal would obey.
    package func line(_ text: String) {
        output(PlainText.clean(text) + "\n")
    }

    /// Lines of data, cleaned in the same way.
    package func lines(_ text: String) {
        output(PlainText.clean(text))
    }

    /// One line for the person: what is wrong, and what to do next; cleaned in the same way.
    package func message(_ text: String) {
        error(PlainText.clean(text) + "\n")
    }

    /// Whether colour and animation are welcome on standard output: a terminal that is not dumb, and nobody said no
    /// (no-color.org).
    package func wantsColor(noColorFlag: Bool) -> Bool {
        outputIsTerminal && !noColorFlag && plainTerminalAllowsColor
    }

    /// Whether a progress bar is welcome on standard error.
    package func wantsProgress(noColorFlag: Bool) -> Bool {
        errorIsTerminal && !noColorFlag && plainTerminalAllowsColor
    }

    private var plainTerminalAllowsColor: Bool {
        (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    /// Columns of the terminal on standard output; 80 where it is none or does not say.
    package static func terminalColumns() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes all bytes; gives up when the reader is gone or the device is full, and says why.
    private static func write(_ text: String, to descriptor: Int32) -> Errno? {
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? .current : .inputOutput }
            bytes = bytes.dropFirst(count)
        }
        return nil
    }
}
