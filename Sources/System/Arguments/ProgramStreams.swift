import Glibc

/// Where a program writes: data to standard output, messages to standard error.
///
/// Programs take it as a value, so that tests can capture both. Safe from any thread; whole texts are not interleaved
/// as long as each is given in one call. A reader that went away (`| head`) is no error here.
package struct ProgramStreams: Sendable {
    /// Writes data, as it is.
    package let output: @Sendable (String) -> Void
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
        self.output = output
        self.error = error
        self.outputIsTerminal = outputIsTerminal
        self.errorIsTerminal = errorIsTerminal
        self.environment = environment
    }

    /// The streams and the environment of this process.
    package static func process() -> ProgramStreams {
        ProgramStreams(
            output: { Self.write($0, to: STDOUT_FILENO) }, error: { Self.write($0, to: STDERR_FILENO) },
            outputIsTerminal: isatty(STDOUT_FILENO) == 1, errorIsTerminal: isatty(STDERR_FILENO) == 1,
            environment: { name in getenv(name).map { String(cString: $0) } })
    }

    /// One line of data.
    package func line(_ text: String) {
        output(text + "\n")
    }

    /// One line for the person: what is wrong, and what to do next.
    package func message(_ text: String) {
        error(text + "\n")
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

    /// Writes all bytes; gives up in silence when the reader is gone or the device is full, since there is nowhere
    /// left to say so.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
