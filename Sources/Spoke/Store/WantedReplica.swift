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
