/// The first 96 bytes of a patch: which content it turns into which, and how.
///
/// ```
/// offset length
///      0      8  "axlepat1"
///      8      1  method: 1 = one zstd frame (RFC 8878) with the old content as raw prefix
///      9      1  the frame's window is at most 2^N bytes: N from 10 to 31
///     10      6  zero
///     16      8  length of the old content
///     24     32  its SHA-256
///     56      8  length of the new content
///     64     32  its SHA-256
///     96         the frame, to the end
/// ```
/// Numbers are big-endian. Nothing in it is believed: whoever applies a patch compares both contents with what was signed.
package struct PatchHeader: Hashable, Sendable {
    package static let length = 96
    /// No content is longer than this.
    package static let contentLimit: UInt64 = 1 << 40
    private static let magic = Array("axlepat1".utf8)
    private static let zstdMethod: UInt8 = 1
    private static let windowLogs = 10...31
    /// zstd looks back so far and no further: between longer contents a patch would hold most of the new one.
    package static let reach: UInt64 = 1 << 31

    package let old: ContentIdentity
    package let new: ContentIdentity
    package let windowLog: Int

    /// The header of a patch that is to be made; the window spans both contents where that is possible.
    package init(from old: ContentIdentity, to new: ContentIdentity) throws(ContentError) {
        guard max(old.length, new.length) <= Self.contentLimit else {
            throw ContentError(.tooLarge, "no patches are made of more than \(Self.contentLimit) bytes")
        }
        self.old = old
        self.new = new
        let span = old.length + new.length
        let log = UInt64.bitWidth - max(span, 1).leadingZeroBitCount
        windowLog = min(max(log, Self.windowLogs.lowerBound), Self.windowLogs.upperBound)
    }

    /// Reads a header; throws `truncated` or `malformed`.
    package init(_ bytes: [UInt8]) throws(ContentError) {
        guard bytes.count >= Self.length else { throw ContentError(.truncated, "the patch has no whole header") }
        guard bytes.prefix(8).elementsEqual(Self.magic), bytes[8] == Self.zstdMethod,
            bytes[10..<16].allSatisfy({ $0 == 0 })
        else { throw ContentError(.malformed, "this is no patch of a kind known here") }
        windowLog = Int(bytes[9])
        old = try ContentIdentity(encoded: bytes[16..<56])
        new = try ContentIdentity(encoded: bytes[56..<96])
        guard Self.windowLogs.contains(windowLog), max(old.length, new.length) <= Self.contentLimit else {
            throw ContentError(.tooLarge, "the patch is of more bytes than allowed")
        }
    }

    package func encoded() -> [UInt8] {
        Self.magic + [Self.zstdMethod, UInt8(windowLog)] + [UInt8](repeating: 0, count: 6) + old.encoded + new.encoded
    }
}
