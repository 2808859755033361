package import Model

/// Where an object is among the pools of a daemon.
package struct PoolPlace: Hashable, Sendable {
    package var pool: NodeName
    /// Why it is there and not in a pool before; nil where there is nothing to say, or it is not known any more.
    package var reason: String?

    package init(pool: NodeName, reason: String? = nil) {
        self.pool = pool
        self.reason = reason
    }
}

extension PoolPlace: CustomStringConvertible {
    /// For the end of a sentence about the object.
    package var description: String { "in pool \(pool)\(reason.map { ": \($0)" } ?? "")" }
}
