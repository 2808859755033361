import Compression
import Foundation
import Model
import Storage
import System
import TLS
import Testing

@Suite("Chunks compressed with the machine's libzstd")
struct ChunkCompressionTests {
    private static let folder = NSTemporaryDirectory() + "axle-zstd-\(UUID().uuidString)"

    /// Text that compresses, and noise that does not.
    private static func content() -> [UInt8] {
        let text = (0..<60_000).flatMap { Array("line \($0 % 977) of a file\n".utf8) }
        var state: UInt64 = 7
        return text
            + (0..<300_000).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return UInt8(state >> 56)
            }
    }

    @Test("a daemon's container pool stores less than it holds and gives the same bytes back, also after a restart")
    func smaller() throws {
        try #require(CodecLibrary.zstd.isPresent)
        let folder = Self.folder + "a"
        defer { _ = try? Directory.removeTree(folder) }  // a leftover in the temporary folder harms nothing
        let content = Self.content()
        let digest = try SHA256Digest(bytes: SHA256.hash(content))
        do {
            let pool = try PoolFolder.open(folder, quota: ByteCount(1 << 30), new: .container)
            let reservation = try pool.reserve(digest, length: ByteCount(UInt64(content.count)))
            try pool.write(reservation, at: .zero, content.span.bytes)
            try pool.publish(reservation)
            #expect(pool.account().used.bytes < UInt64(content.count) * 2 / 3)
        }
        let pool = try PoolFolder.open(folder, quota: ByteCount(1 << 30), new: .file)
        #expect(try pool.open(digest).read(at: .zero, count: content.count).starts(with: content.prefix(100)))
        try pool.verify(digest)

        // The same pool on a machine without the library.
        let bare = try PoolFolder.open(folder, quota: ByteCount(1 << 30), new: .file, codings: [])
        #expect(throws: StorageError.codingMissing(1)) { try bare.open(digest).read(at: .zero, count: 1) }
        #expect(StorageError.codingMissing(1).description.contains("libzstd1"))
        #expect(bare.check(readData: true).isClean, "what cannot be decoded is not called damaged")
        #expect(bare.marks().isEmpty)
    }

    @Test("what is not shorter is stored as it is, and a hostile frame makes no bytes and no memory")
    func refusals() throws {
        let coding = try #require(ZstdChunkCoding())
        let noise = Self.content().suffix(20_000)
        #expect(Array(noise).withUnsafeBytes { coding.encode($0) } == nil)
        #expect([UInt8]([7]).withUnsafeBytes { coding.encode($0) } == nil)
        let text = [UInt8](repeating: 65, count: 100_000)
        let frame = try #require(text.withUnsafeBytes { coding.encode($0) })
        #expect(coding.decode(frame, length: text.count) == text)
        for length in [0, 1, text.count - 1, text.count + 1] { #expect(coding.decode(frame, length: length) == nil) }
        #expect(coding.decode([], length: 10) == nil)
        #expect(coding.decode(Array(frame.dropLast()), length: text.count) == nil)
        // A header that promises 2^62 bytes.
        let bomb: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0] + [UInt8](repeating: 0, count: 7) + [0x40, 1, 0, 0]
        #expect(coding.decode(bomb, length: 256 << 10) == nil)
    }
}
