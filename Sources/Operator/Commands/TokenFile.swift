import System

/// The file of `axle token create --out`: new, and readable by its owner only, whatever the umask is.
struct TokenFile {
    let path: String

    /// Makes the empty file; refuses a path where something is.
    init(_ path: String) throws {
        self.path = path
        do throws(SystemError) {
            _ = try FileDescriptor.open(path, [.write, .create, .exclusive, .noFollow])
        } catch {
            throw OperatorError(
                "the token's file cannot be made: \(error)", next: "Name a file with --out that is not there yet.")
        }
    }

    /// Writes the token, durably.
    func write(_ token: String) throws(SystemError) {
        let file = try FileDescriptor.open(path, [.write, .noFollow])
        try file.write(Array((token + "\n").utf8))
        try file.synchronize()
        try file.close()
    }

    /// Removes the file, which has no token.
    func discard() throws(SystemError) { try File.remove(path) }
}
