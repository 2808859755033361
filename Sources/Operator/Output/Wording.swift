import Model

/// How values are written for people.
enum Wording {
    /// How long ago a time was, in one unit: `45s`, `3m`, `2h`, `5d`; nil stays nil.
    static func age(_ time: UnixTime?, _ now: UnixTime) -> String? {
        time.map { span(now.seconds - $0.seconds) }
    }

    /// A length of time in its largest whole unit.
    static func span(_ seconds: Int64) -> String {
        let seconds = max(0, seconds)
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86400)d"
        }
    }

    /// The sum of numbers that a hub or a peer chooses; saturates.
    static func sum(_ numbers: [Int]) -> Int {
        numbers.reduce(0) { sum, number in
            let (result, overflow) = sum.addingReportingOverflow(number)
            return overflow ? (number < 0 ? .min : .max) : result
        }
    }

    /// The difference of numbers that a hub or a peer chooses; saturates.
    static func difference(_ left: Int, _ right: Int) -> Int {
        let (result, overflow) = left.subtractingReportingOverflow(right)
        return overflow ? (left < 0 ? .min : .max) : result
    }

    /// A size with at most one digit after the point: `1.5GB`.
    static func size(_ bytes: UInt64) -> String {
        guard bytes >= 1000 else { return "\(bytes)B" }
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        // Tenths of a kB: ten times as many bytes may be more than 64 bits hold.
        var tenths = bytes / 100 + (bytes % 100 >= 50 ? 1 : 0)
        var unit = 1
        while tenths >= 10_000, unit < units.count - 1 {
            tenths = (tenths + 500) / 1000
            unit += 1
        }
        let point = tenths % 10 != 0 ? ".\(tenths % 10)" : ""
        return "\(tenths / 10)\(point)\(units[unit])"
    }

    static func size(_ count: ByteCount) -> String {
        size(count.bytes)
    }

    /// How a package's bytes came: `patch, 700kB instead of 139MB`.
    static func transfer(_ means: TransferMeans?, sent: UInt64?, of length: UInt64) -> String? {
        guard let means, let sent else { return nil }
        return "\(means.phrase), \(size(sent))" + (sent < length ? " instead of \(size(length))" : "")
    }

    static func connection(_ connected: Bool, revoked: UnixTime?) -> String {
        revoked != nil ? "revoked" : connected ? "connected" : "offline"
    }

    /// `60`, `90s`, `45m`, `12h`, `30d` as seconds.
    static func seconds(_ text: String) -> Int? {
        let factors: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let factor = text.last.flatMap { factors[$0] }
        let digits = factor == nil ? text[...] : text.dropLast()
        guard (1...9).contains(digits.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(digits)
        else { return nil }
        return number * (factor ?? 1)
    }
}
