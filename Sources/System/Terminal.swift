import Glibc

/// The terminal of the person who runs a program, for secrets that must be neither shown nor given as arguments.
package enum Terminal {
    /// Bytes of an answer at the most.
    private static let limit = 1024

    /// Asks on the controlling terminal with the echo off and reads one line; nil where there is no terminal, or when the
    /// person gives up with ^C or ^D.
    ///
    /// Signals from the keyboard are off meanwhile, so that no end of the program leaves the echo off. Blocks.
    package static func secret(_ prompt: String) throws(SystemError) -> [UInt8]? {
        let number = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard number >= 0 else { return nil }
        let terminal = FileDescriptor(takingOwnership: number)
        var before = termios()
        guard tcgetattr(terminal.number, &before) == 0 else { return nil }
        var quiet = before
        quiet.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard tcsetattr(terminal.number, TCSAFLUSH, &quiet) == 0 else {
            throw SystemError(call: "tcsetattr", errno: .current, path: "/dev/tty")
        }
        // A terminal that is gone has no echo to turn on again.
        defer { _ = tcsetattr(terminal.number, TCSAFLUSH, &before) }
        try terminal.write(Array(prompt.utf8))
        let answer = try line(terminal)
        try terminal.write([0x0A])
        return answer
    }

    private static func line(_ terminal: borrowing FileDescriptor) throws(SystemError) -> [UInt8]? {
        var line: [UInt8] = []
        while line.count < limit {
            var byte: UInt8 = 0
            let count = try retrying("read", "/dev/tty") { Glibc.read(terminal.number, &byte, 1) }
            switch byte {
            case _ where count == 0, 0x03, 0x04: return nil
            case 0x0A, 0x0D: return line
            case 0x08, 0x7F: _ = line.popLast()
            case 0x15: line = []
            default: line.append(byte)
            }
        }
        throw SystemError(call: "read", errno: .tooLarge, path: "/dev/tty")
    }
}
