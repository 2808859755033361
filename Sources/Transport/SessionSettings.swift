package import Model
internal import Protocol
internal import System
package import TLS

/// Who this side is and whom it lets in; the same for all sessions of a daemon.
package struct SessionSettings: Sendable {
    /// The fleet that both sides must be of; nil only before a join, when it is not known yet.
    package var fleet: FleetName?
    /// This side's role, as it says in its hello.
    package var role: Role
    /// The roles that the other side may have.
    package var peerRoles: Set<Role>
    /// This program's version, for people.
    package var program: String
    package var capabilities: [String] = []
    /// What names this process in its hello; nil where nobody asks.
    package var instance: [UInt8]?
    /// The moment by which certificates are judged, seconds since 1970 (the daemon's floor of signed time); the system's
    /// clock if it gives nil.
    package var certificateTime: @Sendable () -> Int64? = { nil }
    /// Asked for every session, full or resumed, once the peer's certificate is verified: nil to let it in, else why not.
    /// Called on a loop: answers from memory, without blocking.
    package var refusal: @Sendable (PeerIdentity, Certificate) -> String? = { _, _ in nil }
    /// How long a request waits for its answer.
    package var requestTimeout: Duration = .seconds(60)
    /// How long a transfer may stand still although this side has room.
    package var stallTimeout: Duration = .seconds(60)
    /// What a peer that is one too many is told to wait.
    package var busyRetryAfterSeconds: UInt64 = 30

    package init(fleet: FleetName?, role: Role, peerRoles: Set<Role>, program: String) {
        self.fleet = fleet
        self.role = role
        self.peerRoles = peerRoles
        self.program = program
    }

    /// This side's hello now.
    func hello() -> Hello {
        Hello(
            capabilities: capabilities, time: UnixTime(milliseconds: SystemClock.nowMilliseconds), role: role,
            program: program, instance: instance)
    }

    /// Who the peer is by its certificate; throws why it is not let in.
    func identify(_ certificate: Certificate?) throws(TransportError) -> PeerIdentity {
        guard let certificate else { throw .wrongPeer("the peer showed no certificate") }
        let uris = certificate.uris
        guard uris.count == 1, let uri = uris.first else {
            throw .wrongPeer("the peer's certificate has \(uris.count) URIs, not one")
        }
        let identity: PeerIdentity
        do {
            identity = try PeerIdentity(uri)
        } catch {
            throw .wrongPeer("the peer's certificate names no member of a fleet: \(error)")
        }
        if let fleet, identity.fleet != fleet {
            throw .wrongPeer("the peer is of fleet \(identity.fleet), not \(fleet)")
        }
        guard peerRoles.contains(identity.role) else {
            throw .wrongPeer(Self.misdirected(role, to: identity.role))
        }
        if let reason = refusal(identity, certificate) { throw .wrongPeer(reason) }
        return identity
    }

    /// What to say of a peer whose role does not fit: the wrong port or host was named, most likely.
    private static func misdirected(_ role: Role, to peer: Role) -> String {
        switch (role, peer) {
        case (.agent, .hub): "that is the hub; an agent connects to its spoke, on port 7441 unless it was set"
        case (.agent, .agent), (.spoke, .agent): "that is an agent, to which nothing connects"
        case (.agent, .spoke), (.hub, .spoke): "that is a spoke, which is not expected here"
        case (.spoke, .spoke): "that is a spoke; a spoke connects to the hub, on port 7440 unless it was set"
        case (.spoke, .hub), (.hub, .hub): "that is a hub, which is not expected here"
        case (.hub, .agent): "that is an agent; it connects to its spoke, on port 7441 unless it was set"
        }
    }
}
