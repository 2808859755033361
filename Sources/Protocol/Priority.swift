/// How urgent a stream's data is; the lower the number the sooner it goes. Control frames go before all data.
package struct Priority: RawRepresentable, Hashable, Sendable, Comparable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Short exchanges without data.
    package static let control = Priority(rawValue: 0)
    /// A hotfix: overtakes other packages.
    package static let urgent = Priority(rawValue: 64)
    package static let normal = Priority(rawValue: 128)
    /// What no one waits for.
    package static let background = Priority(rawValue: 192)

    package static func < (left: Priority, right: Priority) -> Bool {
        left.rawValue < right.rawValue
    }
}
