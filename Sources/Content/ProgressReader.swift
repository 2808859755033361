/// What a child says while it applies a patch: how many bytes are done, 8 bytes little-endian each time.
struct ProgressReader {
    let limit: UInt64
    private var head: [UInt8] = []
    private var done: UInt64 = 0

    init(limit: UInt64) { self.limit = limit }

    /// The last number that is complete.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(ContentError) -> UInt64 {
        for byte in bytes {
            head.append(byte)
            guard head.count == 8 else { continue }
            let number = LittleEndian.number(head[...])
            head.removeAll(keepingCapacity: true)
            guard number <= limit, number >= done else {
                throw ContentError(.childDied, "the child that applies a patch says what cannot be")
            }
            done = number
        }
        return done
    }
}
