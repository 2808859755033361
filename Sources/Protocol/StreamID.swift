/// One stream of a session: odd if the dialler opened it, even if the listener did; 0 is the session itself.
package struct StreamID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let number: UInt32

    package init(_ number: UInt32) {
        self.number = number
    }

    package var description: String { "stream \(number)" }

    package static func < (left: StreamID, right: StreamID) -> Bool {
        left.number < right.number
    }
}

/// Which end of the connection a session is.
package enum SessionSide: Sendable {
    /// The one that connected; opens odd streams.
    case dialler
    /// The one that was connected to; opens even streams.
    case listener
}
