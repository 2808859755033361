/// A version of Semantic Versioning 2.0.0: `MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]`, ordered as section 11 says.
///
/// A leading `v` is taken for what its FAQ says it is, and ignored. Numbers may have any number of digits; at most 128
/// bytes are read.
struct SemanticVersion {
    private let core: [ArraySlice<UInt8>]
    private let prerelease: [ArraySlice<UInt8>]

    /// Words with which the first identifier of a pre-release begins, as people use them.
    private static let words = [
        "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "nightly", "canary", "next", "milestone",
    ]

    init?(_ text: String) {
        var bytes = Array(text.utf8.prefix(129))[...]
        guard bytes.count <= 128 else { return nil }
        if bytes.first == 0x76 { bytes = bytes.dropFirst() }
        let beforeBuild = bytes.prefix { $0 != 0x2B }
        if beforeBuild.count < bytes.count {
            let build = Self.identifiers(bytes.dropFirst(beforeBuild.count + 1))
            guard build.allSatisfy(Self.isIdentifier) else { return nil }
        }
        let numbers = beforeBuild.prefix { $0 != 0x2D }
        core = Self.identifiers(numbers)
        guard core.count == 3, core.allSatisfy({ $0.allSatisfy(ASCII.isDigit) && Self.isNumber($0) }) else {
            return nil
        }
        guard numbers.count < beforeBuild.count else {
            prerelease = []
            return
        }
        prerelease = Self.identifiers(beforeBuild.dropFirst(numbers.count + 1))
        guard prerelease.allSatisfy({ Self.isIdentifier($0) && (!$0.allSatisfy(ASCII.isDigit) || Self.isNumber($0)) })
        else { return nil }
    }

    /// Whether it is a pre-release by a word that people use for one; `1.0.0-1` may as well be a Debian revision.
    var isNamedPrerelease: Bool {
        guard let first = prerelease.first else { return false }
        let word = String(decoding: first, as: UTF8.self).lowercased()
        return Self.words.contains { word.hasPrefix($0) }
    }

    /// Whether the pre-release is one word with a number behind it, such as `rc9`, which this scheme
    /// orders as text, so that `rc10` comes before it.
    var isNumberedWord: Bool {
        guard prerelease.count == 1, let last = prerelease.first?.last else { return false }
        return ASCII.isDigit(last)
    }

    /// −1, 0 or 1; build metadata takes no part (section 10).
    func compare(_ other: SemanticVersion) -> Int {
        for (left, right) in zip(core, other.core) {
            let order = DigitRun.compare(left, right)
            if order != 0 { return order }
        }
        // A release comes after its pre-releases (11.3).
        if prerelease.isEmpty || other.prerelease.isEmpty {
            return (prerelease.isEmpty ? 1 : 0) - (other.prerelease.isEmpty ? 1 : 0)
        }
        for (left, right) in zip(prerelease, other.prerelease) {
            let order = Self.compare(left, right)
            if order != 0 { return order }
        }
        return (prerelease.count - other.prerelease.count).signum()
    }

    /// Numbers by value and below the others, which go by their ASCII (11.4.1 to 11.4.3).
    private static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        switch (left.allSatisfy(ASCII.isDigit), right.allSatisfy(ASCII.isDigit)) {
        case (true, true): return DigitRun.compare(left, right)
        case (true, false): return -1
        case (false, true): return 1
        case (false, false):
            if left.elementsEqual(right) { return 0 }
            return left.lexicographicallyPrecedes(right) ? -1 : 1
        }
    }

    private static func identifiers(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
    }

    private static func isIdentifier(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { ASCII.isAlphanumeric($0) || $0 == 0x2D }
    }

    /// A number without leading zeros.
    private static func isNumber(_ digits: ArraySlice<UInt8>) -> Bool {
        !digits.isEmpty && (digits.count == 1 || digits.first != 0x30)
    }
}

/// Numbers of any length, as their digits.
enum DigitRun {
    /// −1, 0 or 1 by value; leading zeros count for nothing.
    static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        let (l, r) = (left.drop { $0 == 0x30 }, right.drop { $0 == 0x30 })
        if l.count != r.count { return l.count < r.count ? -1 : 1 }
        if l.elementsEqual(r) { return 0 }
        return l.lexicographicallyPrecedes(r) ? -1 : 1
    }

    /// Whether the number is zero.
    static func isZero(_ digits: ArraySlice<UInt8>) -> Bool { digits.allSatisfy { $0 == 0x30 } }
}
