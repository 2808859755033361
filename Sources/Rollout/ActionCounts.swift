package import Model

/// How many actions of a rollout are in each state, by wave.
package struct ActionCounts: Hashable, Sendable {
    private let waves: [Int: [ActionState: Int]]

    package init(_ waves: [Int: [ActionState: Int]]) { self.waves = waves }

    /// Those of one wave; a state that is absent has none.
    package subscript(wave: Int) -> [ActionState: Int] { waves[wave] ?? [:] }

    /// Those of the whole rollout.
    package var all: [ActionState: Int] {
        waves.values.reduce(into: [:]) { sum, counts in sum.merge(counts) { $0 + $1 } }
    }
}
