import Protocol

extension ErrorReply {
    /// How long the peer asked to wait, an hour at most; nil where it did not say.
    var wait: Duration? { retryAfterSeconds.map { .seconds(Int64(min($0, 3600))) } }
}
