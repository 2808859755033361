internal import Compression

/// Which members a Debian package has, in which order, and what becomes of each in its content (deb(5)); pure.
///
/// `debian-binary`, then `control.tar`, then `data.tar`, the last two packed or not. Between them only names that begin with an underscore, behind them
/// any: dpkg passes over those, and they are kept.
struct DebMembers {
    /// What becomes of a member.
    enum Treatment: Hashable {
        /// Kept, and must say version 2.
        case version
        case keep
        /// Unpacked under this name.
        case unpack(CodecLibrary, name: String)
    }

    /// dpkg's tools write three.
    static let limit = 16
    /// Bytes of `debian-binary`, at most.
    static let versionLimit: UInt64 = 64

    private enum Part { case version, control, data, rest }

    private static let packed: [(suffix: String, codec: CodecLibrary)] = [
        (".gz", .gzip), (".xz", .xz), (".zst", .zstd),
    ]
    /// What dpkg reads too, and what stays packed here.
    private static let keptData: Set = ["data.tar", "data.tar.bz2", "data.tar.lzma"]

    private var next = Part.version
    private var count = 0

    /// The next member; throws `malformed` for one that dpkg would not take there either.
    mutating func take(_ header: ArHeader) throws(ContentError) -> Treatment {
        count += 1
        guard count <= Self.limit else { throw ArHeader.malformed("has more than \(Self.limit) members") }
        let name = header.name
        switch next {
        case .version:
            guard name == "debian-binary", header.size <= Self.versionLimit else {
                throw ArHeader.malformed("does not begin with a debian-binary")
            }
            next = .control
            return .version
        case .control, .data:
            if name.hasPrefix("_") { return .keep }
            let base = next == .control ? "control.tar" : "data.tar"
            let treatment: Treatment
            if let found = Self.packed.first(where: { base + $0.suffix == name }) {
                treatment = .unpack(found.codec, name: base)
            } else if name == base || (next == .data && Self.keptData.contains(name)) {
                treatment = .keep
            } else {
                throw ArHeader.malformed("has \(name) where its \(base) should be")
            }
            next = next == .control ? .data : .rest
            return treatment
        case .rest:
            let taken = ["debian-binary", "control.tar", "data.tar"]
            guard !taken.contains(where: { name == $0 || name.hasPrefix($0 + ".") }) else {
                throw ArHeader.malformed("has a second \(name)")
            }
            return .keep
        }
    }

    /// Throws `truncated` when something is missing at the end.
    func finish() throws(ContentError) {
        guard next == .rest else { throw ContentError(.truncated, "the deb ends before its data.tar") }
    }

    /// Refuses another version than `2.N`, which nothing here knows how to read.
    static func checkVersion(_ bytes: [UInt8]) throws(ContentError) {
        let line = bytes.prefix { $0 != 0x0A }
        guard line.count < bytes.count, line.starts(with: Array("2.".utf8)), line.count > 2,
            line.dropFirst(2).allSatisfy({ (0x30...0x39).contains($0) })
        else { throw ArHeader.malformed("is not of version 2") }
    }
}
