/// What a child says on its standard output while it makes a patch: records of done (8 bytes), count (4) and `count` bytes of the frame.
///
/// Numbers are little-endian. Written by a process that may be in wrong hands: limits hold here.
struct PatchPieces {
    static let headLength = 12
    static let pieceLimit = 1 << 20

    /// Bytes of the new content.
    let limit: UInt64
    private var head: [UInt8] = []
    private var remaining = 0

    init(limit: UInt64) { self.limit = limit }

    mutating func take(
        _ bytes: UnsafeRawBufferPointer, progress: (UInt64) -> Void, output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if remaining > 0 {
                let piece = rest.prefix(remaining)
                try output(UnsafeRawBufferPointer(rebasing: piece))
                remaining -= piece.count
                rest = rest.dropFirst(piece.count)
                continue
            }
            let part = rest.prefix(Self.headLength - head.count)
            head += part
            rest = rest.dropFirst(part.count)
            guard head.count == Self.headLength else { return }
            let done = LittleEndian.number(head[..<8])
            let count = LittleEndian.number(head[8...])
            head.removeAll(keepingCapacity: true)
            guard done <= limit, count <= Self.pieceLimit else {
                throw ContentError(.childDied, "the child that makes a patch says what cannot be")
            }
            remaining = Int(count)
            progress(done)
        }
    }

    func finish() throws(ContentError) {
        guard remaining == 0, head.isEmpty else {
            throw ContentError(.childDied, "the child that makes a patch ended in the middle of a word")
        }
    }
}
