internal import Network
internal import Protocol
internal import Synchronization
internal import System

/// One content on its way in: hands bytes to its sink and says when they have left memory. Belongs to the connection's
/// loop.
final class BulkReceiver {
    typealias Answer = CheckedContinuation<Result<Fetched, TransportError>, Never>

    /// What the asker expects of the answer.
    let limit: UInt64
    private let sink: BulkSink
    private var answer: Answer?
    private(set) var content: Content?
    private var received: UInt64 = 0
    private var bytes: [UInt8] = []
    /// When data came last, or room was made for it.
    var lastProgress: Duration
    /// Bytes that wait to be written; the sender is not to blame for silence while there are any.
    private(set) var unwritten = 0
    private var filling: BulkBuffer?
    private var spare: [BulkBuffer] = []
    /// Buffers on the queue, and bytes that were put there ever.
    private var pending = 0
    private var submitted: UInt64 = 0
    private var hasEnded = false
    /// How it ended, kept until the last write is done, so that the sink is never called after the answer.
    private var outcome: Result<Fetched, TransportError>?
    /// Set when a write has failed: those behind it are skipped.
    private let isBroken = Flag()

    private final class Flag: Sendable {
        private let value = Atomic(false)

        /// Runs the write if none before it has failed; says why it failed.
        func guarded(_ write: () throws -> Void) -> TransportError? {
            guard !value.load(ordering: .relaxed) else { return nil }
            do {
                try write()
                return nil
            } catch {
                value.store(true, ordering: .relaxed)
                return .consumerFailed("\(error)")
            }
        }
    }

    init(_ sink: BulkSink, limit: UInt64, at now: Duration, _ answer: Answer) {
        self.sink = sink
        self.limit = limit
        self.answer = answer
        lastProgress = now
    }

    deinit {
        // A continuation must not be forgotten, whoever forgot this.
        answer?.resume(returning: .failure(.cancelled))
    }

    /// The answer's first message; throws if it is not what was asked for.
    func begin(_ message: Message, isEnd: Bool) throws(TransportError) {
        switch message {
        case .content(let content):
            guard content.length <= limit else { throw .tooLong(length: content.length, limit: limit) }
            guard !isEnd || content.offset == content.length else {
                throw .unexpectedAnswer("content without its bytes")
            }
            self.content = content
            if isEnd { end() }
        case .error(let reply): throw .answered(reply)
        default: throw .unexpectedAnswer(message.name)
        }
    }

    /// Takes bytes; says how many of them have left memory already. The rest is told by `written`, on the loop.
    func receive(
        _ data: UnsafeRawBufferPointer, isEnd: Bool, on loop: EventLoop, _ written: @escaping @Sendable (Int) -> Void
    ) throws(TransportError) -> Int {
        guard let content else { throw .unexpectedAnswer("data before content") }
        let offset = content.offset + received
        guard UInt64(data.count) <= content.length - offset else {
            throw .unexpectedAnswer("more data than the content's length")
        }
        received += UInt64(data.count)
        guard !isEnd || content.offset + received == content.length else {
            throw .unexpectedAnswer("the data end before the content's length")
        }
        lastProgress = loop.now
        var freed = data.count
        switch sink {
        case .memory:
            bytes += data
        case .onLoop(let take):
            take(data, offset)
        case .writer:
            freed = 0
            store(data, on: loop, written)
        }
        if isEnd { end() }
        return freed
    }

    private func store(
        _ data: UnsafeRawBufferPointer, on loop: EventLoop, _ written: @escaping @Sendable (Int) -> Void
    ) {
        var rest = data
        while !rest.isEmpty {
            let buffer = filling ?? spare.popLast() ?? BulkBuffer()
            let taken = buffer.append(rest)
            unwritten += taken
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            filling = buffer
            if buffer.room == 0 { submit(on: loop, written) }
        }
    }

    /// Gives the writer what has come so far if it has nothing to do: after each batch of data.
    func flush(on loop: EventLoop, _ written: @escaping @Sendable (Int) -> Void) {
        if pending == 0 || hasEnded { submit(on: loop, written) }
    }

    /// Puts the filled buffer on the queue; the queue keeps the order.
    private func submit(on loop: EventLoop, _ written: @escaping @Sendable (Int) -> Void) {
        guard case .writer(let queue, let write) = sink, let buffer = filling, let content else { return }
        filling = nil
        pending += 1
        let offset = content.offset + submitted
        submitted += UInt64(buffer.count)
        nonisolated(unsafe) let receiver = self
        let isBroken = self.isBroken
        queue.submit {
            let failure = isBroken.guarded { try write(buffer.bytes, offset) }
            loop.execute {
                // The receiver is touched on the loop only.
                receiver.wrote(buffer, failure, loop.now)
                let count = buffer.count
                buffer.clear()
                if receiver.spare.count < 2 { receiver.spare.append(buffer) }
                written(count)
            }
        }
    }

    private func wrote(_ buffer: BulkBuffer, _ failure: TransportError?, _ now: Duration) {
        unwritten -= buffer.count
        pending -= 1
        lastProgress = now
        if let failure { finish(.failure(failure)) }
        if hasEnded, unwritten == 0 { succeed() }
        answerIfDone()
    }

    private func end() {
        hasEnded = true
        if unwritten == 0 { succeed() }
    }

    private func succeed() {
        guard let content else { return }
        finish(.success(Fetched(length: content.length, offset: content.offset, bytes: bytes)))
    }

    /// Ends the fetch after a failure of the link or the peer: what has come is still written, so that a later fetch
    /// goes on behind it.
    func fail(_ error: TransportError, on loop: EventLoop) {
        guard !isFinished else { return }
        submit(on: loop) { _ in }
        finish(.failure(error))
    }

    /// True once the outcome is known.
    var isFinished: Bool { outcome != nil }

    private func finish(_ result: Result<Fetched, TransportError>) {
        guard outcome == nil else { return }
        outcome = result
        answerIfDone()
    }

    private func answerIfDone() {
        guard pending == 0, let outcome, let answer else { return }
        self.answer = nil
        bytes = []
        answer.resume(returning: outcome)
    }
}
