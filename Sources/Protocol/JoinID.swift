/// A joining peer's message as a daemon's core knows it: it has no certificate yet, so its connection is no link. Never used twice while the process runs.
package struct JoinID: Hashable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }
}
