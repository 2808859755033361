/// A small deterministic generator (SplitMix64): the same seed gives the same numbers on every machine.
///
/// Each concern (network, faults, one machine, …) takes its own fork, so that a change in one does not shift the numbers of another.
package struct SimulationRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// The generator of one concern; depends on the seed and the label only, not on what was drawn before.
    package static func fork(_ seed: UInt64, _ label: String) -> SimulationRandom {
        SimulationRandom(seed: mixed(seed ^ Trace.hash(label)))
    }

    /// True so many times in a thousand.
    package mutating func chance(_ permille: Int) -> Bool {
        guard permille > 0 else { return false }
        return Int.random(in: 0..<1000, using: &self) < permille
    }

    package mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// A duration between two numbers of milliseconds.
    package mutating func milliseconds(_ range: ClosedRange<Int64>) -> Duration {
        .milliseconds(Int64.random(in: range, using: &self))
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
