import Model

/// Reads big-endian fields out of bytes that a disk gave; nil once there are too few, never a trap.
struct FieldReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8], at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    var rest: Int { max(0, bytes.count - position) }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type) -> Value? {
        let count = Value.bitWidth / 8
        guard rest >= count else { return nil }
        var value: UInt64 = 0
        for byte in bytes[position..<position + count] { value = value << 8 | UInt64(byte) }
        position += count
        return Value(truncatingIfNeeded: value)
    }

    mutating func digest() -> SHA256Digest? {
        guard rest >= 32 else { return nil }
        defer { position += 32 }
        // 32 bytes are always a digest; the initialiser cannot refuse them.
        return try? SHA256Digest(bytes: Array(bytes[position..<position + 32]))
    }

    mutating func matches(_ expected: StaticString) -> Bool {
        let count = expected.utf8CodeUnitCount
        guard rest >= count else { return false }
        defer { position += count }
        return expected.withUTF8Buffer { bytes[position..<position + count].elementsEqual($0) }
    }
}

/// Writes what `FieldReader` reads.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func add(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func add<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ digest: SHA256Digest) {
        bytes += digest.bytes
    }

    /// Ends with the checksum of all before it.
    mutating func seal() {
        add(Checksum.of(bytes))
    }
}
