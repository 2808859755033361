/// A tar archive read piece by piece: POSIX `ustar`, PAX and GNU long names, nothing else, with every path checked before it is seen.
///
/// Pure: bytes come in by `read`, members go to a `TarSink`. It keeps at most one header and one extended header in memory. It refuses
/// absolute paths, `..`, NUL and control bytes, links that leave the tree, device nodes, fifos, sparse files, unknown types, sizes on
/// members that have none, bytes after the end, and more than its limits. Set-user-id bits are dropped. The size of a PAX header wins over the
/// one in the ustar header (as the standard says), so that what one reader sees as data can never be a header for another.
/// Errors are final: a reader that has thrown must not be used again.
package struct TarReader {
    private enum State {
        case header
        /// Bytes of a file still to come, then padding.
        case file(remaining: Int64, padding: Int)
        /// Bytes of an extended header still to come.
        case extended(type: UInt8, remaining: Int, padding: Int)
        case padding(Int)
        /// One zero block was seen.
        case closing
        /// Both were: only zeros may follow.
        case closed
    }

    private let limits: TarLimits
    private var state = State.header
    private var block: [UInt8] = []
    private var extended: [UInt8] = []
    private var pax = PaxRecords()
    private var longName: [UInt8]?
    private var longLink: [UInt8]?
    private var entries = 0
    private var bytes: Int64 = 0

    package init(limits: TarLimits = TarLimits()) { self.limits = limits }

    /// Takes the next bytes of the archive, in pieces of any size.
    package mutating func read(_ input: Span<UInt8>, into sink: inout some TarSink) throws {
        var offset = 0
        while offset < input.count {
            let available = input.count - offset
            switch state {
            case .header, .closing, .closed:
                let count = min(available, TarHeader.length - block.count)
                append(input, offset..<offset + count, toBlock: true)
                offset += count
                if block.count == TarHeader.length { try takeBlock(&sink) }
            case .file(let remaining, let padding):
                let count = Int(min(Int64(available), remaining))
                try sink.write(input.extracting(offset..<offset + count))
                offset += count
                if remaining > Int64(count) {
                    state = .file(remaining: remaining - Int64(count), padding: padding)
                } else {
                    try sink.end()
                    state = padding > 0 ? .padding(padding) : .header
                }
            case .extended(let type, let remaining, let padding):
                let count = min(available, remaining)
                append(input, offset..<offset + count, toBlock: false)
                offset += count
                if remaining > count {
                    state = .extended(type: type, remaining: remaining - count, padding: padding)
                } else {
                    try takeExtended(type)
                    state = padding > 0 ? .padding(padding) : .header
                }
            case .padding(let remaining):
                let count = min(available, remaining)
                offset += count
                state = remaining > count ? .padding(remaining - count) : .header
            }
        }
    }

    /// Says that the archive has ended; throws `archiveTruncated` when its end mark was not seen.
    package func finish() throws(ContentError) {
        if entries == 0, case .header = state, let name = ForeignFormat.name(of: block) {
            throw ContentError(.malformed, "\(name), not a tar archive")
        }
        guard case .closed = state, block.isEmpty else {
            throw ContentError(.truncated, "the archive ends before its end mark")
        }
    }

    private mutating func append(_ input: Span<UInt8>, _ range: Range<Int>, toBlock: Bool) {
        for index in range {
            if toBlock { block.append(input[index]) } else { extended.append(input[index]) }
        }
    }

    private mutating func takeBlock(_ sink: inout some TarSink) throws {
        defer { block.removeAll(keepingCapacity: true) }
        let isZero = block.allSatisfy { $0 == 0 }
        switch (state, isZero) {
        case (.header, true): state = .closing
        case (.closing, true): state = .closed
        case (.closed, true): break
        case (.closing, false), (.closed, false):
            throw ContentError(.truncated, "there are bytes after the archive's end")
        default: try takeHeader(TarHeader(block), &sink)
        }
    }

    private mutating func takeHeader(_ header: TarHeader, _ sink: inout some TarSink) throws {
        entries += 1
        guard entries <= limits.entries else {
            throw ContentError(.tooLarge, "more than \(limits.entries) entries")
        }
        switch header.type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard header.size > 0, header.size <= Int64(limits.headerLength) else {
                throw ContentError(.tooLarge, "an extended header of \(header.size) bytes")
            }
            extended.removeAll(keepingCapacity: true)
            state = .extended(
                type: header.type, remaining: Int(header.size), padding: Self.padding(header.size))
        default:
            try takeMember(header, &sink)
        }
    }

    /// An extended header is complete: it speaks of the next member.
    private mutating func takeExtended(_ type: UInt8) throws(ContentError) {
        switch type {
        case UInt8(ascii: "x"): pax = try PaxRecords(extended, global: false)
        case UInt8(ascii: "g"): _ = try PaxRecords(extended, global: true)
        case UInt8(ascii: "L"): longName = Array(extended.prefix { $0 != 0 })
        default: longLink = Array(extended.prefix { $0 != 0 })
        }
    }

    private mutating func takeMember(_ header: TarHeader, _ sink: inout some TarSink) throws {
        let size = pax.size ?? header.size
        let rawName = Self.chosen(pax.path, longName, header.name)
        let rawLink = Self.chosen(pax.linkPath, longLink, header.linkName)
        pax = PaxRecords()
        longName = nil
        longLink = nil

        let path = try TarPath.components(rawName, limits: limits)
        let endsInSlash = rawName.last == 0x2F
        let kind: TarEntry.Kind
        switch header.type {
        case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
            kind = endsInSlash ? .directory : .file(size: size)
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "2"): kind = .symbolicLink(target: try TarPath.linkTarget(rawLink, at: path, limits: limits))
        case UInt8(ascii: "1"): kind = .hardLink(target: try TarPath.components(rawLink, limits: limits))
        case UInt8(ascii: "3"), UInt8(ascii: "4"):
            throw ContentError(.special, "\(TarPath.shown(rawName)) is a device node")
        case UInt8(ascii: "6"): throw ContentError(.special, "\(TarPath.shown(rawName)) is a fifo")
        case UInt8(ascii: "S"): throw ContentError(.special, "\(TarPath.shown(rawName)) is a sparse file of GNU tar")
        case UInt8(ascii: "V"): throw ContentError(.special, "the archive has a volume label of GNU tar")
        case UInt8(ascii: "M"): throw ContentError(.special, "the archive is one volume of several")
        case UInt8(ascii: "D"): throw ContentError(.special, "the archive is an incremental dump of GNU tar")
        default:
            throw ContentError(.special, "\(TarPath.shown(rawName)) is of the unknown type \(header.type)")
        }
        try begin(path: path, kind: kind, size: size, mode: header.mode, shown: TarPath.shown(rawName), &sink)
    }

    private mutating func begin(
        path: [String], kind: TarEntry.Kind, size: Int64, mode: Int64, shown: String, _ sink: inout some TarSink
    ) throws {
        guard case .file = kind else {
            guard size == 0 else { throw ContentError(.malformed, "\(shown) has bytes but is no file") }
            if case .directory = kind {
            } else if path.isEmpty {
                throw ContentError(.path, "the archive's root is a link")
            }
            let isDirectory = kind == .directory
            try sink.begin(TarEntry(path: path, kind: kind, mode: isDirectory ? 0o755 : 0o777))
            try sink.end()
            state = .header
            return
        }
        guard !path.isEmpty else { throw ContentError(.path, "the archive's root is a file") }
        let (total, overflow) = bytes.addingReportingOverflow(size)
        guard !overflow, total <= limits.bytes else {
            throw ContentError(.tooLarge, "\(shown) takes the archive over \(limits.bytes) bytes")
        }
        bytes = total
        try sink.begin(TarEntry(path: path, kind: kind, mode: UInt16(mode & 0o755) | 0o600))
        if size > 0 {
            state = .file(remaining: size, padding: Self.padding(size))
        } else {
            try sink.end()
            state = .header
        }
    }

    private static func padding(_ size: Int64) -> Int { Int((512 - size % 512) % 512) }

    /// PAX before GNU before the header; an empty PAX value takes the header's.
    private static func chosen(_ pax: [UInt8]?, _ gnu: [UInt8]?, _ header: [UInt8]) -> [UInt8] {
        if let pax, !pax.isEmpty { return pax }
        return gnu ?? header
    }
}
