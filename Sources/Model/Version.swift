/// A version, ordered as Debian orders versions (deb-version(7)): `[epoch:]upstream[-revision]`.
///
/// At most 128 of the characters `A-Za-z0-9.+~:-` and `_` (which a release name may have; it sorts with the other
/// signs). Two versions that compare equal are equal even when written differently (`1.0` and `1.00`).
package struct Version: TextForm {
    /// As it was written.
    package let description: String
    private let epoch: UInt64
    private let upstream: [UInt8]
    private let revision: [UInt8]

    package init(_ text: String) throws(ModelError) {
        let bytes = Array(text.utf8.prefix(129))
        guard (1...128).contains(bytes.count) else {
            throw ModelError("version", text, "must have 1 to 128 characters")
        }
        var rest = bytes[...]
        var epoch: UInt64 = 0
        if let colon = bytes.firstIndex(of: 0x3A) {
            guard let number = ASCII.number(bytes[..<colon]), number <= UInt64(Int32.max) else {
                throw ModelError("version", text, "must have a number from 0 to 2147483647 before the colon")
            }
            epoch = number
            rest = bytes[(colon + 1)...]
        }
        guard let first = rest.first, ASCII.isAlphanumeric(first) else {
            throw ModelError("version", text, "must begin with a letter or digit")
        }
        guard rest.allSatisfy({ ASCII.isAlphanumeric($0) || [0x2E, 0x2B, 0x7E, 0x2D, 0x3A, 0x5F].contains($0) }) else {
            throw ModelError("version", text, "may have only letters, digits and . + ~ - : _")
        }
        let dash = rest.lastIndex(of: 0x2D)
        if let dash, dash == rest.endIndex - 1 { throw ModelError("version", text, "must not end with -") }
        description = text
        self.epoch = epoch
        upstream = Array(rest[..<(dash ?? rest.endIndex)])
        revision = dash.map { Array(rest[($0 + 1)...]) } ?? []
    }

    /// The version that a release's name says in a scheme; every release name is one.
    ///
    /// An epoch in the name (`1_2.0`, see ``VersionText``) is one where the scheme has epochs.
    package init(_ release: ReleaseName, in scheme: VersionScheme?) {
        // A name whose epoch is too large for a version is ordered without one.
        if scheme == .debian, let version = try? Version(VersionText.withColon(release.text)) {
            self = version
        } else {
            self.init(release)
        }
    }

    /// The version that a release's name says; every release name is one.
    package init(_ release: ReleaseName) {
        let bytes = Array(release.text.utf8)
        let dash = bytes.lastIndex(of: 0x2D)
        description = release.text
        epoch = 0
        upstream = Array(bytes[..<(dash ?? bytes.endIndex)])
        revision = dash.map { Array(bytes[($0 + 1)...]) } ?? []
    }

    /// −1, 0 or 1, as `dpkg --compare-versions` orders them.
    package func compare(_ other: Version) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        let first = Self.compare(upstream, other.upstream)
        return first != 0 ? first : Self.compare(revision, other.revision)
    }

    /// −1, 0 or 1 in a scheme; as Debian orders them where none is declared.
    package func compare(_ other: Version, in scheme: VersionScheme?) -> Int {
        scheme?.compare(self, other) ?? compare(other)
    }

    package static func < (left: Self, right: Self) -> Bool { left.compare(right) < 0 }
    package static func == (left: Self, right: Self) -> Bool { left.compare(right) == 0 }

    /// Equal versions hash alike: leading zeros of numbers are left out.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(epoch)
        for part in [upstream, revision] {
            var inNumber = false
            var zero = true
            for byte in part {
                if ASCII.isDigit(byte) {
                    if byte == 0x30, !inNumber { continue }
                    inNumber = true
                    hasher.combine(byte)
                    zero = false
                } else {
                    inNumber = false
                    zero = false
                    hasher.combine(byte)
                }
            }
            hasher.combine(zero)
        }
    }

    /// Compares by turns a run of non-digits and a run of digits, as deb-version(7) says.
    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var l = left[...]
        var r = right[...]
        while !l.isEmpty || !r.isEmpty {
            while isSign(l.first) || isSign(r.first) {
                let (a, b) = (weight(l.first), weight(r.first))
                if a != b { return a < b ? -1 : 1 }
                l = l.dropFirst()
                r = r.dropFirst()
            }
            let a = takeNumber(&l)
            let b = takeNumber(&r)
            if a.count != b.count { return a.count < b.count ? -1 : 1 }
            if a != b { return a.lexicographicallyPrecedes(b) ? -1 : 1 }
        }
        return 0
    }

    private static func isSign(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return !ASCII.isDigit(byte)
    }

    /// Tilde before the end, the end before letters, letters before all other signs.
    private static func weight(_ byte: UInt8?) -> Int {
        guard let byte, !ASCII.isDigit(byte) else { return 0 }
        if byte == 0x7E { return -1 }
        return ASCII.isLetter(byte) ? Int(byte) : Int(byte) + 256
    }

    /// Takes a run of digits and gives it without its leading zeros.
    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = rest.prefix(while: ASCII.isDigit)
        rest = rest.dropFirst(digits.count)
        return digits.drop { $0 == 0x30 }
    }
}
