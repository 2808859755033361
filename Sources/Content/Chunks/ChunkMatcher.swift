/// Finds what of a new content is in the old one: the instructions of a chunk delta.
///
/// The old content is cut into chunks as a container pool cuts (`Chunker`), of 1 KiB on average and more for contents of more than a GiB, so that their table never
/// takes more than 32 MiB. The new one is cut alike; a chunk that both have is compared byte by byte and then made as long as bytes are equal before and
/// behind it, so that a few changed bytes cost those bytes and not their chunk. Where a repetition ends, the places that belong together
/// are looked at a little further on first, since most changes replace bytes by as many others. No hash has to be trusted, since both contents are here.
/// Pure; reads both contents about once. One thread.
package struct ChunkMatcher {
    /// How far behind the end of a repetition its going on is looked for, and how many equal bytes make one.
    private static let reach = 4096
    private static let least = 24

    private let old: UnsafeRawBufferPointer
    private let new: UnsafeRawBufferPointer
    private let chunker: Chunker
    private var table: ChunkTable

    /// Reads the old content; both must stay where they are as long as this is used.
    package init(old: UnsafeRawBufferPointer, new: UnsafeRawBufferPointer) {
        self.old = old
        self.new = new
        let limits = Self.limits(old.count)
        chunker = Chunker(limits)
        table = ChunkTable(chunks: old.count / limits.average)
        var at = 0
        while at < old.count, !table.isFull {
            let length = chunker.cut(UnsafeRawBufferPointer(rebasing: old[at...]))
            if length >= limits.minimum {
                table.note(ChunkTable.sum(UnsafeRawBufferPointer(rebasing: old[at..<at + length])), at: at)
            }
            at += length
        }
    }

    /// About a million chunks, whatever the content's length.
    private static func limits(_ length: Int) -> ChunkLimits {
        var average = 1 << 10
        while average < 1 << 16, average < length >> 20 { average *= 2 }
        return ChunkLimits(minimum: average / 4, average: average, maximum: average * 4)
    }

    /// Gives the instructions in order; together they make exactly the new content.
    ///
    /// - Parameter take: also gets where in the new content the instruction begins.
    package func run(_ take: (ChunkInstruction, Int) throws -> Void) throws {
        // What no instruction covers begins here, and the search goes on there.
        var (begin, at) = (0, 0)
        var goingOn: Int? = 0
        while at < new.count {
            let match: (new: Int, old: Int)
            if let place = goingOn, let found = goesOn(at, place) {
                match = found
            } else {
                goingOn = nil
                let length = chunker.cut(UnsafeRawBufferPointer(rebasing: new[at...]))
                guard length >= chunker.limits.minimum, let place = find(at, length) else {
                    at += length
                    continue
                }
                match = grownBack(from: at, place, to: begin)
            }
            let length = equal(match.new, match.old)
            try take(
                ChunkInstruction(
                    literal: UInt64(match.new - begin), copy: UInt64(length), source: UInt64(match.old)), begin)
            begin = match.new + length
            at = begin
            goingOn = match.old + length
        }
        if begin < new.count {
            try take(ChunkInstruction(literal: UInt64(new.count - begin), copy: 0, source: 0), begin)
        }
    }

    /// The chunk at `at` in the old content.
    private func find(_ at: Int, _ length: Int) -> Int? {
        let chunk = UnsafeRawBufferPointer(rebasing: new[at..<at + length])
        guard let place = table[ChunkTable.sum(chunk)], length <= old.count - place else { return nil }
        return equal(at, place, limit: length) == length ? place : nil
    }

    /// Where both go on alike, a little behind two places that belong together.
    private func goesOn(_ at: Int, _ place: Int) -> (new: Int, old: Int)? {
        let end = min(Self.reach, new.count - at, old.count - place)
        var run = 0
        for step in 0..<max(0, end) {
            guard new[at + step] == old[place + step] else {
                run = 0
                continue
            }
            run += 1
            if run == Self.least { return (at + step + 1 - run, place + step + 1 - run) }
        }
        return nil
    }

    private func grownBack(from at: Int, _ place: Int, to begin: Int) -> (new: Int, old: Int) {
        var (at, place) = (at, place)
        while at > begin, place > 0, new[at - 1] == old[place - 1] {
            at -= 1
            place -= 1
        }
        return (at, place)
    }

    /// How many bytes are equal from these places on.
    private func equal(_ at: Int, _ place: Int, limit: Int = .max) -> Int {
        let end = min(new.count - at, old.count - place, limit)
        var step = 0
        while step + 8 <= end {
            let difference =
                new.loadUnaligned(fromByteOffset: at + step, as: UInt64.self)
                ^ old.loadUnaligned(fromByteOffset: place + step, as: UInt64.self)
            guard difference == 0 else { return step + UInt64(littleEndian: difference).trailingZeroBitCount / 8 }
            step += 8
        }
        while step < end, new[at + step] == old[place + step] { step += 1 }
        return step
    }
}
