/// How far a call on a non-blocking connection came.
package enum TLSProgress: Sendable, Equatable {
    /// Done; for read and write with this many bytes (at least one), for handshake and shutdown 0.
    case complete(Int)
    /// Call again when the socket can be read.
    case wantRead
    /// Call again when the socket can be written.
    case wantWrite
    /// The turn's allowance is used up and more may be here: call again in a later turn.
    case turnOver
    /// The peer has ended its direction properly: no more bytes will come.
    case closed
    /// Over; the connection is of no further use.
    case failed(TLSError)
}
