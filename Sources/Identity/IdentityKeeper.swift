internal import Model
internal import System
internal import TLS
package import Trust

/// The identity of a running member, which changes while it runs: certificates are renewed, root CAs come and go, peers are revoked.
///
/// Beside the files of `MemberIdentity` the folder has `next.key` (a fresh key, on the disk before it is asked for), `next.pem` (that key
/// with its certificate, as yet unused), `word.cose` (the hub's last answer) and, for an agent, `revocations.cose`. Each is written whole.
/// The old key is kept until the new one has been used in a session, so that a cut anywhere leaves one that works.
///
/// What reads is safe from any thread and does not block; what writes blocks on the disk and belongs to one queue.
package final class IdentityKeeper: Sendable {
    private struct State {
        /// The identity that is known to work.
        var current: MemberIdentity
        /// A new certificate that has not been used yet.
        var next: TLSIdentity?
        var isTryingNext = true
        /// What the last attempt at a session was made with.
        var dialled: Certificate?
        var revocations: RevocationList?
        var word: RenewalAnswer?
        var version: UInt64 = 0
    }

    private let folder: String
    private let state: NativeLock<State>
    let verifier: OpenSSLVerifier

    /// Reads the folder; throws what says which file is missing or damaged. What only looks at the folder of a running member sets `isReader`.
    package init(folder: String, isReader: Bool = false) throws {
        self.folder = folder
        verifier = OpenSSLVerifier()
        if !isReader { try AtomicFile.removeLeftovers(in: folder) }
        let current = try MemberIdentity(folder: folder)
        var state = State(current: current)
        let files = IdentityFolder(path: folder)
        state.next = try files.readIfThere("next.pem") { try TLSIdentity(chainPEM: $0, keyPEM: $0) }
        let (keys, verifier) = ([current.hubOrderKey.der], verifier)
        state.revocations = try files.readIfThere("revocations.cose") {
            try RevocationList.open($0, keys: keys, verifier: verifier)
        }
        state.word = try files.readIfThere("word.cose") {
            try RenewalAnswer.open($0, keys: keys, verifier: verifier)
        }
        self.state = NativeLock(state)
    }

    // MARK: What is known

    /// The identity to be shown now: with the new certificate if there is one.
    package var identity: MemberIdentity { state.withLock { Self.shown($0) } }
    /// Rises with every change of certificate or roots: who made something of the identity makes it anew.
    package var version: UInt64 { state.withLock { $0.version } }
    /// The revocation list that an agent has; a spoke keeps it with what it carries.
    package var revocations: RevocationList? { state.withLock { $0.revocations } }
    /// The hub's last answer.
    package var word: RenewalAnswer? { state.withLock { $0.word } }

    /// The latest signed time in the folder, in seconds since 1970: where the clock's floor begins.
    ///
    /// The hub's last answer, which was fresh, stands for the certificate and the set of roots: they came
    /// before it, perhaps from a hub whose clock was ahead.
    package var signedTime: Int64 {
        state.withLock { state in
            let before = max(state.current.tls.leaf.notBefore, state.current.anchorSet?.issued.seconds ?? 0)
            return max(state.word?.time.seconds ?? before, state.revocations?.issued.seconds ?? 0)
        }
    }

    private static func shown(_ state: State) -> MemberIdentity {
        var identity = state.current
        if state.isTryingNext, let next = state.next { identity.tls = next }
        return identity
    }

    // MARK: Sessions

    /// The identity for an attempt at a session that begins now.
    package func dialling() -> MemberIdentity {
        state.withLock { state in
            let identity = Self.shown(state)
            state.dialled = identity.tls.leaf
            return identity
        }
    }

    /// The attempt came to a session: a new certificate that was used takes the old one's place, for good. True if it did.
    @discardableResult
    package func opened() throws -> Bool {
        let used: TLSIdentity? = state.withLock { $0.dialled == $0.next?.leaf ? $0.next : nil }
        guard let used else { return false }
        try File.rename(path("next.pem"), to: path("current.pem"))
        try Directory.synchronize(folder)
        state.withLock { state in
            state.current.tls = used
            state.next = nil
        }
        for name in ["next.key", "chain.pem", "key.pem"] { try File.remove(path(name)) }
        return true
    }

    /// The attempt was refused: where there are two certificates the next one is made with the other.
    package func refused() {
        state.withLock { state in
            guard state.next != nil else { return }
            state.isTryingNext.toggle()
            state.version += 1
        }
    }

    // MARK: Renewal

    /// The fresh key to ask a certificate for, durable before it is handed out; the same one until it has been used.
    func freshKey() throws -> PrivateKey {
        let path = path("next.key")
        if File.exists(path) {
            let key = try PrivateKey(pem: try File.read(path, limit: 1 << 16))
            // A cut after the change of keys may leave the file of the one that is in use.
            let isUsed = state.withLock { $0.current.tls.key.publicKey == key.publicKey }
            if !isUsed { return key }
        }
        let key = try PrivateKey.generate(.p256)
        try key.withPEM { try AtomicFile.write([UInt8]($0), to: path, mode: 0o600) }
        return key
    }

    /// Takes a new certificate for the fresh key; it is shown from the next attempt on.
    func take(chain: [Certificate], at moment: Int64) throws(IdentityError) {
        let identity = identity
        do {
            let tls = try TLSIdentity(chain: chain, key: try freshKey())
            guard tls.leaf.uris == [identity.peer.description] else {
                throw IdentityError.untrusted("the new certificate names \(tls.leaf.uris), not \(identity.peer)")
            }
            try tls.leaf.verify(
                through: Array(chain.dropFirst()), to: try TrustStore(identity.anchors), for: .client, at: moment)
            var both: [UInt8] = []
            try tls.key.withPEM { both = [UInt8]($0) }
            defer { for index in both.indices { both[index] = 0 } }
            try AtomicFile.write(both + (try chain.flatMap { try $0.pem() }), to: path("next.pem"), mode: 0o600)
            state.withLock { state in
                state.next = tls
                state.isTryingNext = true
                state.version += 1
            }
        } catch let error as IdentityError {
            throw error
        } catch let error as SystemError {
            throw .disk(error)
        } catch {
            throw .untrusted("the new certificate is no good: \(error)")
        }
    }

    /// Keeps the hub's answer, whose signature has been checked.
    func keep(word: RenewalAnswer, signed: [UInt8]) throws {
        try AtomicFile.write(signed, to: path("word.cose"))
        state.withLock { $0.word = word }
    }

    // MARK: The fleet's word

    /// Takes a signed anchor set; true if it is newer than what is known. Throws if it is not to be believed: a spoke cannot put in a root.
    @discardableResult
    package func take(anchors signed: [UInt8]) throws(IdentityError) -> Bool {
        let identity = identity
        do {
            let set = try AnchorSet.open(signed, keys: [identity.hubOrderKey.der], verifier: verifier)
            guard set.fleet == identity.member.fleet else {
                throw IdentityError.untrusted("the anchor set is of fleet \(set.fleet)")
            }
            if let known = identity.anchorSet {
                guard set.number >= known.number else {
                    throw IdentityError.untrusted(
                        "anchor set \(set.number) is older than \(known.number), which is here")
                }
                guard set.number > known.number else { return false }
            }
            let roots = try set.roots.map { try Certificate(der: $0) }
            try AtomicFile.write(signed, to: path("anchors.cose"))
            state.withLock { state in
                state.current.anchorSet = set
                state.current.anchors = roots
                state.version += 1
            }
            return true
        } catch let error as IdentityError {
            throw error
        } catch let error as SystemError {
            throw .disk(error)
        } catch {
            throw .untrusted("the anchor set is no good: \(error)")
        }
    }

    /// Takes a signed revocation list; true if it is newer than what is known. `first` is run before the list is kept.
    @discardableResult
    package func take(
        revocations signed: [UInt8], first: (RevocationList) throws -> Void = { _ in }
    ) throws(IdentityError) -> Bool {
        let identity = identity
        do {
            let list = try RevocationList.open(signed, keys: [identity.hubOrderKey.der], verifier: verifier)
            guard list.fleet == identity.member.fleet else {
                throw IdentityError.untrusted("the revocation list is of fleet \(list.fleet)")
            }
            if let known = revocations {
                guard list.number >= known.number else {
                    throw IdentityError.untrusted("list \(list.number) is older than \(known.number), which is here")
                }
                guard list.number > known.number else { return false }
            }
            try first(list)
            try AtomicFile.write(signed, to: path("revocations.cose"))
            state.withLock { $0.revocations = list }
            return true
        } catch let error as IdentityError {
            throw error
        } catch let error as SystemError {
            throw .disk(error)
        } catch {
            throw .untrusted("the revocation list is no good: \(error)")
        }
    }

    private func path(_ name: String) -> String { Directory.join(folder, name) }
}
