/// One open stream as a session keeps it; both directions.
struct SessionStream: Sendable {
    let id: StreamID
    let priority: Priority
    /// Data bytes that we may still send.
    var sendCredit = ProtocolLimits.streamCredit
    /// Data bytes that the peer may still send.
    var receiveCredit = ProtocolLimits.streamCredit
    /// Data bytes delivered and not yet consumed.
    var unconsumed: UInt32 = 0
    /// Data bytes consumed whose credit has not been given back yet.
    var owed: UInt32 = 0
    private var flags: UInt8 = 0

    init(id: StreamID, priority: Priority) {
        self.id = id
        self.priority = priority
    }

    private subscript(_ bit: UInt8) -> Bool {
        get { flags & bit != 0 }
        set { flags = newValue ? flags | bit : flags & ~bit }
    }

    /// We have sent our message.
    var hasSentMessage: Bool {
        get { self[1] }
        set { self[1] = newValue }
    }
    /// The peer's message has come.
    var hasReceivedMessage: Bool {
        get { self[2] }
        set { self[2] = newValue }
    }
    /// We have sent our last frame.
    var isSendEnded: Bool {
        get { self[4] }
        set { self[4] = newValue }
    }
    /// The peer's last frame has come.
    var isReceiveEnded: Bool {
        get { self[8] }
        set { self[8] = newValue }
    }
    /// We have reset the stream; what still comes is thrown away until the peer's end or reset.
    var isReset: Bool {
        get { self[16] }
        set { self[16] = newValue }
    }
    /// `sendData` has taken less than it was given; `nextWritable()` is to say when it may go on.
    var isBlocked: Bool {
        get { self[32] }
        set { self[32] = newValue }
    }

    /// Nothing more can happen on the stream.
    var isOver: Bool { isReceiveEnded && (isSendEnded || isReset) }
}
