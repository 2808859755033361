/// A day as a version: `YYYYMMDD`, `YYYY-MM-DD`, `YYYY.MM.DD` or `YYYYMM`, from 1970 on, and what may follow it.
///
/// Behind a separator month and day may have one digit: `2026.1.5` is `2026.01.05`.
/// What follows is read as PEP 440 reads what follows a release: `.2` for the second of a day, `rc1` before it. A time
/// behind the day may be given as `T1230`, `-1230` (a number of its own) or with two to six digits right behind it.
struct DateVersion {
    private let version: PythonVersion
    /// Whether the day has no dots, so that nothing in it looks like a release train.
    let isUndotted: Bool

    init?(_ text: String) {
        let bytes = text.utf8.prefix(129).map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        guard bytes.count <= 128 else { return nil }
        let first = bytes.prefix(while: ASCII.isDigit)
        var digits: [UInt8]
        var time: [UInt8] = []
        var rest: ArraySlice<UInt8>
        if first.count == 4, let day = Self.parts(bytes.dropFirst(4)) {
            digits = Array(first) + day.digits
            rest = day.rest
            isUndotted = day.sign != 0x2E
        } else {
            guard [6, 8, 10, 12, 14].contains(first.count) else { return nil }
            digits = Array(first.prefix(8))
            time = Array(first.dropFirst(8))
            rest = bytes.dropFirst(first.count)
            isUndotted = true
        }
        guard Self.isDay(digits) else { return nil }
        // A month comes before its days.
        if digits.count == 6 { digits += [0x30, 0x30] }
        if time.isEmpty, rest.first == 0x74 {
            time = Array(rest.dropFirst().prefix(while: ASCII.isDigit))
            guard [2, 4, 6].contains(time.count) else { return nil }
            rest = rest.dropFirst(1 + time.count)
            if rest.elementsEqual([0x7A]) { rest = [] }
        }
        switch rest.first {
        // No epoch is meant, as it would be behind a number of PEP 440.
        case 0x5F: rest = [0x2E] + rest.dropFirst()
        case 0x21, 0x3A: return nil
        default: break
        }
        if !time.isEmpty {
            time += Array(repeating: 0x30, count: max(0, 6 - time.count))
            digits += [0x2E] + time
        }
        guard let version = PythonVersion(lowercase: (digits + rest)[...]) else { return nil }
        self.version = version
    }

    /// −1, 0 or 1.
    func compare(_ other: DateVersion) -> Int { version.compare(other.version) }

    /// Month and day behind a year, each a sign with one or two digits: `-10-01` or `.10.1`.
    private static func parts(
        _ bytes: ArraySlice<UInt8>
    ) -> (digits: [UInt8], rest: ArraySlice<UInt8>, sign: UInt8)? {
        guard let sign = bytes.first, [0x2D, 0x2E, 0x5F].contains(sign) else { return nil }
        var rest = bytes
        var digits: [UInt8] = []
        for _ in 0..<2 {
            guard rest.first == sign else { return nil }
            let number = rest.dropFirst().prefix(while: ASCII.isDigit)
            guard (1...2).contains(number.count) else { return nil }
            digits += Array(repeating: 0x30, count: 2 - number.count) + number
            rest = rest.dropFirst(1 + number.count)
        }
        return (digits, rest, sign)
    }

    private static func isDay(_ digits: [UInt8]) -> Bool {
        guard let year = ASCII.number(digits.prefix(4)), let month = ASCII.number(digits[4...5]),
            let day = digits.count == 6 ? 1 : ASCII.number(digits[6...7]), (1970...2199).contains(year)
        else { return false }
        return CivilDate(year: Int(year), month: Int(month), day: Int(day)) != nil
    }
}
