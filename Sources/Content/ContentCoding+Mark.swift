package import Model

extension ContentCoding {
    /// Bytes of a file's beginning that have any mark.
    package static let markLength = 24

    private static let debMark = ArHeader.magic + Array("debian-binary".utf8)

    /// The coding that a file's first bytes are the mark of; nil if they are of none.
    ///
    /// pzstd puts a skippable frame (RFC 8878, 3.1.2) before the first one of its own.
    package init?(mark head: [UInt8]) {
        if head.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
            || head.first.map({ $0 & 0xF0 == 0x50 }) == true && head.dropFirst().starts(with: [0x2A, 0x4D, 0x18])
        {
            self = .zstd
        } else if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .xz
        } else if head.starts(with: Self.debMark) {
            self = .deb
        } else {
            return nil
        }
    }
}
