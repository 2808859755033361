internal import Compression

/// Gives the content of a Debian package: the same archive with `control.tar` and `data.tar` unpacked (docs/formats/deb.md).
///
/// A member's size stands before its bytes, so a packed member is unpacked twice: once to count, once to give. Memory is that of one codec. What is
/// given is a package that dpkg takes, and its own content. One use, one thread.
struct DebDecoder {
    /// Reads at an offset; 0 at the end.
    typealias Read = (UnsafeMutableRawBufferPointer, Int64) throws -> Int
    typealias Output = (UnsafeRawBufferPointer) throws -> Void

    private let limits: ContentLimits
    private var pump = CodecPump()
    private var members = DebMembers()
    /// Bytes of the file that are done, and of the content that were given.
    private var offset: Int64 = 0
    private var given: UInt64 = 0

    init(limits: ContentLimits) { self.limits = limits }

    /// Finds the libraries that members may be packed with; one that is not there is an error only where a member needs it.
    static func loadLibraries() {
        for library in CodecLibrary.allCases { _ = library.isPresent }
    }

    /// Throws `malformed`, `truncated`, `tooLarge` before a byte beyond the limits is given, `unavailable`, or what `read` and `output` throw.
    mutating func run(_ read: Read, output: Output) throws {
        guard try take(ArHeader.magic.count, read) == ArHeader.magic else {
            throw ArHeader.malformed("is no ar archive")
        }
        try give(ArHeader.magic, output)
        while true {
            let bytes = try take(ArHeader.length, read)
            guard !bytes.isEmpty else { break }
            let header = try ArHeader(bytes)
            var length = header.size
            switch try members.take(header) {
            case .version:
                let version = try take(Int(header.size), read)
                guard version.count == Int(header.size) else { throw Self.cut(header) }
                try DebMembers.checkVersion(version)
                try give(header.bytes + version, output)
            case .keep:
                try give(header.bytes, output)
                given += try unpack(header, PlainDecompressor(), read, output: output)
                offset += Int64(header.size)
            case .unpack(let codec, let name):
                length = try unpack(header, codec.decompressor(), read) { _ in }
                try give(header.renamed(name, size: length), output)
                guard try unpack(header, codec.decompressor(), read, output: output) == length else {
                    throw ContentError(.failed, "the file was changed while it was unpacked")
                }
                given += length
                offset += Int64(header.size)
            }
            try endMember(header, read)
            if length % 2 == 1 { try give([ArHeader.padding], output) }
        }
        try members.finish()
    }

    /// Unpacks the member that begins here and says how long it is inside; moves nothing.
    private mutating func unpack(
        _ header: ArHeader, _ decompressor: any Decompressor, _ read: Read, output: Output
    ) throws -> UInt64 {
        let (limits, before, end) = (limits, given, offset + Int64(header.size))
        var length: UInt64 = 0
        try pump.run(from: offset) { buffer, offset in
            guard offset < end else { return 0 }
            let room = min(buffer.count, Int(end - offset))
            let count = try read(UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]), offset)
            guard count > 0 else { throw Self.cut(header) }
            return count
        } step: { input, isLast, output throws(CompressionError) in
            try decompressor.step(input, isLast: isLast, into: output)
        } output: { taken, inside, bytes in
            length = inside
            try limits.check(taken: taken, given: before + inside)
            try output(bytes)
        }
        return length
    }

    /// Steps over what fills up a member of an odd number of bytes.
    private mutating func endMember(_ header: ArHeader, _ read: Read) throws {
        guard header.size % 2 == 1 else { return }
        let padding = try take(1, read)
        guard !padding.isEmpty else { throw Self.cut(header) }
        guard padding == [ArHeader.padding] else {
            throw ArHeader.malformed("has a stray byte behind its \(header.name)")
        }
    }

    /// The next bytes, fewer only at the end of the file.
    private mutating func take(_ count: Int, _ read: Read) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let place = offset + Int64(done)
            let got = try bytes.withUnsafeMutableBytes { bytes in
                try read(UnsafeMutableRawBufferPointer(rebasing: bytes[done...]), place)
            }
            guard got > 0 else { break }
            done += got
        }
        offset += Int64(done)
        return Array(bytes.prefix(done))
    }

    private mutating func give(_ bytes: [UInt8], _ output: Output) throws {
        given += UInt64(bytes.count)
        try limits.check(taken: UInt64(offset), given: given)
        try bytes.withUnsafeBytes { try output($0) }
    }

    private static func cut(_ header: ArHeader) -> ContentError {
        ContentError(.truncated, "the deb ends within its \(header.name)")
    }
}
