package import Identity
internal import Model
package import Protocol
package import System
internal import Trust

/// Fetches the segments of the newest revocation list that are not here, over the session with the upstream, until all are or the session ends.
///
/// A segment that cannot be had is asked for again, ever more rarely; the member refuses by what it knew before meanwhile.
package actor SegmentFetcher {
    private static let firstPause = Duration.seconds(5)
    private static let longestPause = Duration.seconds(300)

    private let keeper: RevocationKeeper
    private let links: Links
    private let queue: NamedQueue
    private let messages: @Sendable (String) -> Void
    private let changed: @Sendable () -> Void
    private var link: LinkID?
    private var running: Task<Void, Never>?
    private var pause: Task<Void, any Error>?

    /// `queue` may block on the disk; `changed` is called after every segment that came.
    package init(
        keeper: RevocationKeeper, links: Links, queue: NamedQueue, messages: @escaping @Sendable (String) -> Void,
        changed: @escaping @Sendable () -> Void
    ) {
        self.keeper = keeper
        self.links = links
        self.queue = queue
        self.messages = messages
        self.changed = changed
    }

    /// Fetches what is missing over this link: there is a new list, or a new session.
    package func fetch(over link: LinkID) {
        self.link = link
        if let pause {
            pause.cancel()
        } else if running == nil {
            running = Task { await run() }
        }
    }

    private func run() async {
        defer { running = nil }
        var wait = Self.firstPause
        while let link {
            var problem: String?
            var came = 0
            for reference in keeper.missing {
                do {
                    try await fetch(reference, over: link)
                    came += 1
                } catch TransportError.closed {
                    // The next session brings the list again.
                    if self.link == link { self.link = nil }
                    break
                } catch {
                    problem = "\(error)"
                }
            }
            guard let problem else {
                // A list that came meanwhile names others.
                if self.link != nil, !keeper.missing.isEmpty { continue }
                self.link = nil
                return
            }
            messages("\(keeper.missing.count) parts of the revocation list could not be fetched: \(problem)")
            if came > 0 { wait = Self.firstPause }
            let pause = Task { [wait] in try await Task.sleep(for: wait) }
            self.pause = pause
            // Cut short when there is something new.
            try? await pause.value
            self.pause = nil
            wait = min(wait * 2, Self.longestPause)
        }
    }

    private func fetch(_ reference: RevocationSegment.Reference, over link: LinkID) async throws {
        let fetched = try await links.fetch(
            link, .fetchMetadata(FetchMetadata(name: reference.name)), priority: .control,
            limit: UInt64(reference.length), into: .memory)
        let keeper = keeper
        try await queue.run { try keeper.take(segment: fetched.bytes, as: reference) }
        changed()
    }
}
