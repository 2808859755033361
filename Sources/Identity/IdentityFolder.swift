internal import System

/// Reads the files of an identity folder, so that every error names its file.
struct IdentityFolder {
    /// No file of the folder is longer.
    private static let limit = 1 << 20

    let path: String

    func has(_ name: String) -> Bool { File.exists(Directory.join(path, name)) }

    /// Reads one file and makes a value of its bytes. Throws `SystemError` for a file that cannot be read and
    /// `IdentityError.damaged` for one whose bytes cannot be believed.
    func read<Value>(_ name: String, as parse: ([UInt8]) throws -> Value) throws -> Value {
        let path = Directory.join(path, name)
        let bytes = try File.read(path, limit: Self.limit)
        do {
            return try parse(bytes)
        } catch {
            throw IdentityError.damaged(path: path, why: "\(error)")
        }
    }

    /// `read`, or nil if there is no such file.
    func readIfThere<Value>(_ name: String, as parse: ([UInt8]) throws -> Value) throws -> Value? {
        has(name) ? try read(name, as: parse) : nil
    }
}
