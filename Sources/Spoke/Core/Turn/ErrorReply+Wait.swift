import Protocol

extension ErrorReply {
    /// How long the peer asked to wait, an hour at most, and a second at least: without any wait it would be asked as fast
    /// as it can answer. Nil where it did not say.
    var wait: Duration? { retryAfterSeconds.map { .seconds(Int64(min(max($0, 1), 3600))) } }
}
