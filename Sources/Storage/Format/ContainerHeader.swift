/// The first bytes of a container file.
///
/// | at | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `AXLEcont` |
/// | 8 | 4 | format, 1 |
/// | 12 | 4 | 0 |
/// | 16 | 8 | the container's number, as in its name |
/// | 24 | 8 | checksum of the 24 bytes before |
struct ContainerHeader: Hashable, Sendable {
    static let length = 32

    let number: UInt64

    init(number: UInt64) {
        self.number = number
    }

    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard bytes.count == Self.length, fields.matches("AXLEcont"), fields.integer(UInt32.self) == 1,
            fields.integer(UInt32.self) == 0, let number = fields.integer(UInt64.self),
            fields.integer(UInt64.self) == Checksum.of(Array(bytes.prefix(24)))
        else { return nil }
        self.number = number
    }

    var encoded: [UInt8] {
        var fields = FieldWriter(capacity: Self.length)
        fields.add("AXLEcont")
        fields.add(UInt32(1))
        fields.add(UInt32(0))
        fields.add(number)
        fields.seal()
        return fields.bytes
    }
}
