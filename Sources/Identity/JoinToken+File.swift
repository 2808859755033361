internal import System
package import Trust

extension JoinToken {
    /// Reads a token from a file, or from standard input for `-`: never from an argument, which everyone on the machine sees.
    package init(file path: String) throws {
        let bytes = try File.read(path == "-" ? "/dev/stdin" : path, limit: 4096)
        try self.init(String(decoding: bytes, as: UTF8.self))
    }
}
