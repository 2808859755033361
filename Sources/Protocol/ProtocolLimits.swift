package import Codec

/// Every bound of `axle/1` in one place. Both sides of a session hold the same values: they are part of the protocol.
///
/// Sizes are bytes of payload unless said otherwise. docs/protocol.md repeats this table.
package enum ProtocolLimits {
    /// The versions that this release speaks.
    package static let versions: ClosedRange<UInt16> = 1...1
    /// Bytes of a frame's header.
    package static let headerLength = 12

    // Frames.
    package static let helloLength = 4 << 10
    package static let messageLength = 64 << 10
    package static let dataLength = 128 << 10
    package static let goAwayLength = 4 << 10
    /// The most that a direct frame carries: with its header it is eight whole TLS records.
    package static let directLength = dataLength - headerLength

    // Fields of messages.
    /// Bytes of any text field that is for people; longer ones are cut when written and refused when read.
    package static let textLength = 1 << 10
    /// Bytes of the signed part of an order, a report or a revocation list, of a join body, and of every relayed value.
    package static let signedLength = 48 << 10
    /// Bytes of a public key.
    package static let keyLength = 8 << 10
    /// Bytes of a metadata file's name.
    package static let nameLength = 255
    package static let capabilityCount = 64
    package static let capabilityLength = 64
    /// How deep and how large the CBOR of a frame may be.
    package static let cbor = CBORLimits(bytes: messageLength, items: 1024, depth: 8)

    // Streams.
    /// Streams that one side may have opened at the same time.
    package static let openStreams = 256
    /// The last stream id; a session that has used it up is replaced by a new one.
    package static let lastStream: UInt32 = 0x7fff_ffff

    // Credit, in bytes of data frames.
    /// What may be sent on a new stream before the first credit.
    package static let streamCredit: UInt32 = 4 << 20
    /// What may be sent on a new connection before the first credit.
    package static let connectionCredit: UInt32 = 8 << 20
    /// No amount of credit may come to more.
    package static let mostCredit: UInt32 = 0x7fff_ffff

    // Output, in bytes with headers.
    /// Bulk that is taken in while other bulk is being written; the most that a sender copies ahead.
    package static let bulkOutput = 2 * (dataLength + headerLength)
    /// Bulk that is offered to the transport in one piece: what a control frame may have to wait for.
    package static let writeLength = dataLength + headerLength
    /// Control frames waiting; from here on no new stream is opened.
    package static let controlOutput = 256 << 10
    /// All that waits; here a peer that asks without reading the answers loses the session.
    package static let outputEnd = 4 << 20

    // Time.
    /// From the start of the session to the peer's hello.
    package static let helloTime: Duration = .seconds(10)
    /// Silence after which the dialler sends a ping on a session without open streams.
    package static let idleSilence: Duration = .seconds(120)
    /// How much later the listener sends its own, so that one side's pings do for both.
    package static let listenerExtra: Duration = .seconds(30)
    /// Silence after which either side sends a ping while a stream is open.
    package static let busySilence: Duration = .seconds(15)
    /// From a ping to any sign of life.
    package static let pongTime: Duration = .seconds(20)
    /// From a graceful go-away to the end of the streams that are still open.
    package static let leaveTime: Duration = .seconds(60)
    /// From the end of a session to giving up on its last output.
    package static let closeTime: Duration = .seconds(5)
    /// What a peer may send at most in `pingInterval`.
    package static let pingCount = 20
    package static let pingInterval: Duration = .seconds(10)
    /// Requests that a peer may take back unanswered in `pingInterval`: what was asked is at the core
    /// already, so that taking it back makes no room for another one.
    package static let withdrawals = 64
}
