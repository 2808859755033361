package import Model

/// Which processes spoke as one agent, to notice two that do so at the same time.
///
/// An agent names its process in its hello by random bytes. A process that has been replaced by another and comes back
/// lives beside that other one: a copy of the state folder runs somewhere. A restart is no copy, since a process that
/// ended never comes back. What the agent sends is bounded here: `remembered` processes and one word in `interval`.
package struct InstanceHistory: Equatable, Sendable {
    /// A process and where its last session came from.
    package struct Sighting: Equatable, Sendable {
        package var instance: [UInt8]
        package var address: String
    }

    /// Processes that were replaced and are remembered.
    package static let remembered = 4
    /// How often it is told that the same agent is two.
    package static let interval = Duration.seconds(3600)

    private var current: Sighting?
    private var replaced: [Sighting] = []
    private var told: UnixTime?

    package init() {}

    /// Takes a new session; gives the two processes when they are found to live side by side, and it is time to tell so.
    package mutating func takes(
        _ instance: [UInt8], from address: String, at now: UnixTime
    ) -> (one: Sighting, other: Sighting)? {
        let sighting = Sighting(instance: instance, address: address)
        guard let before = current, before.instance != instance else {
            current = sighting
            return nil
        }
        let isBack = replaced.contains { $0.instance == instance }
        replaced.removeAll { $0.instance == instance }
        replaced.append(before)
        if replaced.count > Self.remembered { replaced.removeFirst() }
        current = sighting
        guard isBack else { return nil }
        if let told, now >= told, now - told < Self.interval { return nil }
        told = now
        return (before, sighting)
    }
}
