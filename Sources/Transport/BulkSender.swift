internal import Network
internal import Protocol
internal import System

/// One content on its way out: reads what is in memory when it is to be sent, and what is not ahead on its source's queue while the loop sends.
/// Belongs to the connection's loop.
final class BulkSender {
    /// A frame on its way from the buffer that it was made in.
    struct Outgoing {
        let sender: BulkSender
        let stream: StreamID
        let buffer: BulkBuffer
        /// What has not been taken yet.
        var left: Range<Int>
        /// Nothing more is sent of the buffer.
        let isLastOfBuffer: Bool

        var bytes: UnsafeRawBufferPointer { buffer.part(left) }
    }

    /// What came of the asking.
    enum Step {
        /// There is nothing to send, or nothing that may go; the stream is named again.
        case waiting
        /// Bytes have gone into the session's output.
        case queued
        /// This frame is to be written next. With the content's end the sender is done.
        case frame(Outgoing, isEnd: Bool)
        /// The stream is gone, or all is sent.
        case over
    }

    private let source: BulkSource
    /// The next byte to be read, and the end, as offsets in the whole content.
    private var readOffset: UInt64
    private let end: UInt64
    /// Buffers that were read and wait to be sent, at most two; `sent` counts into the first.
    private var ready: [BulkBuffer] = []
    private var spare: [BulkBuffer] = []
    private var sent = 0
    /// A frame of a buffer that left `ready` is still being written.
    private var isOut = false
    private var isReading = false
    /// Buffers that still come from the queue after one that was not at hand: the next are not either, and are read ahead.
    private var coldBuffers = 0
    private static let coldRun = 16
    private(set) var hasFailed = false
    /// When bytes were taken last; a peer that gives no credit for long loses the transfer.
    var lastProgress: Duration = .zero
    private let start: UInt64
    private let ended: (@Sendable (UInt64) -> Void)?

    init(_ source: BulkSource, _ content: Content, ended: (@Sendable (UInt64) -> Void)? = nil) {
        self.source = source
        self.ended = ended
        start = content.offset
        readOffset = content.offset
        end = content.length
    }

    // However it ended: sent whole, called off, or with its connection.
    deinit { ended?(end - start - bytesLeft) }

    /// Bytes that have not gone yet.
    var bytesLeft: UInt64 {
        end - readOffset + UInt64(ready.reduce(0) { $0 + $1.count } - sent)
    }

    /// There are bytes to be sent now.
    var isReady: Bool {
        if case .bytes = source { return true }
        return !ready.isEmpty
    }

    /// The next that is to be sent, as far as the session lets it go.
    func next(_ session: inout Session, _ stream: StreamID) -> Step {
        if case .bytes(let bytes) = source { return queue(bytes, &session, stream) }
        // A source that failed has given what it had; that goes first, so that a later transfer goes on behind it.
        guard let first = ready.first else { return hasFailed ? .over : .waiting }
        let isLast = ready.count == 1 && readOffset == end && !isReading && !hasFailed
        guard let frame = session.beginFrame(stream, count: first.count - sent, isEnd: isLast) else { return .over }
        guard frame.count > 0 else { return .waiting }
        let range = first.place(frame, at: sent)
        sent += frame.count
        let isUsedUp = sent == first.count
        if isUsedUp {
            sent = 0
            isOut = true
            ready.removeFirst()
            if !ready.isEmpty || hasFailed { session.wantsToSend(stream) }
        }
        let outgoing = Outgoing(sender: self, stream: stream, buffer: first, left: range, isLastOfBuffer: isUsedUp)
        return .frame(outgoing, isEnd: isLast && isUsedUp)
    }

    /// The frame has been written.
    func wrote(_ frame: Outgoing) {
        guard frame.isLastOfBuffer else { return }
        isOut = false
        spare.append(frame.buffer)
    }

    private func queue(_ bytes: [UInt8], _ session: inout Session, _ stream: StreamID) -> Step {
        let start = Int(clamping: readOffset)
        guard end == UInt64(bytes.count), start <= bytes.count else {
            hasFailed = true
            return .over
        }
        guard let taken = session.sendData(stream, bytes.span.extracting(start..<bytes.count), isEnd: true) else {
            return .over
        }
        readOffset += UInt64(taken)
        guard readOffset < end else { return .over }
        return taken > 0 ? .queued : .waiting
    }

    /// Gets the next buffer if there is room for it: true if it is there now, else `done` is called on the loop when it is there.
    func readAhead(on loop: EventLoop, _ done: @escaping @Sendable () -> Void) -> Bool {
        guard case .reader(let queue, let read, let atHand) = source, !isReading, !hasFailed, readOffset < end else {
            return false
        }
        let held = ready.count + (isOut ? 1 : 0)
        let offset = readOffset
        let limit = Int(min(UInt64(BulkBuffer.capacity), end - offset))
        if let atHand, coldBuffers == 0 {
            guard held == 0 else { return false }
            let buffer = spare.popLast() ?? BulkBuffer()
            if buffer.fillOnce(limit: limit, { atHand($0, offset) }) {
                readOffset = offset + UInt64(buffer.count)
                ready.append(buffer)
                return true
            }
            spare.append(buffer)
            coldBuffers = Self.coldRun
        }
        guard held < 2 else { return false }
        coldBuffers = max(0, coldBuffers - 1)
        isReading = true
        let buffer = spare.popLast() ?? BulkBuffer()
        nonisolated(unsafe) let sender = self
        queue.submit {
            var failed = false
            do {
                try buffer.fill(limit: limit) { memory, done in try read(memory, offset + UInt64(done)) }
            } catch {
                failed = true
            }
            let isShort = failed || buffer.count < limit
            loop.execute {
                // The sender is touched on the loop only.
                sender.isReading = false
                sender.readOffset = offset + UInt64(buffer.count)
                sender.hasFailed = isShort
                if buffer.count > 0 { sender.ready.append(buffer) }
                done()
            }
        }
        return false
    }
}
