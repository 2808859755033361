import Model
import Protocol
import Trust

/// The fleet's root CAs: which are believed and under which the hub issues, as a numbered signed set that every member gets.
///
/// A change of CA has four steps: the new root is added beside the old one; every member says by its own signature that it has it; from then on
/// certificates are issued under the new one and every member renews; the old one is taken out when nobody depends on it.
extension HubCore {
    /// The set of now; the first one is made when it is first asked for.
    mutating func anchorSet(at now: UnixTime) throws -> (set: AnchorSet, signed: [UInt8]) {
        if let known = try storedAnchorSet() { return known }
        guard let first = cryptography.authorities.first else { throw HubStoreError.missing("certificate authority") }
        return try publish([first.certificate], issuing: first.pin, number: 1, at: now)
    }

    func storedAnchorSet() throws -> (set: AnchorSet, signed: [UInt8])? {
        guard let text = try store.setting(.anchorSet) else { return nil }
        guard let bytes = ASCII.bytes(hex: text) else { throw HubStoreError.damaged("anchor set") }
        return (try AnchorSet.readUnverified(bytes), bytes)
    }

    private mutating func publish(
        _ roots: [[UInt8]], issuing: SHA256Digest, number: UInt64, at now: UnixTime
    ) throws -> (set: AnchorSet, signed: [UInt8]) {
        let set = try AnchorSet(
            fleet: configuration.fleet, number: number, issued: now, roots: roots, issuing: issuing)
        let signed = try set.signed(by: cryptography.orderSigner)
        try store.setSetting(.anchorSet, ASCII.hex(signed))
        effects.append(.useAuthorities(set))
        for link in links.keys.sorted() { ask(link, .anchors(Anchors(signed: signed)), .anchors(number)) }
        return (set, signed)
    }

    /// Signs the set of now again under a higher number: a hub that was restored from a backup has lost the numbers that it gave since.
    mutating func numberAnchors(above number: UInt64, at now: UnixTime) throws {
        let set = try anchorSet(at: now).set
        _ = try publish(set.roots, issuing: set.issuing, number: max(set.number, number) + 1, at: now)
    }

    // MARK: - Commands

    /// Adds a root that the hub can issue under; from now on members learn to believe it.
    mutating func addAuthority(_ pin: SHA256Digest, at now: UnixTime) throws -> AnchorSet {
        let set = try anchorSet(at: now).set
        guard let authority = cryptography.authorities.first(where: { $0.pin == pin }) else {
            throw HubRefusal.notFound("the hub has no key under a root \(pin)")
        }
        if set.roots.contains(authority.certificate) { return set }
        guard set.roots.count < 2 else {
            throw HubRefusal.conflict("a change of CA is under way; finish it with 'axle ca retire' first")
        }
        let next = try publish(
            set.roots + [authority.certificate], issuing: set.issuing, number: set.number + 1, at: now)
        try log(
            .notice, .authorityChanged, "ca/\(pin.hex.prefix(16))",
            "a new root CA was added; certificates are issued under it when every member believes it", at: now)
        try advanceAuthorities(at: now)
        return try anchorSet(at: now).set.number > next.set.number ? anchorSet(at: now).set : next.set
    }

    /// Issues under the newest root from now on; by force also when some members do not believe it yet: they find back by a signed renewal.
    mutating func issueUnderNewest(force: Bool, at now: UnixTime) throws -> AnchorSet {
        let set = try anchorSet(at: now).set
        guard let newest = try newest(set), newest != set.issuing else { return set }
        let waiting = try membersWithout(set)
        guard waiting.isEmpty || force else {
            throw HubRefusal.conflict(
                "\(waiting.count) members do not believe the new root yet, the first is \(try subject(of: waiting[0])); 'axle ca show' names them"
            )
        }
        let next = try publish(set.roots, issuing: newest, number: set.number + 1, at: now)
        try log(
            .notice, .authorityChanged, "ca/\(newest.hex.prefix(16))",
            "certificates are issued under the new root CA; every member renews", at: now)
        return next.set
    }

    /// Takes out every root but the one under which is issued.
    mutating func retireOldest(force: Bool, at now: UnixTime) throws -> AnchorSet {
        let set = try anchorSet(at: now).set
        guard set.roots.count > 1 else { return set }
        guard try newest(set) == set.issuing else {
            throw HubRefusal.conflict("the new root is not in use yet; see 'axle ca show'")
        }
        let dependent = try membersUnderOthers(set)
        guard dependent.isEmpty || force else {
            throw HubRefusal.conflict(
                "\(dependent.count) members still depend on the old root, the first is \(try subject(of: dependent[0])); 'axle ca show' names them"
            )
        }
        let kept = cryptography.authorities.filter { $0.pin == set.issuing }.map(\.certificate)
        let next = try publish(kept, issuing: set.issuing, number: set.number + 1, at: now)
        try log(
            .notice, .authorityChanged, "ca/\(set.issuing.hex.prefix(16))", "the old root CA is no longer believed",
            at: now)
        return next.set
    }

    /// Goes on by itself when the last member has said that it believes the new root.
    mutating func advanceAuthorities(at now: UnixTime) throws {
        guard let set = try storedAnchorSet()?.set, set.roots.count > 1, let newest = try newest(set),
            newest != set.issuing, try membersWithout(set).isEmpty
        else { return }
        _ = try issueUnderNewest(force: false, at: now)
    }

    private func newest(_ set: AnchorSet) throws -> SHA256Digest? {
        cryptography.authorities.last { set.roots.contains($0.certificate) }?.pin
    }

    // MARK: - Who is where

    /// Members in good standing that have not proved to believe the set.
    func membersWithout(_ set: AnchorSet) throws -> [NodeID] {
        try store.standings().filter { $0.anchors < set.number }.map(\.node)
    }

    /// Members in good standing whose certificate is under another root than that of now.
    func membersUnderOthers(_ set: AnchorSet) throws -> [NodeID] {
        try store.standings().filter { $0.root != set.issuing.bytes }.map(\.node)
    }
}
