import System

/// The passphrase of the keys: from a file, from an open descriptor, or from the person at the terminal; never from the
/// command line, where everybody on the machine could read it. Asked for once, and only when a key needs it.
final class Passphrase {
    private let file: String?
    private let descriptor: String?
    /// Asks the person without showing the answer; nil where nobody is.
    private let ask: (String) throws -> [UInt8]?
    private var known: [UInt8]?

    init(_ invocation: CommandInvocation, _ context: OperatorContext) {
        file = invocation.value("passphrase-file")
        descriptor = invocation.value("passphrase-fd")
        let isThere = context.streams.errorIsTerminal && !invocation.isSet("no-input")
        ask = { prompt in isThere ? try Terminal.secret(prompt) : nil }
    }

    /// For a key that is encrypted; nil where nobody gives one.
    func existing(for key: String) throws -> [UInt8]? {
        if let known = try known ?? given() { return known }
        known = try ask("Passphrase of \(key): ")
        return known
    }

    /// For new keys; nil when they are to lie unencrypted: nothing was given and nobody was there, or the answer was empty.
    func fresh() throws -> [UInt8]? {
        if let known = try known ?? given() { return known }
        guard let first = try ask("New passphrase of the keys (empty for none): "), !first.isEmpty else { return nil }
        guard try ask("The same again: ") == first else { throw OperatorError("the two passphrases differ") }
        known = first
        return first
    }

    private func given() throws -> [UInt8]? {
        if let file {
            try Self.checkPrivate(file)
            known = try Self.line(try File.read(file, limit: 4096), file)
        } else if let descriptor {
            guard let number = Int32(descriptor), (0...1023).contains(number) else {
                throw UsageError("--passphrase-fd is the number of an open descriptor, not '\(descriptor)'")
            }
            known = try Self.line(try Self.read(number), "descriptor \(number)")
        }
        return known
    }

    private static func read(_ number: Int32) throws -> [UInt8] {
        let input = FileDescriptor(takingOwnership: number)
        var bytes: [UInt8] = []
        while bytes.count <= 4096 {
            var piece = [UInt8](repeating: 0, count: 512)
            let count = try piece.withUnsafeMutableBytes { buffer in try input.read(into: buffer) }
            guard count > 0 else { return bytes }
            bytes += piece.prefix(count)
        }
        throw OperatorError("the passphrase is longer than 4096 bytes")
    }

    private static func line(_ bytes: [UInt8], _ source: String) throws -> [UInt8] {
        var bytes = bytes
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw OperatorError("\(source) holds no passphrase") }
        return bytes
    }

    /// Refuses a secret's file that others can read.
    static func checkPrivate(_ path: String) throws {
        guard let status = try File.status(path) else { throw OperatorError("there is no file \(path)") }
        guard status.mode & 0o077 == 0 else {
            throw OperatorError("others can read \(path)", next: "Run: chmod 600 \(path)")
        }
    }
}
