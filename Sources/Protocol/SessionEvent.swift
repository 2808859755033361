/// What a session has to say about the bytes that came in.
package enum SessionEvent: Equatable, Sendable {
    /// The peer's hello. A dialler's session is open now; a listener answers with `accept(_:)` or `close(_:)`.
    case hello(Hello)
    /// The peer has opened a stream. With `isEnd` no data follows.
    case request(StreamID, Message, Priority, isEnd: Bool)
    /// The peer's message on a stream that we opened. With `isEnd` no data follows.
    case reply(StreamID, Message, isEnd: Bool)
    /// Data: the bytes of this range of the input, to be used before the input goes away, and said to be `consumed` when its memory
    /// is free again. May be empty with `isEnd`.
    case data(StreamID, Range<Int>, isEnd: Bool)
    /// The stream is gone; its data so far must still be said to be consumed.
    case reset(StreamID, ResetCode)
    /// The peer is leaving: no new streams can be opened. If the code is not `leaving`, the session is over.
    case goAway(GoAway)
    /// The session is over: write what is left, then close. The peer has been told.
    case failed(ProtocolError)
}
