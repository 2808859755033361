import FoundationEssentials
import Glibc

/// A new, empty folder for one test, removed with all that is in it when the last user lets go.
package final class TemporaryFolder: Sendable {
    /// Its absolute path, without a slash at the end.
    package let path: String

    package init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/axle-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestSupportError("mkdtemp", errno) }
        path = String(cString: made)
    }

    deinit {
        // A folder that cannot be removed is left to the system's own cleaning; the test is over.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Path of `name` inside.
    package func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file inside and answers its path.
    @discardableResult
    package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        guard let file = fopen(path(name), "wbe") else { throw TestSupportError("fopen", errno) }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw TestSupportError("fwrite", errno) }
        return path(name)
    }

    /// The bytes of a file inside.
    package func read(_ name: String) throws -> [UInt8] {
        guard let file = fopen(path(name), "rbe") else { throw TestSupportError("fopen", errno) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}

/// A system call that a test needed and that failed.
package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String

    package init(_ call: String, _ number: Int32) {
        description = "\(call): \(String(cString: strerror(number)))"
    }

    package init(_ description: String) {
        self.description = description
    }
}
