/// Makes the new content of the old one and the body of a chunk delta, which comes piece by piece.
///
/// Everything in the body is checked before it is acted on: nothing is read beyond the old content or written beyond the new one, whatever it says. Keeps at most one
/// section's table (1 MiB). One thread.
package struct ChunkAssembler {
    /// Bytes that are copied before somebody hears how far it is; within `GrowingFile.room`.
    private static let copyStep = 128 << 10

    private let old: UnsafeRawBufferPointer
    private let new: UnsafeMutableRawBufferPointer
    /// Bytes of the new content that are there.
    package private(set) var done = 0
    private var expected: UInt64 = 0
    /// The section's table: its length as it comes, then its bytes; instructions are read from `cursor` on.
    private var head: [UInt8] = []
    private var table: [UInt8] = []
    private var tableLength = 0
    private var cursor = 0
    /// What is left of the instruction under way.
    private var literal = 0
    private var copy = 0
    private var source = 0

    /// Both have exactly the lengths that the header says.
    package init(old: UnsafeRawBufferPointer, new: UnsafeMutableRawBufferPointer) {
        self.old = old
        self.new = new
    }

    /// Takes the next bytes of the body. Throws `malformed`; then nothing more may be given.
    ///
    /// - Parameter progress: hears how many bytes of the new content are done.
    package mutating func take(_ bytes: UnsafeRawBufferPointer, progress: (Int) throws(ContentError) -> Void)
        throws(ContentError)
    {
        var rest = bytes[...]
        while !rest.isEmpty {
            if literal > 0 {
                let piece = rest.prefix(min(literal, Self.copyStep))
                UnsafeMutableRawBufferPointer(rebasing: new[done..<done + piece.count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece))
                done += piece.count
                literal -= piece.count
                rest = rest.dropFirst(piece.count)
                try progress(done)
                if literal == 0 { try goOn(progress) }
            } else if tableLength > 0 {
                let piece = rest.prefix(tableLength - table.count)
                table += piece
                rest = rest.dropFirst(piece.count)
                if table.count == tableLength { try goOn(progress) }
            } else {
                guard done < new.count else {
                    throw ContentError(.malformed, "there are bytes behind the chunk delta")
                }
                head.append(rest.removeFirst())
                guard head.count == 4 else { continue }
                tableLength = head.reduce(0) { $0 << 8 | Int($1) }
                head.removeAll(keepingCapacity: true)
                guard 1...ChunkDeltaWriter.tableLimit ~= tableLength else {
                    throw ContentError(.malformed, "a table of the chunk delta is empty or too long")
                }
            }
        }
    }

    /// Throws `truncated` if the body ended too early.
    package func finish() throws(ContentError) {
        guard done == new.count, tableLength == 0, head.isEmpty else {
            throw ContentError(.truncated, "the chunk delta ends before the content is complete")
        }
    }

    /// Does what needs no further bytes of the body.
    private mutating func goOn(_ progress: (Int) throws(ContentError) -> Void) throws(ContentError) {
        while true {
            try copyOld(progress)
            guard cursor < table.count else {
                table.removeAll(keepingCapacity: true)
                (tableLength, cursor) = (0, 0)
                return
            }
            let instruction = try ChunkInstruction(
                table, at: &cursor, expected: expected, oldLength: UInt64(old.count), room: UInt64(new.count - done))
            expected = instruction.expected(after: expected)
            // Each is at most what is left of a content in memory.
            literal = Int(clamping: instruction.literal)
            copy = Int(clamping: instruction.copy)
            source = Int(clamping: instruction.source)
            if literal > 0 { return }
        }
    }

    private mutating func copyOld(_ progress: (Int) throws(ContentError) -> Void) throws(ContentError) {
        while copy > 0 {
            let count = min(copy, Self.copyStep)
            UnsafeMutableRawBufferPointer(rebasing: new[done..<done + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: old[source..<source + count]))
            done += count
            source += count
            copy -= count
            try progress(done)
        }
    }
}
