/// The first 96 bytes of a chunk delta: which content it turns into which, and how its body is packed (docs/formats/chunk-delta.md).
///
/// ```
/// offset length
///      0      8  "axlechd1"
///      8      1  packing: 0 = the body as it is, 1 = the body as one zstd frame (RFC 8878)
///      9      1  packing 1: the frame's window is at most 2^N bytes, N from 10 to 26; packing 0: zero
///     10      6  zero
///     16      8  length of the old content
///     24     32  its SHA-256
///     56      8  length of the new content
///     64     32  its SHA-256
///     96         the body, to the end
/// ```
/// Numbers are big-endian. Nothing in it is believed: whoever applies a chunk delta compares both contents with what was signed.
package struct ChunkDeltaHeader: Hashable, Sendable {
    package static let length = 96
    private static let magic = Array("axlechd1".utf8)
    private static let windowLogs = 10...26
    /// What a frame made here looks back: whoever unpacks it takes as much memory.
    private static let windowLog = 26

    package let old: ContentIdentity
    package let new: ContentIdentity
    /// Of the frame; nil for a body that is not packed.
    package let windowLog: Int?

    package var isPacked: Bool { windowLog != nil }

    /// The header of a chunk delta that is to be made; `isPacked` needs libzstd on both sides.
    package init(from old: ContentIdentity, to new: ContentIdentity, isPacked: Bool) throws(ContentError) {
        guard max(old.length, new.length) <= PatchHeader.contentLimit else {
            throw ContentError(.tooLarge, "no chunk deltas are made of more than \(PatchHeader.contentLimit) bytes")
        }
        self.old = old
        self.new = new
        windowLog = isPacked ? Self.windowLog : nil
    }

    /// Reads a header; throws `truncated`, `malformed` or `tooLarge`.
    package init(_ bytes: [UInt8]) throws(ContentError) {
        guard bytes.count >= Self.length else { throw ContentError(.truncated, "the chunk delta has no whole header") }
        guard Self.isMarked(bytes), bytes[8] <= 1, bytes[8] == 1 || bytes[9] == 0,
            bytes[10..<16].allSatisfy({ $0 == 0 })
        else { throw ContentError(.malformed, "this is no chunk delta of a kind known here") }
        windowLog = bytes[8] == 1 ? Int(bytes[9]) : nil
        old = try ContentIdentity(encoded: bytes[16..<56])
        new = try ContentIdentity(encoded: bytes[56..<96])
        guard windowLog.map({ Self.windowLogs.contains($0) }) ?? true,
            max(old.length, new.length) <= PatchHeader.contentLimit
        else { throw ContentError(.tooLarge, "the chunk delta is of more bytes than allowed") }
    }

    /// Whether a file that begins so says that it is a chunk delta.
    static func isMarked(_ bytes: [UInt8]) -> Bool { bytes.prefix(8).elementsEqual(magic) }

    package func encoded() -> [UInt8] {
        Self.magic + [isPacked ? 1 : 0, UInt8(clamping: windowLog ?? 0)] + [UInt8](repeating: 0, count: 6) + old.encoded
            + new.encoded
    }
}
