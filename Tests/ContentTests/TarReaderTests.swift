import Content
import TestSupport
import Testing

/// Keeps what a reader says, with a file's bytes joined.
private struct Listing: TarSink {
    var entries: [TarEntry] = []
    var contents: [String: String] = [:]
    private var current: [UInt8] = []

    mutating func begin(_ entry: TarEntry) throws {
        entries.append(entry)
        current = []
    }
    mutating func write(_ bytes: Span<UInt8>) throws {
        #expect(bytes.count > 0)
        for index in bytes.indices { current.append(bytes[index]) }
    }
    mutating func end() throws {
        guard let entry = entries.last, case .file = entry.kind else { return }
        contents[entry.name] = String(decoding: current, as: UTF8.self)
    }
}

private func list(_ bytes: [UInt8], limits: TarLimits = TarLimits(), pieces: Int = .max) throws -> Listing {
    var reader = TarReader(limits: limits)
    var listing = Listing()
    var offset = 0
    while offset < bytes.count {
        let end = min(bytes.count, offset + min(pieces, bytes.count))
        try reader.read(bytes.span.extracting(offset..<end), into: &listing)
        offset = end
    }
    try reader.finish()
    return listing
}

private func refusal(_ bytes: [UInt8], limits: TarLimits = TarLimits()) -> ContentError.Code? {
    do {
        _ = try list(bytes, limits: limits)
        return nil
    } catch let error as ContentError {
        return error.code
    } catch {
        return nil
    }
}

@Suite("Tar archives")
struct TarReaderTests {
    @Test("an ordinary archive reads the same in pieces of any size", arguments: [1, 7, 511, 512, 513, 4096])
    func readsInPieces(size: Int) throws {
        let bytes = TarBuilder.archive {
            $0.directory("./bin/")
            $0.file("./bin/tool", String(repeating: "x", count: 1300), mode: 0o755)
            $0.symbolicLink("bin/alias", to: "tool")
            $0.hardLink("bin/same", to: "./bin/tool")
            $0.file("empty", "")
        }
        let listing = try list(bytes, pieces: size)
        #expect(listing.entries.map(\.name) == ["bin", "bin/tool", "bin/alias", "bin/same", "empty"])
        #expect(listing.entries.map(\.mode) == [0o755, 0o755, 0o777, 0o777, 0o644])
        #expect(listing.entries[2].kind == .symbolicLink(target: "tool"))
        #expect(listing.entries[3].kind == .hardLink(target: ["bin", "tool"]))
        #expect(listing.contents["bin/tool"]?.count == 1300)
        #expect(listing.contents["empty"] == "")
    }

    @Test("PAX and GNU long names are read, and speak of the next member only")
    func longNames() throws {
        let long = (0..<12).map { "folder-\($0)-with-a-long-name" }.joined(separator: "/")
        let bytes = TarBuilder.archive {
            $0.pax([("mtime", "1.5"), ("path", long)])
            $0.file("short", "pax")
            $0.gnuLong(long + "2", type: "L")
            $0.file("short", "gnu")
            $0.gnuLong("b", type: "K")
            $0.symbolicLink("a", to: "ignored")
            $0.header("name", size: 0, prefix: "prefix")
            $0.file("plain", "plain")
        }
        let listing = try list(bytes)
        #expect(listing.entries.map(\.name) == [long, long + "2", "a", "prefix/name", "plain"])
        #expect(listing.entries[2].kind == .symbolicLink(target: "b"))
    }

    @Test("set-user-id, set-group-id, sticky and write for others are dropped")
    func setuid() throws {
        let listing = try list(TarBuilder.archive { $0.file("su", "x", mode: 0o6777) })
        #expect(listing.entries[0].mode == 0o755)
    }

    @Test("a PAX size differing from the ustar size counts, so no hidden member appears")
    func paxSizeDiffers() throws {
        var hidden = TarBuilder()
        hidden.file("hidden", "evil")
        let inner = hidden.bytes
        let listing = try list(
            TarBuilder.archive {
                $0.pax([("size", "\(inner.count)")])
                $0.header("outer", size: 0)
                $0.raw(inner)
                $0.file("after", "fine")
            })
        #expect(listing.entries.map(\.name) == ["outer", "after"])
        #expect(listing.entries[0].kind == .file(size: Int64(inner.count)))
    }

    static let attacks: [(String, ContentError.Code, [UInt8])] = [
        ("absolute path", .path, TarBuilder.archive { $0.file("/etc/passwd", "x") }),
        (
            "absolute path by PAX", .path,
            TarBuilder.archive {
                $0.pax([("path", "/x")]); $0.file("a", "x")
            }
        ),
        (
            "absolute path by GNU long name", .path,
            TarBuilder.archive {
                $0.gnuLong("/x", type: "L"); $0.file("a", "x")
            }
        ),
        ("dot-dot at the front", .path, TarBuilder.archive { $0.file("../x", "x") }),
        ("dot-dot in the middle", .path, TarBuilder.archive { $0.file("a/../../x", "x") }),
        ("dot-dot through the prefix", .path, TarBuilder.archive { $0.header("x", prefix: "a/..") }),
        (
            "NUL in a PAX path", .path,
            TarBuilder.archive {
                $0.pax([("path", "a\u{0}b")]); $0.file("a", "x")
            }
        ),
        ("escape sequence in a name", .path, TarBuilder.archive { $0.file("a\u{1B}[2Jb", "x") }),
        ("symbolic link to an absolute path", .link, TarBuilder.archive { $0.symbolicLink("a", to: "/etc") }),
        ("symbolic link out of the tree", .link, TarBuilder.archive { $0.symbolicLink("a/b", to: "../../x") }),
        (
            "symbolic link up behind another link", .link,
            TarBuilder.archive { $0.symbolicLink("a/b/c", to: "l/../../x") }
        ),
        ("empty symbolic link", .link, TarBuilder.archive { $0.symbolicLink("a", to: "") }),
        ("hard link to an absolute path", .path, TarBuilder.archive { $0.hardLink("a", to: "/etc/shadow") }),
        ("hard link out of the tree", .path, TarBuilder.archive { $0.hardLink("a", to: "../x") }),
        ("the root as a link", .link, TarBuilder.archive { $0.symbolicLink("./", to: "../x") }),
        ("character device", .special, TarBuilder.archive { $0.header("null", type: "3") }),
        ("block device", .special, TarBuilder.archive { $0.header("sda", type: "4") }),
        ("fifo", .special, TarBuilder.archive { $0.header("pipe", type: "6") }),
        ("unknown type", .special, TarBuilder.archive { $0.header("odd", type: "Z") }),
        ("GNU sparse file", .special, TarBuilder.archive { $0.header("odd", type: "S") }),
        (
            "PAX sparse file", .special,
            TarBuilder.archive {
                $0.pax([("GNU.sparse.major", "1")]); $0.file("a", "x")
            }
        ),
        (
            "directory with bytes", .malformed,
            TarBuilder.archive {
                $0.header("d", type: "5", size: 512); $0.raw([UInt8](repeating: 1, count: 512))
            }
        ),
        (
            "link with bytes by PAX", .malformed,
            TarBuilder.archive {
                $0.pax([("size", "512")]); $0.symbolicLink("a", to: "b")
            }
        ),
        (
            "global PAX size", .malformed,
            TarBuilder.archive {
                $0.pax([("size", "512")], type: "g"); $0.file("a", "b")
            }
        ),
        (
            "PAX size that is no number", .malformed,
            TarBuilder.archive {
                $0.pax([("size", "-1")]); $0.file("a", "b")
            }
        ),
        ("wrong checksum", .malformed, TarBuilder.archive { $0.header("a", checksum: 1) }),
        ("V7 archive", .malformed, TarBuilder.archive { $0.header("a", magic: "") }),
        (
            "negative base-256 size", .malformed,
            TarBuilder.archive { $0.header("a", sizeField: [UInt8](repeating: 0xFF, count: 12)) }
        ),
        (
            "base-256 size beyond 63 bits", .malformed,
            TarBuilder.archive { $0.header("a", sizeField: [0x80] + [UInt8](repeating: 0x7F, count: 11)) }
        ),
        (
            "size with letters", .malformed,
            TarBuilder.archive { $0.header("a", sizeField: Array("0000000009x\u{0}".utf8)) }
        ),
        (
            "huge file", .tooLarge,
            TarBuilder.archive {
                $0.pax([("size", "99999999999999")]); $0.header("a")
            }
        ),
        ("huge PAX header", .tooLarge, TarBuilder.archive { $0.header("p", type: "x", size: 1 << 30) }),
        (
            "path that is too long", .tooLarge,
            TarBuilder.archive {
                $0.gnuLong(String(repeating: "a/", count: 600), type: "L"); $0.file("a", "x")
            }
        ),
        (
            "path that is too deep", .tooLarge,
            TarBuilder.archive {
                $0.gnuLong(String(repeating: "a/", count: 60), type: "L"); $0.file("a", "x")
            }
        ),
        (
            "no end mark", .truncated,
            {
                var b = TarBuilder(); b.file("a", "x"); return b.bytes
            }()
        ),
        (
            "cut in a file", .truncated,
            {
                var b = TarBuilder(); b.header("a", size: 4); return b.bytes
            }()
        ),
        ("cut in a header", .truncated, Array(TarBuilder.archive { $0.file("a", "x") }.prefix(100))),
        ("empty", .truncated, []),
        (
            "bytes after the end", .truncated,
            TarBuilder.archive {
                $0.file("a", "x"); $0.end(); $0.file("b", "y")
            }
        ),
    ]

    @Test("hostile archives are refused", arguments: attacks)
    func refuses(name: String, code: ContentError.Code, bytes: [UInt8]) {
        #expect(refusal(bytes) == code, "\(name)")
    }

    @Test(
        "malformed PAX records are refused",
        arguments: ["", "5 a=", "99 a=b\n", "6 a=b", "x", "3 \n", "7 =bcd\n", "0006 ab\n"])
    func paxRecords(body: String) {
        let bytes = TarBuilder.archive {
            $0.header("p", type: "x", size: max(1, body.utf8.count))
            $0.data(body.isEmpty ? [0x41] : Array(body.utf8))
            $0.file("a", "x")
        }
        #expect(refusal(bytes) == .malformed)
    }

    @Test("entries and bytes are limited")
    func limits() {
        let three = TarBuilder.archive { for name in ["a", "b", "c"] { $0.file(name, "12345") } }
        #expect(refusal(three, limits: TarLimits(entries: 2)) == .tooLarge)
        #expect(refusal(three, limits: TarLimits(bytes: 14)) == .tooLarge)
        #expect(refusal(three, limits: TarLimits(entries: 3, bytes: 15)) == nil)
    }

    @Test(
        "every prefix of a good archive is refused as truncated, and every flipped bit is read or refused, never a trap"
    )
    func mutations() throws {
        let good = TarBuilder.archive {
            $0.pax([("path", "dir/file")])
            $0.file("x", "content")
            $0.symbolicLink("l", to: "dir/file")
        }
        for length in 0..<good.count where length < good.count - 511 {
            let code = refusal(Array(good.prefix(length)))
            #expect(code == .truncated, "\(length)")
        }
        for index in good.indices {
            var bad = good
            bad[index] ^= UInt8(1 << (index % 8))
            _ = refusal(bad)
        }
    }
}
