internal import Protocol

/// A fetch of content that is under way at the end that asked.
final class Fetch {
    /// How a fetch ended.
    enum End {
        case done
        case answered(ErrorReply)
        case tooLong
        case timedOut
        case failed(String)
    }

    let limit: UInt64
    /// Takes bytes and their offset in the whole; false ends the fetch.
    let take: ([UInt8], UInt64) -> Bool
    private let finished: (End) -> Void
    private var content: Content?
    private var received: UInt64 = 0
    var lastProgress: Duration = .zero

    init(limit: UInt64, take: @escaping ([UInt8], UInt64) -> Bool, finished: @escaping (End) -> Void) {
        self.limit = limit
        self.take = take
        self.finished = finished
    }

    /// The answer's first message; says how the fetch ended, if it did.
    func begin(_ message: Message, isEnd: Bool) -> End? {
        switch message {
        case .content(let content):
            guard content.length <= limit else { return .tooLong }
            guard !isEnd || content.offset == content.length else { return .failed("content without its bytes") }
            self.content = content
            return isEnd ? .done : nil
        case .error(let reply): return .answered(reply)
        default: return .failed("an unexpected \(message.name)")
        }
    }

    /// Bytes of the content; says how the fetch ended, if it did.
    func receive(_ bytes: [UInt8], isEnd: Bool) -> End? {
        guard let content else { return .failed("data before content") }
        let offset = content.offset + received
        guard UInt64(bytes.count) <= content.length - offset else { return .failed("more data than said") }
        received += UInt64(bytes.count)
        guard take(bytes, offset) else { return .failed("the sink refused") }
        guard isEnd else { return nil }
        return content.offset + received == content.length ? .done : .failed("less data than said")
    }

    func finish(_ end: End) { finished(end) }
}
