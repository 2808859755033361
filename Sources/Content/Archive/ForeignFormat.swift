/// Formats that are published by mistake, known by their first bytes: an error that names one says more than "malformed".
enum ForeignFormat {
    /// Bytes at the beginning of a file, and what such a file is.
    private static let marks: [(mark: [UInt8], name: String)] = [
        (Array("PK\u{3}\u{4}".utf8), "a zip archive (as wheels and jars are)"),
        (Array("PK\u{5}\u{6}".utf8), "an empty zip archive"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive"), (Array("Rar!".utf8), "a rar archive"),
        ([0xED, 0xAB, 0xEE, 0xDB], "an RPM package"), (Array("!<arch>\ndebian-binary".utf8), "a Debian package"),
        (Array("!<arch>\n".utf8), "an ar archive"), (Array("070701".utf8), "a cpio archive"),
        (Array("070702".utf8), "a cpio archive"), (Array("070707".utf8), "a cpio archive"),
        ([0xC7, 0x71], "a cpio archive"), (Array("BZh".utf8), "packed with bzip2"),
        (Array("LZIP".utf8), "packed with lzip"), ([0x04, 0x22, 0x4D, 0x18], "packed with lz4"),
        ([0x02, 0x21, 0x4C, 0x18], "packed with lz4"), ([0x5D, 0x00, 0x00], "packed with lzma, the predecessor of xz"),
        ([0x89, 0x4C, 0x5A, 0x4F], "packed with lzop"), ([0x1F, 0x9D], "packed with compress"),
        ([0x78, 0x01], "packed with zlib"), ([0x78, 0x5E], "packed with zlib"), ([0x78, 0x9C], "packed with zlib"),
        ([0x78, 0xDA], "packed with zlib"),
        ([0x1F, 0x8B], "packed with gzip once more"), ([0x28, 0xB5, 0x2F, 0xFD], "packed with zstd once more"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "packed with xz once more"),
        ([0x7F, 0x45, 0x4C, 0x46], "a bare program"),
        (Array("#!".utf8), "a bare script"), (Array("hsqs".utf8), "a squashfs image"),
        (Array("MZ".utf8), "a Windows program"),
        (Array("%PDF".utf8), "a PDF document"), (Array("<!DOCTYPE".utf8), "an HTML page"),
        (Array("<html".utf8), "an HTML page"),
    ]

    /// What a file with these first bytes is; nil if it is of none of them.
    static func name(of head: some Sequence<UInt8>) -> String? {
        let head = Array(head.prefix(24))
        return marks.first { head.starts(with: $0.mark) }?.name
    }
}
