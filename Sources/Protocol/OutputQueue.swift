import Codec

/// What a session has to send: control frames, which go first, and bulk, which goes in whole frames between them.
///
/// Bulk has two buffers, one being written and one being filled, so that bytes are copied once and never moved. What has been
/// offered to the transport is offered again, unchanged in its beginning, until it is taken (`SSL_write` insists on that).
/// An idle queue holds no buffer.
struct OutputQueue: Sendable {
    /// What became of a frame.
    enum Appended {
        case whole
        /// Its payload would have this length, which is outside the limits of its type.
        case refused(Int)
    }

    private var control: [UInt8] = []
    private var controlHead = 0
    /// Bulk being written: whole frames from `frontHead` on, if `frontHead` is not inside one.
    private var front: [UInt8] = []
    private var frontHead = 0
    /// End of the part of `front` that has been offered, which nothing may overtake; equal to `frontHead` if none.
    private var offeredEnd = 0
    /// Bulk being filled.
    private var back: [UInt8] = []

    /// Control bytes waiting.
    var controlCount: Int { control.count - controlHead }
    /// Bulk bytes that can be taken in, headers included.
    var bulkRoom: Int { max(0, ProtocolLimits.bulkOutput - back.count) }
    /// Bulk bytes waiting.
    var bulkCount: Int { front.count - frontHead + back.count }
    /// All bytes waiting.
    var count: Int { controlCount + bulkCount }
    var isEmpty: Bool { controlCount == 0 && bulkCount == 0 }

    /// Appends a control frame with a payload that `write` appends; the length is filled in. A
    /// payload of a length that the type does not allow leaves nothing behind.
    @discardableResult
    mutating func appendControl(
        _ type: FrameType, flags: UInt8 = 0, priority: Priority = .control, stream: StreamID = StreamID(0),
        _ write: (inout [UInt8]) -> Void
    ) -> Appended {
        let start = control.count
        FrameHeader(length: 0, type: type, flags: flags, priority: priority, stream: stream).append(to: &control)
        write(&control)
        let length = control.count - start - ProtocolLimits.headerLength
        guard type.lengths.contains(length) else {
            control.removeSubrange(start...)
            return .refused(length)
        }
        for index in 0..<4 {
            control[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index))
        }
        return .whole
    }

    /// Appends a control frame of one fixed-width integer.
    mutating func appendControl(_ type: FrameType, stream: StreamID = StreamID(0), _ value: some FixedWidthInteger) {
        appendControl(type, stream: stream) { OutputQueue.append(value, to: &$0) }
    }

    /// Appends a data frame; the caller has looked at `bulkRoom`.
    mutating func appendData(_ bytes: Span<UInt8>, stream: StreamID, flags: UInt8) {
        if back.isEmpty { back.reserveCapacity(bytes.count + ProtocolLimits.headerLength) }
        FrameHeader(length: UInt32(bytes.count), type: .data, flags: flags, stream: stream).append(to: &back)
        ByteSpan.append(bytes, to: &back)
    }

    /// Appends a reset behind all bulk, so that it does not overtake the stream's own data.
    mutating func appendReset(_ stream: StreamID, _ code: ResetCode) {
        FrameHeader(length: 4, type: .reset, stream: stream).append(to: &back)
        OutputQueue.append(code.rawValue, to: &back)
    }

    /// Drops the bulk that has not been offered yet.
    mutating func dropBulk() {
        back = []
        front.removeSubrange(offeredEnd...)
    }

    /// Gives back the memory of empty buffers.
    mutating func release() {
        if bulkCount == 0 {
            (front, back, frontHead, offeredEnd) = ([], [], 0, 0)
        }
        if controlCount == 0, control.capacity > 0 {
            (control, controlHead) = ([], 0)
        }
    }

    /// Calls `body` with the bytes that go next, in one piece; it says how many of them it has taken. Not called if there are none.
    mutating func offer<Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Int) throws(Failure) {
        if offeredEnd == frontHead, controlCount > 0 {
            let taken = try body(control.span.extracting(controlHead..<control.count))
            controlHead += min(max(0, taken), controlCount)
            if controlHead == control.count {
                control.removeAll(keepingCapacity: control.capacity <= 4096)
                controlHead = 0
            }
            return
        }
        if offeredEnd == frontHead {
            if frontHead == front.count {
                front.removeAll(keepingCapacity: true)
                (frontHead, offeredEnd) = (0, 0)
                swap(&front, &back)
                guard !front.isEmpty else { return }
            }
            offeredEnd = wholeFramesEnd()
        }
        let taken = try body(front.span.extracting(frontHead..<offeredEnd))
        frontHead += min(max(0, taken), offeredEnd - frontHead)
    }

    /// The end of the last frame that fits into one write; of the first one if not even that fits.
    private func wholeFramesEnd() -> Int {
        var end = frontHead
        while end < front.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(front[end + $1]) }
            let next = end + ProtocolLimits.headerLength + length
            guard end == frontHead || next - frontHead <= ProtocolLimits.writeLength else { break }
            end = next
        }
        return end
    }

    private static func append(_ value: some FixedWidthInteger, to output: inout [UInt8]) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            output.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
