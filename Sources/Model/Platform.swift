/// What a package is made for, or what a machine's userland is: `OS-ARCH-LIBC`, for example `linux-x86_64-glibc`.
///
/// Each part is `[a-z0-9][a-z0-9_]{0,19}`; a package may say `any` for a part. The bits follow from the architecture and are
/// carried beside it, since a 64-bit kernel may carry a 32-bit userland.
package struct Platform: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let os: String
    package let arch: String
    /// 32 or 64; nil for any.
    package let bits: Int?
    package let libc: String

    /// A platform; without `bits` they follow from the architecture.
    package init(os: String, arch: String, bits: Int? = nil, libc: String) throws(ModelError) {
        for part in [os, arch, libc] {
            guard (1...20).contains(part.utf8.count), part.utf8.first != 0x5F,
                part.utf8.allSatisfy({ ASCII.isLowercase($0) || ASCII.isDigit($0) || $0 == 0x5F })
            else { throw ModelError("platform", part, "must have parts of 1 to 20 lowercase letters, digits and _") }
        }
        guard bits == nil || bits == 32 || bits == 64 else {
            throw ModelError("platform", "\(bits ?? 0)", "must have 32 or 64 bits")
        }
        self.os = os
        self.arch = arch
        self.bits = bits ?? Self.bits(of: arch)
        self.libc = libc
    }

    /// Reads the name `OS-ARCH-LIBC`; the bits follow from the architecture.
    package init(_ text: String) throws(ModelError) {
        let parts = text.utf8.split(separator: 0x2D, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw ModelError("platform", text, "must be OS-ARCH-LIBC") }
        try self.init(
            os: String(Substring(parts[0])), arch: String(Substring(parts[1])), libc: String(Substring(parts[2])))
    }

    /// The platform of a target path's third part.
    package init(_ name: PlatformName) throws(ModelError) { try self.init(name.text) }

    /// What fits every machine.
    package static let any = Platform(unchecked: "any")

    private init(unchecked part: String) {
        os = part
        arch = part
        libc = part
        bits = nil
    }

    private enum CodingKeys: String, CodingKey { case os, arch, bits, libc }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let os = try container.decode(String.self, forKey: .os)
        let arch = try container.decode(String.self, forKey: .arch)
        let bits = try container.decodeIfPresent(Int.self, forKey: .bits)
        let libc = try container.decode(String.self, forKey: .libc)
        do {
            self = try Platform(os: os, arch: arch, bits: bits, libc: libc)
        } catch {
            throw DecodingError.dataCorruptedError(forKey: .os, in: container, debugDescription: error.description)
        }
    }

    /// The name, a target path's third part.
    package var description: String { "\(os)-\(arch)-\(libc)" }

    /// The name as a validated path component; never fails, since every platform's name is one.
    package func name() throws(ModelError) -> PlatformName { try PlatformName(description) }

    /// Whether a package for this platform fits a machine of that platform in every part but the bits.
    package func fits(_ machine: Platform) -> Bool {
        Self.part(os, fits: machine.os) && Self.part(arch, fits: machine.arch) && Self.part(libc, fits: machine.libc)
    }

    /// Whether a package for this platform runs in a userland of that many bits.
    package func fits(userlandBits: Int) -> Bool { bits == nil || bits == userlandBits }

    private static func part(_ wanted: String, fits actual: String) -> Bool { wanted == "any" || wanted == actual }

    /// How many bits an architecture has; nil for `any`.
    package static func bits(of arch: String) -> Int? {
        switch arch {
        case "any": nil
        case "i386", "i486", "i586", "i686", "armhf", "armv6l", "armv7l", "arm", "mips", "mipsel", "ppc": 32
        default: 64
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.description, left.bits ?? 0) < (right.description, right.bits ?? 0)
    }
}
