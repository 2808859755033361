import System
import Testing

/// Runs `body` with a fresh folder that is removed afterwards.
func withFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let path = "/tmp/axle-system-\(UInt64.random(in: .min ... .max))"
    try Directory.create(path)
    defer { _ = try? Directory.removeTree(path) }  // A leftover in /tmp fails no test.
    return try body(path)
}

/// The error of the operating system that `body` throws.
func systemError(_ body: () throws -> Void) -> SystemError? {
    do {
        try body()
        return nil
    } catch {
        return error as? SystemError
    }
}
