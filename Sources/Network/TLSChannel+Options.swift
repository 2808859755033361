package import System
package import TLS

extension TLSChannel {
    /// How long a peer may take and what it may do.
    package struct Options: Sendable {
        /// From an accepted connection to the peer's first byte.
        package var firstByteTimeout: Duration = .seconds(5)
        /// From the connection to the end of the handshake.
        package var handshakeTimeout: Duration = .seconds(10)
        /// The longest silence of the peer after that; none if nil. Precise to a second or two.
        package var idleTimeout: Duration?
        /// What may wait in the kernel at first; nil leaves it to the kernel.
        package var unsentLimit: UnsentLimit? = UnsentLimit(256 * 1024)
        /// Ask for BBR congestion control, for connections that send bulk; the kernel's default where it is not available.
        package var prefersBBR = false
        /// Whether an opened channel takes one of the listener's places for peers automatically; else see `promote`.
        package var takesPlaceAtOpen = true
        /// The moment by which certificates are judged, seconds since 1970; the system's clock if nil.
        package var certificateTime: Int64?
        /// What is read in one turn before other connections of the loop have theirs.
        package var turn = TLSConnection.Turn(bytes: 1_100_000, records: 256)
        /// The most that is read and decrypted at a time, and so the most that waits in the channel between two turns.
        package var readSize = EventLoop.scratchSize
        /// `queue` answers false from here on: wait for `channelWritable`. 0: as soon as anything waits.
        package var queueHighWater = 256 * 1024

        package init() {}
    }

    /// A connection whose handshake is done, on its way from one loop to another. Whoever has it makes a channel of it.
    package struct Established: Sendable {
        let number: Int32
        package let address: SocketAddress
        let place: PeerLimit.Place?
        // One loop at a time has it.
        nonisolated(unsafe) let connection: TLSConnection
    }

    /// What a peer in its handshake is allowed in one turn.
    static let handshakeTurn = TLSConnection.Turn(bytes: 64 * 1024, records: 32)
    /// What is read from the socket at a time in a handshake.
    static let handshakeIntake = 16 * 1024
    /// A turn ends after so many nanoseconds, whatever else it allows.
    static let slice: Int64 = 2_000_000
    /// The most that `queue` holds; a caller that queues more without waiting for `channelWritable` is cut off.
    package static let queueLimit = 16 * 1024 * 1024
    /// How long `close` waits for queued bytes to leave.
    package static let closeTime: Duration = .seconds(10)
    /// How long a closed connection waits for the peer's own end.
    package static let lingerTime: Duration = .seconds(2)
}
