package import Model

/// A package copy that the hub wants in this spoke's pool, and how far it has come.
package struct WantedReplica: Hashable, Sendable {
    package var path: TargetPath
    package var sha256: SHA256Digest
    package var length: UInt64
    /// Lower is sooner; the hub gives hotfixes the lowest.
    package var priority: UInt8
    package var state: ReplicaState
    /// Why it is not here yet, for people; empty when there is nothing to say.
    package var text: String
    /// How many attempts have failed since the last success or the last change of what is wanted.
    package var attempts: UInt32
    /// No attempt starts before this time.
    package var notBefore: UnixTime

    package init(
        path: TargetPath, sha256: SHA256Digest, length: UInt64, priority: UInt8, state: ReplicaState = .pending,
        text: String = "", attempts: UInt32 = 0, notBefore: UnixTime = .zero
    ) {
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.priority = priority
        self.state = state
        self.text = text
        self.attempts = attempts
        self.notBefore = notBefore
    }
}

/// An order on its way to one agent: opaque signed bytes behind the routing header that the hub gave it.
package struct CarriedOrder: Hashable, Sendable {
    package var agent: NodeID
    package var action: ActionID
    package var kind: UInt8
    package var expires: UnixTime
    package var signed: [UInt8]

    package init(agent: NodeID, action: ActionID, kind: UInt8, expires: UnixTime, signed: [UInt8]) {
        self.agent = agent
        self.action = action
        self.kind = kind
        self.expires = expires
        self.signed = signed
    }
}

/// A report on its way to the hub: opaque signed bytes that the spoke has acknowledged and must not lose.
package struct CarriedReport: Hashable, Sendable {
    package var agent: NodeID
    package var incarnation: UInt64
    package var counter: UInt64
    package var signed: [UInt8]

    package init(agent: NodeID, incarnation: UInt64, counter: UInt64, signed: [UInt8]) {
        self.agent = agent
        self.incarnation = incarnation
        self.counter = counter
        self.signed = signed
    }
}

/// An event of this spoke on its way to the hub's activity log.
package struct CarriedEvent: Hashable, Sendable {
    /// Rises by one with every event of this spoke and is never used twice.
    package var sequence: UInt64
    package var event: Event

    package init(sequence: UInt64, event: Event) {
        self.sequence = sequence
        self.event = event
    }
}

/// The spoke's own settings that outlive a restart.
package enum SpokeSetting: String, CaseIterable, Sendable {
    /// The pool's quota in bytes, decimal; absent until the hub sets one.
    case quota
    /// The newest revocation list from the hub, as signed.
    case revocations
    /// The last signed time seen, milliseconds since 1970, decimal: no earlier time is believed.
    case clockFloor
}
