internal import Model

/// A patch or a chunk delta between two of the vendor's contents: its means, their hashes, what of the old content the new one begins and ends with, and what is in between.
///
/// It is really applied: a wrong one, or another base, gives bytes with another hash.
enum SimulatedPatch {
    private static let block = 32
    private static let hashes = 1..<65
    private static let header = 77

    /// A patch packs what is in between, chunks do so less well, uncompressed ones not at all.
    static func make(
        _ means: TransferMeans, from old: (hash: SHA256Digest, bytes: [UInt8]),
        to new: (hash: SHA256Digest, bytes: [UInt8])
    ) -> [UInt8] {
        let least = min(old.bytes.count, new.bytes.count)
        var start = 0
        while start + block <= least, old.bytes[start..<start + block] == new.bytes[start..<start + block] {
            start += block
        }
        var rest = 0
        while start + rest + block <= least,
            old.bytes.suffix(rest + block).prefix(block).elementsEqual(new.bytes.suffix(rest + block).prefix(block))
        {
            rest += block
        }
        let middle = new.bytes[start..<new.bytes.count - rest]
        var patch = [means.rawValue] + old.hash.bytes + new.hash.bytes
        for number in [start, middle.count, rest] { patch += number32(number) }
        guard means != .plainChunks else { return patch + middle }
        patch += SimulatedCoding.seed(of: middle)
        return means == .patch ? patch : patch + [UInt8](repeating: 0, count: middle.count / 16)
    }

    /// What applying gives; nil where it is not between these two, is cut, or needs a library that is not there.
    static func apply(
        _ patch: [UInt8], to old: (hash: SHA256Digest, bytes: [UInt8]), wanting new: SHA256Digest, hasLibrary: Bool
    ) -> [UInt8]? {
        guard patch.count >= header, let means = TransferMeans(rawValue: patch[0]), means.needsBase,
            hasLibrary || means == .plainChunks, patch[hashes].elementsEqual(old.hash.bytes + new.bytes)
        else { return nil }
        let (start, count, rest) = (number(patch, 65), number(patch, 69), number(patch, 73))
        guard start + rest <= old.bytes.count else { return nil }
        let body = patch.dropFirst(header)
        let middle = means == .plainChunks ? Array(body) : SimulatedCoding.content(of: Array(body.prefix(count / 2)))
        guard middle.count == count else { return nil }
        return old.bytes.prefix(start) + middle + old.bytes.suffix(rest)
    }

    private static func number32(_ number: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> Int {
        bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    }
}
