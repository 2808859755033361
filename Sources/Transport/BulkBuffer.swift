internal import Protocol

/// A piece of memory that wanders between a loop and a queue, one owner at a time.
///
/// There is room before its bytes for a frame's header, and the bytes that have been sent make room for the next one's: so frames are made in place.
final class BulkBuffer: Sendable {
    /// Two direct frames: large enough that a hop to another thread costs little per byte.
    static let capacity = 2 * ProtocolLimits.directLength
    private static let headroom = 64

    // Whoever has the buffer in hand is alone with it.
    private nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer
    private(set) nonisolated(unsafe) var count = 0

    init() {
        memory = .allocate(byteCount: Self.headroom + Self.capacity, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }

    private var content: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[Self.headroom...])
    }
    var room: Int { Self.capacity - count }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: content[..<count]) }

    func clear() {
        count = 0
    }

    /// Takes as many bytes as it has room for; says how many.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = min(room, bytes.count)
        guard taken > 0 else { return 0 }
        UnsafeMutableRawBufferPointer(rebasing: content[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        count += taken
        return taken
    }

    /// Fills itself with at most `limit` bytes by `read`, which says how many it gave; fewer are asked for again.
    func fill(limit: Int, _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int) rethrows {
        count = 0
        let wanted = min(limit, Self.capacity)
        while count < wanted {
            let got = try read(UnsafeMutableRawBufferPointer(rebasing: content[count..<wanted]), count)
            guard got > 0 else { return }
            count += min(got, wanted - count)
        }
    }

    /// Takes what `read` gives at once of at most `limit` bytes; false if that is nothing.
    func fillOnce(limit: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int?) -> Bool {
        let wanted = min(limit, Self.capacity)
        count = min(read(UnsafeMutableRawBufferPointer(rebasing: content[..<wanted])) ?? 0, wanted)
        return count > 0
    }

    /// Makes a frame of the bytes from `start` on by writing its header right before them, over bytes that have been sent. Where the frame lies, for
    /// `part`.
    func place(_ frame: DirectFrame, at start: Int) -> Range<Int> {
        let first = Self.headroom + start - ProtocolLimits.headerLength
        memory.storeBytes(of: frame.high.bigEndian, toByteOffset: first, as: UInt64.self)
        memory.storeBytes(of: frame.low.bigEndian, toByteOffset: first + 8, as: UInt32.self)
        return first..<Self.headroom + start + frame.count
    }

    /// A part of a placed frame.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[range])
    }
}
