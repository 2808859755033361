/// How many clients a wave takes from those that are left.
package enum WaveSize: Codable, Hashable, Sendable {
    case count(Int)
    /// Of all planned clients, rounded up.
    case percent(Int)
    /// All that are left.
    case rest
}

/// The shape of one wave.
package struct WaveShape: Codable, Hashable, Sendable {
    package var size: WaveSize
    /// How long it is watched after its last success.
    package var soakSeconds: Int

    package init(size: WaveSize = .rest, soakSeconds: Int = 0) {
        self.size = size
        self.soakSeconds = soakSeconds
    }

    package var soak: Duration { .seconds(soakSeconds) }
}
