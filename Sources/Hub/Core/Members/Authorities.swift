import Model
import Protocol
import Trust

/// The fleet's root CAs: which are believed and under which the hub issues, as a numbered signed
/// set that every member gets.
///
/// A change of CA has four steps: the new root is added beside the old one; every member says by
/// its own signature that it has it; from then on certificates are issued under the new one and
/// every member renews; the old one is taken out when nobody depends on it.
enum Authorities {
    /// The set of now; the first one is made when it is first asked for.
    static func anchorSet(_ turn: inout HubTurn) throws -> (set: AnchorSet, signed: [UInt8]) {
        if let known = try storedAnchorSet(turn) { return known }
        guard let first = turn.cryptography.authorities.first else {
            throw HubStoreError.missing("certificate authority")
        }
        return try publish([first.certificate], issuing: first.pin, number: 1, &turn)
    }

    static func storedAnchorSet(_ turn: HubTurn) throws -> (set: AnchorSet, signed: [UInt8])? {
        guard let text = try turn.store.setting(.anchorSet) else { return nil }
        guard let bytes = ASCII.bytes(hex: text) else { throw HubStoreError.damaged("anchor set") }
        return (try AnchorSet.readUnverified(bytes), bytes)
    }

    private static func publish(
        _ roots: [[UInt8]], issuing: SHA256Digest, number: UInt64, _ turn: inout HubTurn
    ) throws -> (set: AnchorSet, signed: [UInt8]) {
        let set = try AnchorSet(
            fleet: turn.configuration.fleet, number: number, issued: turn.now, roots: roots, issuing: issuing)
        let signed = try set.signed(by: turn.cryptography.orderSigner)
        try turn.store.setSetting(.anchorSet, ASCII.hex(signed))
        turn.effect(.useAuthorities(set))
        turn.askAll(.anchors(Anchors(signed: signed)), .anchors(number))
        return (set, signed)
    }

    /// Signs the set of now again under a higher number: a hub that was restored from a backup has
    /// lost the numbers that it gave since.
    static func numberAnchors(above number: UInt64, _ turn: inout HubTurn) throws {
        let set = try anchorSet(&turn).set
        _ = try publish(set.roots, issuing: set.issuing, number: max(set.number, number) + 1, &turn)
    }

    // MARK: - Commands

    /// Does what an operator asks for.
    static func run(_ command: AuthorityCommand, _ turn: inout HubTurn) throws -> HubAnswer {
        switch command {
        case .add(let pin): .authority(try addAuthority(pin, &turn))
        case .issueUnderNewest(let force): .authority(try issueUnderNewest(force: force, &turn))
        case .retireOldest(let force): .authority(try retireOldest(force: force, &turn))
        }
    }

    /// Adds a root that the hub can issue under; from now on members learn to believe it.
    static func addAuthority(_ pin: SHA256Digest, _ turn: inout HubTurn) throws -> AnchorSet {
        let set = try anchorSet(&turn).set
        guard let authority = turn.cryptography.authorities.first(where: { $0.pin == pin }) else {
            throw HubRefusal.notFound("the hub has no key under a root \(pin)")
        }
        if set.roots.contains(authority.certificate) { return set }
        guard set.roots.count < 2 else {
            throw HubRefusal.conflict("a change of CA is under way; finish it with 'axle ca retire' first")
        }
        let next = try publish(
            set.roots + [authority.certificate], issuing: set.issuing, number: set.number + 1, &turn)
        try turn.log(
            .notice, .authorityChanged, "ca/\(pin.hex.prefix(16))",
            "a new root CA was added; certificates are issued under it when every member believes it")
        try advanceAuthorities(&turn)
        return try anchorSet(&turn).set.number > next.set.number ? anchorSet(&turn).set : next.set
    }

    /// Issues under the newest root from now on; by force also when some members do not believe it
    /// yet: they find back by a signed renewal.
    static func issueUnderNewest(force: Bool, _ turn: inout HubTurn) throws -> AnchorSet {
        let set = try anchorSet(&turn).set
        guard let newest = try newest(set, turn), newest != set.issuing else { return set }
        let waiting = try membersWithout(set, turn)
        guard waiting.isEmpty || force else {
            throw HubRefusal.conflict(
                "\(waiting.count) members do not believe the new root yet, the first is \(try turn.subject(of: waiting[0])); 'axle ca show' names them"
            )
        }
        let next = try publish(set.roots, issuing: newest, number: set.number + 1, &turn)
        try turn.log(
            .notice, .authorityChanged, "ca/\(newest.hex.prefix(16))",
            "certificates are issued under the new root CA; every member renews")
        return next.set
    }

    /// Takes out every root but the one under which is issued.
    static func retireOldest(force: Bool, _ turn: inout HubTurn) throws -> AnchorSet {
        let set = try anchorSet(&turn).set
        guard set.roots.count > 1 else { return set }
        guard try newest(set, turn) == set.issuing else {
            throw HubRefusal.conflict("the new root is not in use yet; see 'axle ca show'")
        }
        let dependent = try membersUnderOthers(set, turn)
        guard dependent.isEmpty || force else {
            throw HubRefusal.conflict(
                "\(dependent.count) members still depend on the old root, the first is \(try turn.subject(of: dependent[0])); 'axle ca show' names them"
            )
        }
        let kept = turn.cryptography.authorities.filter { $0.pin == set.issuing }.map(\.certificate)
        let next = try publish(kept, issuing: set.issuing, number: set.number + 1, &turn)
        try turn.log(
            .notice, .authorityChanged, "ca/\(set.issuing.hex.prefix(16))", "the old root CA is no longer believed")
        return next.set
    }

    /// Goes on by itself when the last member has said that it believes the new root.
    static func advanceAuthorities(_ turn: inout HubTurn) throws {
        guard let set = try storedAnchorSet(turn)?.set, set.roots.count > 1, let newest = try newest(set, turn),
            newest != set.issuing, try membersWithout(set, turn).isEmpty
        else { return }
        _ = try issueUnderNewest(force: false, &turn)
    }

    private static func newest(_ set: AnchorSet, _ turn: HubTurn) throws -> SHA256Digest? {
        turn.cryptography.authorities.last { set.roots.contains($0.certificate) }?.pin
    }

    // MARK: - Who is where

    /// Members in good standing that have not proved to believe the set.
    static func membersWithout(_ set: AnchorSet, _ turn: HubTurn) throws -> [NodeID] {
        try turn.store.standings().filter { $0.anchors < set.number }.map(\.node)
    }

    /// Members in good standing whose certificate is under another root than that of now.
    static func membersUnderOthers(_ set: AnchorSet, _ turn: HubTurn) throws -> [NodeID] {
        try turn.store.standings().filter { $0.root != set.issuing.bytes }.map(\.node)
    }
}
