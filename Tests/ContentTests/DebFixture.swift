import Content
import Model
import System
import TestSupport

/// Debian packages for tests: what dpkg-deb builds, and archives member by member that it would not.
enum DebFixture {
    /// A package of some files, built by dpkg-deb; the same tree gives the same tar archives whatever packs them.
    static func package(_ folder: TemporaryFolder, packer: String, version: String = "1.0") throws -> [UInt8] {
        let tree = folder.path + "/tree-\(version)"
        let control = "Package: tool\nVersion: \(version)\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        for (name, text) in [
            ("DEBIAN/control", control + "Description: a tool\n"),
            ("usr/bin/tool", "#!/bin/sh\necho tool \(version)\n"),
            ("usr/share/tool/data", String(repeating: "some data of \(version)\n", count: 3000)),
        ] {
            try Directory.create(Directory.parent(of: Directory.join(tree, name)))
            try AtomicFile.write(Array(text.utf8), to: Directory.join(tree, name), mode: 0o755)
        }
        let file = folder.path + "/\(packer)-\(version).deb"
        try Program.run(
            "env",
            [
                "SOURCE_DATE_EPOCH=1700000000", "dpkg-deb", "--root-owner-group", "-Z\(packer)", "--build", tree, file,
            ])
        return try File.read(file, limit: 1 << 20)
    }

    struct Member {
        var name: String
        var bytes: [UInt8]
        /// What the header says, where it is not the truth.
        var size: String?
        var padding: [UInt8] = [0x0A]

        init(_ name: String, _ bytes: [UInt8], size: String? = nil) {
            self.name = name
            self.bytes = bytes
            self.size = size
        }
    }

    static func field(_ text: String, _ count: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0x20, count: max(0, count - text.utf8.count))
    }

    static func archive(_ members: [Member], tail: [UInt8] = []) -> [UInt8] {
        var bytes = Array("!<arch>\n".utf8)
        for member in members {
            // A time, a user, a group and a mode that nobody may change.
            bytes += field(member.name, 16) + field("1700000001", 12) + field("17", 6) + field("42", 6)
            bytes += field("100640", 8) + field(member.size ?? "\(member.bytes.count)", 10) + [0x60, 0x0A]
            bytes += member.bytes + (member.bytes.count % 2 == 1 ? member.padding : [])
        }
        return bytes + tail
    }

    static let version = Member("debian-binary", Array("2.0\n".utf8))

    /// Unpacks in this process, which a child does otherwise.
    static func decode(
        _ bytes: [UInt8], in folder: TemporaryFolder, limits: ContentLimits = ContentLimits(length: 1 << 30)
    ) throws -> [UInt8] {
        let file = try FileDescriptor.open(folder.path + "/packed", [.readWrite, .create, .truncate])
        try file.write(bytes)
        var content: [UInt8] = []
        try ContentDecoder(.deb, limits: limits).run(file) { content += $0 }
        return content
    }
}
