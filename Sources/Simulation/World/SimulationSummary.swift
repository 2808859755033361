/// What a run came to.
package struct SimulationSummary: Equatable, Sendable {
    package let seed: UInt64
    package let events: Int
    package let virtualSeconds: Int64
    /// Installs begun, those begun again after a cut among them.
    package let installs: Int
    package let succeeded: Int
    package let refused: Int
    package let cuts: Int
    package let crashes: Int
    package let powerCuts: Int
    package let diskFulls: Int
    /// How packages came.
    package let content: ContentTally
    /// Hash of the whole trace.
    package let digest: UInt64
    package let breach: Breach?
    /// The last lines before a breach.
    package let tail: [String]
}
