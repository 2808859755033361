/// A piece of memory that wanders between a loop and a queue, one owner at a time.
final class BulkBuffer: Sendable {
    /// Large enough that a hop to another thread costs little per byte.
    static let capacity = 256 * 1024

    // Whoever has the buffer in hand is alone with it.
    private nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer
    private(set) nonisolated(unsafe) var count = 0

    init() {
        memory = .allocate(byteCount: Self.capacity, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }

    var room: Int { Self.capacity - count }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    func clear() {
        count = 0
    }

    /// Takes as many bytes as it has room for; says how many.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = min(room, bytes.count)
        guard taken > 0 else { return 0 }
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        count += taken
        return taken
    }

    /// Fills itself with at most `limit` bytes by `read`, which says how many it gave; fewer are asked for again.
    func fill(limit: Int, _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int) rethrows {
        count = 0
        let wanted = min(limit, Self.capacity)
        while count < wanted {
            let got = try read(UnsafeMutableRawBufferPointer(rebasing: memory[count..<wanted]), count)
            guard got > 0 else { return }
            count += min(got, wanted - count)
        }
    }
}
