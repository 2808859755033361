import Model
import Protocol
import Trust

/// The revocation list: a small signed head, which names the newest revocations itself, and
/// segments for all others.
///
/// A revocation costs a bounded number of queries, however many there were before, and now and then
/// a compaction of `HubLimits.looseRevocations`. docs/adr/0010-revocation-segments.md.
///
/// It keeps when the list was signed last, and takes `revocationsSigned`.
struct RevocationLists: HubPart {
    /// When the list was signed last; nil until it is looked up.
    private var signed: UnixTime?

    /// Writes a node down as revoked and signs the next list.
    static func revoke(_ node: NodeID, _ role: Role, _ turn: inout HubTurn) throws {
        let last =
            try turn.store.certificates(of: node).map(\.expires).max() ?? turn.now + HubLimits.unknownCertificateLife
        let ends = last + RenewalSchedule.offlineHorizon
        if ends > (try HubTime.certainTime(turn)) {
            try turn.store.putRevocation(RevocationRecord(node: node, role: role, ends: ends))
        }
        try sign(&turn)
    }

    /// Signs the list anew when it has reached a certain age, so that a site notices when it gets
    /// no newer ones.
    mutating func settle(_ turn: inout HubTurn) throws {
        takeSigned(&turn)
        if signed == nil, let (_, list) = try Self.current(turn) {
            signed = try RevocationList.readUnverified(list).issued
        }
        // One that is dated in the future was signed while the clock was ahead: members are to get
        // another.
        if let signed, turn.now - signed < HubLimits.revocationInterval, signed - turn.now <= HubLimits.clockError {
            return
        }
        try Self.sign(&turn)
        takeSigned(&turn)
        turn.effect(.useAuthorities(try Authorities.anchorSet(&turn).set))
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? { signed.map { $0 + HubLimits.revocationInterval } }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        guard let signed, let text = try store.setting(.revocationList), let bytes = ASCII.bytes(hex: text) else {
            return nil
        }
        let issued = try RevocationList.readUnverified(bytes).issued
        return issued == signed ? nil : "the revocation list was signed at \(issued), not at \(signed)"
    }

    private mutating func takeSigned(_ turn: inout HubTurn) {
        let count = turn.take { change in
            if case .revocationsSigned = change { true } else { nil }
        }.count
        if count > 0 { signed = turn.now }
    }

    /// Signs the next revocation list and sends it to every spoke.
    ///
    /// A node is left out when its last certificate ended so long ago that it could not even be
    /// renewed.
    private static func sign(_ turn: inout HubTurn) throws {
        let number = UInt64(try turn.store.setting(.revocationNumber) ?? "0") ?? 0
        try turn.store.removeRevocations(endingBy: try HubTime.certainTime(turn))
        var named = try turn.store.revocations()
        if named.count > turn.configuration.looseRevocations {
            try compact(named, turn)
            named = try turn.store.revocations()
        }
        let list = try RevocationList(
            fleet: turn.configuration.fleet, number: number + 1, issued: turn.now, nodes: Set(named.map(\.node)),
            segments: try namedSegments(&turn))
        let signed = try list.signed(by: turn.cryptography.orderSigner)
        try turn.store.setSetting(.revocationNumber, "\(number + 1)")
        try turn.store.setSetting(.revocationList, ASCII.hex(signed))
        turn.note(.revocationsSigned)
        turn.askAll(.revocations(Revocations(signed: signed)), .revocations(number + 1))
    }

    /// The last signed revocation list and its number, or nil if nobody was ever revoked.
    static func current(_ turn: HubTurn) throws -> (number: UInt64, signed: [UInt8])? {
        guard let text = try turn.store.setting(.revocationList) else { return nil }
        guard let bytes = ASCII.bytes(hex: text), let number = UInt64(try turn.store.setting(.revocationNumber) ?? "")
        else { throw HubStoreError.damaged("revocation list") }
        return (number, bytes)
    }

    /// Sends a spoke the newest list; see `SpokeSessions.ask` for what happens while another one is
    /// under way.
    static func send(_ list: (number: UInt64, signed: [UInt8]), to spoke: NodeID, _ turn: inout HubTurn) {
        turn.ask(spoke, .revocations(Revocations(signed: list.signed)), .revocations(list.number))
    }

    /// A spoke has answered to a list; sends it the newer one that was signed meanwhile.
    static func answered(_ number: UInt64, _ spoke: NodeID, _ turn: inout HubTurn) throws {
        guard UInt64(try turn.store.setting(.revocationNumber) ?? "") ?? 0 > number, let list = try current(turn) else {
            return
        }
        send(list, to: spoke, &turn)
    }

    // MARK: - Segments

    private struct Bucket: Hashable {
        let role: Role
        let ends: UnixTime
    }

    /// Moves revocations out of the head into segments, those of spokes last: every agent must know
    /// them, and agents fetch no other segments.
    ///
    /// The ids of one segment end in the same period, so that it leaves the list as a whole and is
    /// never rewritten because time passes. A period's last segment is filled up before another one
    /// begins.
    private static func compact(_ named: [RevocationRecord], _ turn: HubTurn) throws {
        var moved = named.filter { $0.role != .spoke }
        if named.count - moved.count > turn.configuration.looseRevocations / 2 { moved = named }
        let known = try turn.store.segments()
        for (bucket, revocations) in Dictionary(grouping: moved, by: Self.bucket) {
            var ids = revocations.map(\.node)
            let unfilled = known.first {
                $0.role == bucket.role && $0.ends == bucket.ends && $0.count < RecordLimits.segmentIDs
            }
            if let unfilled, let bytes = try turn.store.segment(unfilled.sha256) {
                do {
                    ids = try RevocationSegment(bytes: bytes).ids + ids
                    try turn.store.removeSegment(unfilled.sha256)
                } catch is RecordError {
                    // A damaged one stays as it is; nobody is the less revoked for it.
                }
            }
            while !ids.isEmpty {
                let segment = RevocationSegment(ids.prefix(RecordLimits.segmentIDs))
                ids.removeFirst(min(ids.count, RecordLimits.segmentIDs))
                let bytes = segment.bytes
                let sha256 = try SHA256Digest(bytes: turn.cryptography.sha256(bytes))
                guard try turn.store.segment(sha256) == nil else { continue }
                try turn.store.insertSegment(
                    SegmentRecord(sha256: sha256, role: bucket.role, count: segment.count, ends: bucket.ends),
                    bytes: bytes)
            }
        }
        for revocation in moved { try turn.store.removeRevocation(of: revocation.node) }
    }

    /// The end of the period in which a revocation ends.
    private static func bucket(_ revocation: RevocationRecord) -> Bucket {
        let length = HubLimits.segmentPeriod.wholeMilliseconds
        let (end, overflow) = (revocation.ends.milliseconds / length + 1).multipliedReportingOverflow(by: length)
        return Bucket(role: revocation.role, ends: overflow ? .distantFuture : UnixTime(milliseconds: end))
    }

    /// The segments that the next list names. Where there are more than it can hold, those that end
    /// first are left out, and the log says so every day.
    private static func namedSegments(_ turn: inout HubTurn) throws -> [RevocationSegment.Reference] {
        let all = try turn.store.segments()
        let left = all.count - RecordLimits.segments
        if left > 0 {
            let count = all.prefix(left).reduce(0) { $0 + $1.count }
            try turn.log(
                .error, .revocationsStale, "",
                "the revocation list is full: \(count) members whose certificates end first are no longer named in it; "
                    + "change the fleet's CA with 'axle ca rotate'")
        }
        return all.dropFirst(max(0, left)).map {
            RevocationSegment.Reference(role: $0.role.rawValue, count: $0.count, sha256: $0.sha256)
        }
    }
}
