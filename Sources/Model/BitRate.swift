/// A speed of a line in bits a second, 8 kbit/s to 1 Tbit/s.
///
/// Text is a number with a unit: `20 Mbit/s`, `1.5Mbit/s`, `512 kbit/s`; `20 MB/s` is refused, since lines are sold by the bit and a mistake by
/// eight is easily made.
package struct BitRate: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// 8,000 to 10^12.
    package let bitsPerSecond: UInt64

    private static let bounds: ClosedRange<UInt64> = 8000...1_000_000_000_000
    private static let units: [(String, UInt64)] = [
        ("kbit/s", 1000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000),
    ]

    /// A rate; refuses what is out of range.
    package init(bitsPerSecond: UInt64) throws(ModelError) {
        guard Self.bounds.contains(bitsPerSecond) else {
            throw ModelError("rate", "\(bitsPerSecond)", "must be from 8 kbit/s to 1000 Gbit/s")
        }
        self.bitsPerSecond = bitsPerSecond
    }

    /// Reads `20 Mbit/s`, with at most three digits after a point.
    package init(_ text: String) throws(ModelError) {
        let bytes = Array(text.utf8.prefix(41))
        let number = bytes.prefix { ASCII.isDigit($0) || $0 == 0x2E }
        let unit = String(decoding: bytes.dropFirst(number.count).drop { $0 == 0x20 }, as: UTF8.self)
        let parts = number.split(separator: 0x2E, maxSplits: 2, omittingEmptySubsequences: false)
        guard let factor = Self.units.first(where: { $0.0 == unit })?.1, (1...2).contains(parts.count),
            parts[0].count <= 9, let whole = ASCII.number(parts[0])
        else { throw ModelError("rate", text, "must be a number with kbit/s, Mbit/s or Gbit/s, such as 20 Mbit/s") }
        var thousandths = whole * 1000
        if parts.count == 2 {
            guard (1...3).contains(parts[1].count), let digits = ASCII.number(parts[1]) else {
                throw ModelError("rate", text, "may have one to three digits after the point")
            }
            let scale: [UInt64] = [1000, 100, 10, 1]
            thousandths += digits * scale[parts[1].count]
        }
        // At most 10^12 · 10^6: no overflow.
        try self.init(bitsPerSecond: thousandths * (factor / 1000))
    }

    /// How long so many bytes take, rounded up.
    package func duration(of bytes: Int) -> Duration {
        let (high, low) = UInt64(max(0, bytes)).multipliedFullWidth(by: 8_000_000_000)
        guard high < bitsPerSecond else { return .nanoseconds(Int64.max) }
        let (whole, rest) = bitsPerSecond.dividingFullWidth((high, low))
        return .nanoseconds(Int64(clamping: min(whole, UInt64(Int64.max - 1)) + (rest > 0 ? 1 : 0)))
    }

    /// How many bytes pass in so many milliseconds.
    package func bytes(inMilliseconds milliseconds: UInt32) -> Int {
        Int(clamping: bitsPerSecond / 8000 * UInt64(milliseconds))
    }

    /// The largest unit that leaves at most three digits after the point, for example `1.5 Mbit/s`.
    package var description: String {
        for (unit, factor) in Self.units.reversed() where bitsPerSecond >= factor {
            let thousandths = bitsPerSecond / (factor / 1000)
            guard thousandths * (factor / 1000) == bitsPerSecond else { continue }
            var fraction = String(String(thousandths % 1000 + 1000).dropFirst())
            while fraction.last == "0" { fraction.removeLast() }
            return "\(thousandths / 1000)\(fraction.isEmpty ? "" : "." + fraction) \(unit)"
        }
        return "\(bitsPerSecond / 1000) kbit/s"
    }

    package static func < (left: Self, right: Self) -> Bool { left.bitsPerSecond < right.bitsPerSecond }
}
