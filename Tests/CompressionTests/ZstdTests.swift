import Compression
import Testing

@Suite("zstd")
struct ZstdTests {
    /// Drives a codec over bytes in pieces of any size; the steps' own word on completeness decides.
    static func run(
        _ bytes: [UInt8], piece: Int, room: Int = 1000,
        _ step: (UnsafeRawBufferPointer, Bool, UnsafeMutableRawBufferPointer) throws(CompressionError) -> CodecStep
    ) throws -> (output: [UInt8], isComplete: Bool) {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: room)
        var offset = 0
        var isComplete = false
        while true {
            let end = min(offset + piece, bytes.count)
            let result = try bytes.withUnsafeBytes { input in
                try buffer.withUnsafeMutableBytes {
                    try step(UnsafeRawBufferPointer(rebasing: input[offset..<end]), end == bytes.count, $0)
                }
            }
            output += buffer.prefix(result.produced)
            offset += result.consumed
            isComplete = result.isComplete
            if result.consumed == 0, result.produced == 0 { return (output, isComplete) }
            if isComplete, offset == bytes.count { return (output, true) }
        }
    }

    static func pack(_ bytes: [UInt8], _ settings: ZstdCompressor.Settings) throws -> [UInt8] {
        let compressor = try ZstdCompressor(settings)
        return try run(bytes, piece: 4096) { input, isLast, output throws(CompressionError) in
            try compressor.step(input, isLast: isLast, into: output)
        }.output
    }

    static func unpack(_ bytes: [UInt8], piece: Int = 700, windowLogLimit: Int = 27) throws -> ([UInt8], Bool) {
        let decompressor = try ZstdDecompressor(windowLogLimit: windowLogLimit)
        return try run(bytes, piece: piece) { input, isLast, output throws(CompressionError) in
            try decompressor.step(input, isLast: isLast, into: output)
        }
    }

    static func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return index % 7 < 4 ? UInt8(index / 256 & 0xFF) : UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    @Test("what is packed unpacks to the same bytes, in pieces of any size", arguments: [1, 7, 131_072])
    func roundTrip(piece: Int) throws {
        let bytes = Self.sample(200_000)
        for level in [1, 3, 9] {
            var settings = ZstdCompressor.Settings(level: level)
            settings.contentLength = UInt64(bytes.count)
            settings.hasChecksum = true
            let packed = try Self.pack(bytes, settings)
            #expect(packed.count < bytes.count)
            #expect(try Self.unpack(packed, piece: piece) == (bytes, true))
            #expect(try Self.unpack(packed + packed, piece: piece) == (bytes + bytes, true))
            let frame = try #require(ZstdFrame(packed))
            #expect(frame.contentLength == UInt64(bytes.count) && frame.hasChecksum && !frame.hasDictionary)
        }
    }

    @Test("a window beyond the limit is refused before it is taken")
    func window() throws {
        var settings = ZstdCompressor.Settings(level: 1)
        settings.windowLog = 28
        let packed = try Self.pack(Self.sample(10_000), settings)
        #expect(ZstdFrame(packed)?.windowLength == 1 << 28)
        #expect { _ = try Self.unpack(packed) } throws: { ($0 as? CompressionError)?.code == .tooLarge }
        #expect(try Self.unpack(packed, windowLogLimit: 28).1)
        // A header of 2^31, then nothing: what a memory bomb looks like.
        #expect { _ = try Self.unpack([0x28, 0xB5, 0x2F, 0xFD, 0, 21 << 3, 1, 0, 0]) } throws: {
            ($0 as? CompressionError)?.code == .tooLarge
        }
    }

    @Test("a stream that is cut off is not complete, wherever it is cut")
    func truncated() throws {
        let packed = try Self.pack(Self.sample(3000), ZstdCompressor.Settings(level: 3))
        for length in 0..<packed.count { #expect(try !Self.unpack(Array(packed.prefix(length))).1) }
    }

    @Test("bytes behind a frame are malformed")
    func trailing() throws {
        let packed = try Self.pack([1, 2, 3], ZstdCompressor.Settings(level: 3))
        #expect { _ = try Self.unpack(packed + Array("garbage".utf8)) } throws: {
            ($0 as? CompressionError)?.code == .malformed
        }
    }

    @Test("a frame's header is read as the format says")
    func header() {
        #expect(ZstdFrame([0x28, 0xB5, 0x2F, 0xFD, 0x20, 5])?.contentLength == 5)
        #expect(ZstdFrame([0x28, 0xB5, 0x2F, 0xFD, 0x60, 0, 1])?.contentLength == 512)
        #expect(ZstdFrame([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58])?.windowLength == 1 << 21)
        #expect(ZstdFrame([0x28, 0xB5, 0x2F, 0xFD, 0x08, 0x58]) == nil)
        #expect(ZstdFrame([0x28, 0xB5, 0x2F, 0xFD, 0xE0, 1, 2]) == nil)
        #expect(ZstdFrame([]) == nil)
    }
}
