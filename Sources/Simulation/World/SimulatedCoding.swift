/// Packs and unpacks the simulated vendor's files: of each 32 bytes of a content the second half follows from the first, and only that is in the file.
/// Some are only stored, and longer than their content.
///
/// Real work on real bytes, so that what comes out of a wrong file is wrong.
enum SimulatedCoding {
    private static let half = 16
    private static let magic: UInt8 = 0x51
    private static let stored: UInt8 = 0x52
    private static let overhead = 64

    /// The content whose halves are `seed`, cut to whole blocks.
    static func content(of seed: [UInt8]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(2 * seed.count)
        for start in stride(from: 0, through: seed.count - half, by: half) {
            let block = seed[start..<start + half]
            content += block
            content += block.map { ~$0 }
        }
        return content
    }

    /// The first halves of a stretch of whole blocks.
    static func seed(of content: ArraySlice<UInt8>) -> [UInt8] {
        var seed: [UInt8] = []
        seed.reserveCapacity(content.count / 2)
        for start in stride(from: content.startIndex, to: content.endIndex, by: 2 * half) {
            seed += content[start..<min(start + half, content.endIndex)]
        }
        return seed
    }

    /// The published file of a content.
    static func packed(_ content: [UInt8], isStored: Bool) -> [UInt8] {
        isStored
            ? [stored] + content + [UInt8](repeating: 0, count: overhead) : [magic] + seed(of: content[...])
    }

    /// What is inside a published file; nil for what is none.
    static func unpacked(_ file: [UInt8]) -> [UInt8]? {
        if file.first == stored, file.count > overhead { return Array(file.dropFirst().dropLast(overhead)) }
        guard file.first == magic, (file.count - 1) % half == 0 else { return nil }
        return content(of: Array(file.dropFirst()))
    }
}
