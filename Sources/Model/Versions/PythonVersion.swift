/// A version of PEP 440: `[v][EPOCH!]N(.N)*[{a|b|rc}N][.postN][.devN][+LOCAL]` with all spellings that it normalises.
///
/// The epoch may stand before `!`, `:` or, as in a release's name, `_`. Numbers may have any number of digits; at most
/// 128 bytes are read.
struct PythonVersion {
    private typealias Digits = ArraySlice<UInt8>

    private var epoch: Digits = []
    /// Without its trailing zeros.
    private var release: [Digits] = []
    private var pre: (phase: Int, number: Digits)?
    private var post: Digits?
    private var dev: Digits?
    private var local: [Digits] = []

    /// Whether it has what only PEP 440 writes: a pre-release that is spelt out or numbered, a post-release that is
    /// spelt out, or a development release. `1.0.2b` may as well be a patch letter, and `1.0-1` a revision.
    private(set) var isMarked = false

    private static let phases: [(name: String, phase: Int)] = [
        ("alpha", 0), ("a", 0), ("beta", 1), ("b", 1), ("preview", 2), ("pre", 2), ("rc", 2), ("c", 2),
    ]

    init?(_ text: String) {
        let bytes = text.utf8.prefix(129).map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        guard bytes.count <= 128 else { return nil }
        self.init(lowercase: bytes[...])
    }

    /// Reads what `DateVersion` has made of a day, too.
    init?(lowercase bytes: ArraySlice<UInt8>) {
        var reader = Reader(rest: bytes)
        _ = reader.take("v")
        guard var number = reader.digits() else { return nil }
        if let sign = reader.rest.first, [0x21, 0x3A, 0x5F].contains(sign),
            let next = reader.rest.dropFirst().first, ASCII.isDigit(next)
        {
            isMarked = sign == 0x21
            epoch = number
            reader.rest = reader.rest.dropFirst()
            number = reader.digits() ?? []
        }
        release = [number]
        while reader.rest.first == 0x2E, let next = reader.rest.dropFirst().first, ASCII.isDigit(next) {
            reader.rest = reader.rest.dropFirst()
            release.append(reader.digits() ?? [])
        }
        while let last = release.last, DigitRun.isZero(last) { release.removeLast() }
        for (name, phase) in Self.phases {
            guard let number = reader.segment(name) else { continue }
            pre = (phase, number)
            if name != "c", name.utf8.count > 1 || !number.isEmpty { isMarked = true }
            break
        }
        if reader.rest.first == 0x2D, let next = reader.rest.dropFirst().first, ASCII.isDigit(next) {
            reader.rest = reader.rest.dropFirst()
            post = reader.digits()
        } else {
            for name in ["post", "rev", "r"] {
                guard let number = reader.segment(name) else { continue }
                post = number
                if name == "post" { isMarked = true }
                break
            }
        }
        if let number = reader.segment("dev") {
            dev = number
            isMarked = true
        }
        if reader.take("+") {
            local = reader.rest.split(omittingEmptySubsequences: false) { $0 == 0x2E || $0 == 0x2D || $0 == 0x5F }
            guard local.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ASCII.isAlphanumeric) }) else { return nil }
            reader.rest = []
        }
        guard reader.rest.isEmpty else { return nil }
    }

    /// −1, 0 or 1, by the key of `packaging.version`.
    func compare(_ other: PythonVersion) -> Int {
        let steps = [
            DigitRun.compare(epoch, other.epoch),
            Self.compare(release, other.release, DigitRun.compare),
            Self.compare(phase, other.phase),
            // Without a post-release before all of them, without a development release behind all of them.
            Self.compare((post == nil ? 0 : 1, post ?? []), (other.post == nil ? 0 : 1, other.post ?? [])),
            Self.compare((dev == nil ? 1 : 0, dev ?? []), (other.dev == nil ? 1 : 0, other.dev ?? [])),
            Self.compare(local, other.local, Self.compareLocal),
        ]
        return steps.first { $0 != 0 } ?? 0
    }

    /// `1.0.dev1` is before `1.0a1`, and a version without a pre-release behind those with one.
    private var phase: (Int, Digits) {
        if let pre { return (pre.phase, pre.number) }
        return (post == nil && dev != nil ? -1 : 3, [])
    }

    private static func compare(_ left: (Int, Digits), _ right: (Int, Digits)) -> Int {
        left.0 == right.0 ? DigitRun.compare(left.1, right.1) : (left.0 - right.0).signum()
    }

    private static func compare(_ left: [Digits], _ right: [Digits], _ compare: (Digits, Digits) -> Int) -> Int {
        for (l, r) in zip(left, right) {
            let order = compare(l, r)
            if order != 0 { return order }
        }
        return (left.count - right.count).signum()
    }

    /// Numbers by value and above words.
    private static func compareLocal(_ left: Digits, _ right: Digits) -> Int {
        switch (left.allSatisfy(ASCII.isDigit), right.allSatisfy(ASCII.isDigit)) {
        case (true, true): return DigitRun.compare(left, right)
        case (true, false): return 1
        case (false, true): return -1
        case (false, false):
            if left.elementsEqual(right) { return 0 }
            return left.lexicographicallyPrecedes(right) ? -1 : 1
        }
    }

    /// Takes the parts of a version from its beginning.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ text: String) -> Bool {
            guard rest.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return true
        }

        mutating func digits() -> ArraySlice<UInt8>? {
            let digits = rest.prefix(while: ASCII.isDigit)
            rest = rest.dropFirst(digits.count)
            return digits.isEmpty ? nil : digits
        }

        /// `[-_.]NAME[-_.]N`, of which all but the name may be missing; nil and nothing taken if it is another one.
        mutating func segment(_ name: String) -> ArraySlice<UInt8>? {
            var after = self
            after.skipSeparator()
            guard after.take(name) else { return nil }
            after.skipSeparator()
            let number = after.digits() ?? []
            rest = after.rest
            return number
        }

        private mutating func skipSeparator() {
            if let first = rest.first, [0x2D, 0x5F, 0x2E].contains(first) { rest = rest.dropFirst() }
        }
    }
}
