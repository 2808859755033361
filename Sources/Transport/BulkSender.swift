internal import Network
internal import Protocol
internal import System

/// One content on its way out: reads ahead on its source's queue while the loop sends. Belongs to the connection's loop.
final class BulkSender {
    private let source: BulkSource
    /// The next byte to be read, and the end, as offsets in the whole content.
    private var readOffset: UInt64
    private let end: UInt64
    /// Buffers that were read and wait to be sent, at most two; `sent` counts into the first.
    private var ready: [BulkBuffer] = []
    private var spare: [BulkBuffer] = []
    private var sent = 0
    private var isReading = false
    private(set) var hasFailed = false

    init(_ source: BulkSource, _ content: Content) {
        self.source = source
        readOffset = content.offset
        end = content.length
    }

    /// All has been handed to the session.
    var isDone: Bool {
        readOffset == end && ready.isEmpty && !isReading
    }

    /// Hands the session what is there and what it takes; false when the transfer is over, well or not.
    func feed(_ session: inout Session, _ stream: StreamID) -> Bool {
        if case .bytes(let bytes) = source { return feed(bytes, &session, stream) }
        while let first = ready.first {
            let isLast = ready.count == 1 && readOffset == end && !isReading
            let rest = UnsafeRawBufferPointer(rebasing: first.bytes[sent...])
            guard let taken = session.sendData(stream, rest.bindMemory(to: UInt8.self).span, isEnd: isLast) else {
                return false
            }
            sent += taken
            guard sent == first.count else { return true }
            sent = 0
            ready.removeFirst()
            spare.append(first)
            if isLast { return false }
        }
        return true
    }

    private func feed(_ bytes: [UInt8], _ session: inout Session, _ stream: StreamID) -> Bool {
        let start = Int(clamping: readOffset)
        guard end == UInt64(bytes.count), start <= bytes.count else {
            hasFailed = true
            return false
        }
        guard let taken = session.sendData(stream, bytes.span.extracting(start..<bytes.count), isEnd: true) else {
            return false
        }
        readOffset += UInt64(taken)
        return readOffset < end
    }

    /// Starts to read the next buffer if there is room for it; `done` is called on the loop when it is there.
    func readAhead(on loop: EventLoop, _ done: @escaping @Sendable () -> Void) {
        guard case .reader(let queue, let read) = source, !isReading, !hasFailed, ready.count < 2, readOffset < end
        else {
            return
        }
        isReading = true
        let buffer = spare.popLast() ?? BulkBuffer()
        let offset = readOffset
        let limit = Int(min(UInt64(BulkBuffer.capacity), end - offset))
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
                sender.ready.append(buffer)
                done()
            }
        }
    }
}
