internal import Codec
internal import System

/// The file that holds the `Trial`, if there is one; every write is atomic and durable. Blocks.
package struct TrialFile: Sendable {
    private let path: String

    package init(path: String) { self.path = path }

    /// The record, if there is one. One that cannot be understood counts as none: it is replaced as a whole, so only a broken disk makes such.
    package func read() throws -> Trial? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: 65_536)
        } catch {
            if error.errno == .notFound { return nil }
            throw error
        }
        // See above.
        return try? JSONCoder.decode(Trial.self, from: bytes)
    }

    package func write(_ trial: Trial) throws {
        try AtomicFile.write(try JSONCoder.encode(trial), to: path, mode: 0o600)
    }

    /// Ends the trial; durable on return.
    package func remove() throws {
        if try File.remove(path) { try Directory.synchronize(Directory.parent(of: path)) }
    }
}
