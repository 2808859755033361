/// Where an order stands in the hub's life: the fleet epoch rises when the hub's state is restored from a backup, the
/// number with every order of an epoch. An agent obeys an order only above the highest that it has obeyed.
package struct OrderSequence: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package var epoch: UInt64
    package var number: UInt64

    package init(epoch: UInt64, number: UInt64) {
        self.epoch = epoch
        self.number = number
    }

    package var description: String { "\(epoch).\(number)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.epoch, left.number) < (right.epoch, right.number)
    }
}
