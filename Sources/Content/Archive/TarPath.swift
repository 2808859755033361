/// The rules for names inside an archive; `TarReader` and the extractor stand on them.
enum TarPath {
    /// A member's path as components; `.` and doubled slashes vanish. Throws `archivePath` or `archiveTooLarge`.
    static func components(_ raw: [UInt8], limits: TarLimits) throws(ContentError) -> [String] {
        let text = try checked(raw, limits: limits)
        guard !text.hasPrefix("/") else { throw ContentError(.path, "\(shown(raw)) is absolute") }
        let parts = text.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard !parts.contains("..") else { throw ContentError(.path, "\(shown(raw)) holds ..") }
        guard parts.count <= limits.depth else { throw ContentError(.tooLarge, "\(shown(raw)) is too deep") }
        guard parts.allSatisfy({ $0.utf8.count <= 255 }) else {
            throw ContentError(.tooLarge, "\(shown(raw)) has a name of more than 255 bytes")
        }
        return parts
    }

    /// A symbolic link's target, which must stay inside the tree.
    ///
    /// `..` is allowed only at the front and no more often than the link's folder is deep. Behind another link `a/..` could be anywhere;
    /// at the front it is exact, because members are only ever put into real folders. So by induction no chain of links leaves the tree.
    static func linkTarget(_ raw: [UInt8], at path: [String], limits: TarLimits) throws(ContentError) -> String {
        let text = try checked(raw, limits: limits)
        guard !text.isEmpty, !text.hasPrefix("/") else {
            throw ContentError(.link, "\(path.joined(separator: "/")) points to an absolute or empty path")
        }
        let parts = text.split(separator: "/").filter { $0 != "." }
        let up = parts.prefix { $0 == ".." }.count
        guard up < max(path.count, 1), !parts.dropFirst(up).contains("..") else {
            throw ContentError(.link, "\(path.joined(separator: "/")) points out of the archive")
        }
        return text
    }

    private static func checked(_ raw: [UInt8], limits: TarLimits) throws(ContentError) -> String {
        guard raw.count <= limits.pathLength else {
            throw ContentError(.tooLarge, "a path of \(raw.count) bytes")
        }
        guard raw.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), let text = String(validating: raw, as: UTF8.self) else {
            throw ContentError(.path, "\(shown(raw)) holds control bytes or is not UTF-8")
        }
        return text
    }

    /// A name from outside as it may stand in a message: at most 80 characters, control characters replaced.
    static func shown(_ raw: [UInt8]) -> String {
        let text = String(decoding: raw.prefix(80), as: UTF8.self)
        return String(
            text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
    }
}
