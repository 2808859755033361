/// What a JSON text may cost its reader; checked before memory is taken.
package struct JSONLimits: Sendable, Equatable {
    /// The longest text, in bytes.
    package var bytes: Int
    /// How deep arrays and objects may nest: 1 allows `[]` and forbids `[[]]`.
    package var depth: Int
    /// The greatest number of values, members' values and elements counted alike.
    package var items: Int

    package init(bytes: Int, depth: Int = 32, items: Int = 2_000_000) {
        self.bytes = bytes
        self.depth = depth
        self.items = items
    }

    /// What a file of a daemon's own may cost where nothing narrower is said.
    package static let file = JSONLimits(bytes: 16 << 20, items: 500_000)
}
