/// A number of bytes; arithmetic saturates, so that no sum of sizes from outside can trap or wrap.
///
/// Text is a number with an optional unit: `10GB` is 10^10, `10GiB` is 10·2^30, `1.5MB` 1,500,000; no unit is bytes.
/// At most 2^63 − 1, so that every count fits a database column. JSON has the plain number; text is read there too.
package struct ByteCount: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: UInt64

    /// A count, clamped to 2^63 − 1.
    package init(_ bytes: UInt64) { self.bytes = min(bytes, UInt64(Int64.max)) }
    /// A count of a size that cannot be negative; a negative one becomes zero.
    package init(clamping value: Int64) { bytes = UInt64(max(0, value)) }

    package static let zero = ByteCount(0)
    package static let maximum = ByteCount(UInt64(Int64.max))

    /// For database columns.
    package var signed: Int64 { Int64(clamping: bytes) }

    private static let units: [(String, UInt64)] = [
        ("B", 1), ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("PB", 1_000_000_000_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ("PiB", 1 << 50),
    ]

    /// Reads `10GB`, `1.5 MiB`, `4096`; refuses signs, exponents, unknown units and more than 2^63 − 1 bytes.
    package init(_ text: String) throws(ModelError) {
        let bytes = Array(text.utf8)
        let number = bytes.prefix { ASCII.isDigit($0) || $0 == 0x2E }
        let unit = String(Substring(text.utf8.dropFirst(number.count).drop { $0 == 0x20 }))
        let hint = "must be a number with an optional unit such as kB, MB, GB, TB, MiB or GiB"
        guard bytes.count <= 40, let factor = unit.isEmpty ? 1 : Self.units.first(where: { $0.0 == unit })?.1 else {
            throw ModelError("size", text, hint)
        }
        let parts = number.split(separator: 0x2E, maxSplits: 2, omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = ASCII.number(parts[0]) else {
            throw ModelError("size", text, hint)
        }
        let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
        var part: UInt64 = 0
        if parts.count == 2 {
            guard parts[1].count <= 3, let digits = ASCII.number(parts[1]) else {
                throw ModelError("size", text, "may have at most three digits after the point")
            }
            let scale: UInt64 = [1, 10, 100, 1000][parts[1].count]
            part = factor / scale * digits + factor % scale * digits / scale
        }
        let (sum, overflow2) = product.addingReportingOverflow(part)
        guard !overflow, !overflow2, sum <= UInt64(Int64.max) else {
            throw ModelError("size", text, "is more than 2^63 - 1 bytes")
        }
        self.bytes = sum
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {  // not a number: it may be text, tried next
            self.init(number)
            return
        }
        let text = try container.decode(String.self)
        do {
            self = try ByteCount(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }

    /// For people: at most one digit after the point, decimal units, rounded down, for example `1.5 GB`.
    package var description: String {
        let steps: [(String, UInt64)] = [
            ("PB", 1_000_000_000_000_000), ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000),
            ("kB", 1000),
        ]
        guard let (unit, factor) = steps.first(where: { bytes >= $0.1 }) else { return "\(bytes) B" }
        let tenths = bytes / (factor / 10)
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }

    package static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
    /// The sum; saturates.
    package static func + (left: Self, right: Self) -> Self {
        let (sum, overflow) = left.bytes.addingReportingOverflow(right.bytes)
        return overflow ? .maximum : Self(sum)
    }
    /// The difference; zero when `right` is greater.
    package static func - (left: Self, right: Self) -> Self {
        left.bytes > right.bytes ? Self(left.bytes - right.bytes) : .zero
    }
    package static func += (left: inout Self, right: Self) { left = left + right }
    package static func -= (left: inout Self, right: Self) { left = left - right }
}
