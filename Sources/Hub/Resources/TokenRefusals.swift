internal import Model

/// What the journal is told of requests without the admin token: enough to see who tries, not
/// enough to fill it.
package struct TokenRefusals: Sendable {
    /// Lines in a minute.
    package static let limit = 20
    private static let span = Duration.seconds(60)

    private var since: Duration?
    private var count = 0

    package init() {}

    /// The line for a refused request at this uptime; nil when the minute has had its lines. A line
    /// says how many were left out before it.
    package mutating func line(from peer: String, _ request: String, hasToken: Bool, at uptime: Duration) -> String? {
        var left = 0
        if let since, uptime - since < Self.span {
            count += 1
        } else {
            left = max(0, count - Self.limit)
            (since, count) = (uptime, 1)
        }
        guard count <= Self.limit else { return nil }
        let what = hasToken ? "a wrong token" : "no token"
        let more = left > 0 ? "; \(left) more were refused since the last line" : ""
        let last = count == Self.limit ? "; the next ones in this minute are only counted" : ""
        return Event.singleLine(
            "API: refused \(peer.isEmpty ? "an unknown address" : peer): \(what) for \(request.prefix(120))\(more)\(last)",
            limit: 400)
    }
}
