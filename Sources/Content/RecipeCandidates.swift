internal import Compression
internal import Model

/// The ways in which a published file may have been packed, read off its first and last bytes; pure.
enum RecipeCandidates {
    /// Bytes at a file's end that are looked at.
    static let tailLength = 64

    static func candidates(_ coding: ContentCoding, head: [UInt8], tail: [UInt8]) -> [Recipe] {
        switch coding {
        case .none: []
        case .zstd: zstd(head)
        case .xz: xz(head)
        case .gzip: gzip(head)
        }
    }

    /// The program's default and the level for archives first; in jobs as the program does, then in one piece as libraries do.
    private static func zstd(_ head: [UInt8]) -> [Recipe] {
        guard let frame = ZstdFrame(head), !frame.hasDictionary, let version = CodecLibrary.zstd.version else {
            return []
        }
        func settings(_ level: Int, inJobs: Bool, isLong: Bool) -> ZstdCompressor.Settings {
            var settings = ZstdCompressor.Settings(level: level)
            settings.hasChecksum = frame.hasChecksum
            settings.contentLength = frame.contentLength
            settings.inJobs = inJobs
            settings.isLong = isLong
            // `--long` is a window of its own.
            if isLong { settings.windowLog = UInt64.bitWidth - 1 - frame.windowLength.leadingZeroBitCount }
            return settings
        }
        let levels = [3, 19] + (1...22).filter { $0 != 3 && $0 != 19 }
        let likely = levels.filter { frame.isSingleSegment || windows($0) == frame.windowLength }
        let others = levels.filter { !likely.contains($0) }
        var all: [ZstdCompressor.Settings] = []
        for level in likely { all += [true, false].map { settings(level, inJobs: $0, isLong: false) } }
        if frame.windowLength >= 1 << 27, !frame.isSingleSegment || frame.windowLength > 1 << 27 {
            for level in levels { all += [true, false].map { settings(level, inJobs: $0, isLong: true) } }
        }
        for level in others { all += [true, false].map { settings(level, inJobs: $0, isLong: false) } }
        return all.map { Recipe(.zstd($0), version: version) }
    }

    /// Windows of the levels for long contents (lib/compress/clevels.h).
    private static func windows(_ level: Int) -> UInt64 {
        switch level {
        case 1: 1 << 19
        case 2: 1 << 20
        case 3...8: 1 << 21
        case 9...15: 1 << 22
        case 16...19: 1 << 23
        case 20: 1 << 25
        case 21: 1 << 26
        default: 1 << 27
        }
    }

    /// The stream's flags have the check; the first block's header says whether it has sizes, and its filter how large the dictionary is (xz file format, 2.1.1 and 3.1).
    private static func xz(_ head: [UInt8]) -> [Recipe] {
        guard head.count >= 24, head.prefix(6).elementsEqual([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), head[6] == 0,
            let version = CodecLibrary.xz.version
        else { return [] }
        let check = Int(head[7] & 15)
        let hasSizes = head[13] & 0xC0 != 0
        // Behind the sizes, where there are any: filter 0x21, one byte of properties.
        let header = head[14..<min(head.count, 12 + (Int(head[12]) + 1) * 4)]
        let filter = header.indices.dropLast(2).first { header[$0] == 0x21 && header[$0 + 1] == 1 }
        let dictionary = filter.map { UInt64(2 | header[$0 + 2] & 1) << (UInt64(header[$0 + 2] / 2) + 11) }
        let presets = [6, 9, 0, 1, 2, 3, 4, 5, 7, 8].filter { dictionary == nil || dictionaries[$0] == dictionary }
        return presets.flatMap { preset in
            [false, true].map { isExtreme in
                var settings = XZCompressor.Settings(preset: preset)
                settings.check = check
                settings.isExtreme = isExtreme
                settings.blockSize = hasSizes ? 0 : nil
                return Recipe(.xz(settings), version: version)
            }
        }
    }

    /// Dictionaries of the presets (xz(1)).
    private static let dictionaries: [UInt64] = [
        1 << 18, 1 << 20, 1 << 21, 1 << 22, 1 << 22, 1 << 23, 1 << 23, 1 << 24, 1 << 25, 1 << 26,
    ]

    /// The header is kept as it is; its ninth byte says whether the best or the fastest level was asked for (RFC 1952, 2.3.1).
    private static func gzip(_ head: [UInt8]) -> [Recipe] {
        guard let header = gzipHeader(head), let version = CodecLibrary.gzip.version else { return [] }
        let levels =
            switch header[8] {
            case 2: [9]
            case 4: [1]
            default: [6, 9, 5, 7, 8, 4, 3, 2, 1]
            }
        return levels.flatMap { level in
            [
                Recipe(.gzip(level: level, header: header), version: "gzip"),
                Recipe(.zlib(level: level, header: header), version: version),
            ]
        }
    }

    /// A whole gzip header with its extra field, name, comment and checksum; nil if it is none or too long.
    private static func gzipHeader(_ head: [UInt8]) -> [UInt8]? {
        guard head.count > 10, head[0] == 0x1F, head[1] == 0x8B, head[2] == 8 else { return nil }
        let flags = head[3]
        var end = 10
        if flags & 4 != 0 {
            guard head.count > 12 else { return nil }
            end += 2 + Int(head[10]) + Int(head[11]) << 8
        }
        for flag in [UInt8(8), 16] where flags & flag != 0 {
            guard end < head.count, let zero = head[end...].firstIndex(of: 0) else { return nil }
            end = zero + 1
        }
        if flags & 2 != 0 { end += 2 }
        guard end < head.count else { return nil }
        return Array(head[..<end])
    }
}
