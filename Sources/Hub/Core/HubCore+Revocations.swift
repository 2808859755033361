import Model
import Protocol
import Trust

/// The revocation list: a small signed head, which names the newest revocations itself, and segments for all others.
///
/// A revocation costs a bounded number of queries, however many there were before, and now and then a compaction of `HubLimits.looseRevocations`.
/// docs/adr/0010-revocation-segments.md.
extension HubCore {
    /// Writes a node down as revoked and signs the next list.
    mutating func revoke(_ node: NodeID, _ role: Role, at now: UnixTime) throws {
        let last = try store.certificates(of: node).map(\.expires).max() ?? now + HubLimits.unknownCertificateLife
        let ends = last + RenewalSchedule.offlineHorizon
        if ends > (try certainTime(now)) {
            try store.putRevocation(RevocationRecord(node: node, role: role, ends: ends))
        }
        try signRevocations(at: now)
    }

    /// Signs the list anew when it has reached a certain age, so that a site notices when it gets no newer ones; gives when that is due again.
    mutating func pumpRevocations(at now: UnixTime) throws -> UnixTime {
        if revocationsSigned == nil, let (_, signed) = try revocationList() {
            revocationsSigned = try RevocationList.readUnverified(signed).issued
        }
        // One that is dated in the future was signed while the clock was ahead: members are to get another.
        if let signed = revocationsSigned, now - signed < HubLimits.revocationInterval,
            signed - now <= HubLimits.clockError
        {
            return signed + HubLimits.revocationInterval
        }
        try signRevocations(at: now)
        effects.append(.useAuthorities(try anchorSet(at: now).set))
        return now + HubLimits.revocationInterval
    }

    /// Signs the next revocation list and sends it to every spoke.
    ///
    /// A node is left out when its last certificate ended so long ago that it could not even be renewed.
    private mutating func signRevocations(at now: UnixTime) throws {
        let number = UInt64(try store.setting(.revocationNumber) ?? "0") ?? 0
        try store.removeRevocations(endingBy: try certainTime(now))
        var named = try store.revocations()
        if named.count > configuration.looseRevocations {
            try compact(named)
            named = try store.revocations()
        }
        let list = try RevocationList(
            fleet: configuration.fleet, number: number + 1, issued: now, nodes: Set(named.map(\.node)),
            segments: try namedSegments(at: now))
        let signed = try list.signed(by: cryptography.orderSigner)
        try store.setSetting(.revocationNumber, "\(number + 1)")
        try store.setSetting(.revocationList, ASCII.hex(signed))
        revocationsSigned = now
        for link in links.keys.sorted() { sendRevocations(link, (number + 1, signed)) }
    }

    /// The last signed revocation list and its number, or nil if nobody was ever revoked.
    func revocationList() throws -> (number: UInt64, signed: [UInt8])? {
        guard let text = try store.setting(.revocationList) else { return nil }
        guard let bytes = ASCII.bytes(hex: text), let number = UInt64(try store.setting(.revocationNumber) ?? "")
        else { throw HubStoreError.damaged("revocation list") }
        return (number, bytes)
    }

    /// Sends a spoke the newest list, unless it has not answered to one yet: the newest follows its answer, so that many revocations in a row
    /// are not as many lists on the way.
    mutating func sendRevocations(_ link: LinkID, _ list: (number: UInt64, signed: [UInt8])) {
        let isUnderWay = links[link]?.underWay.contains { if case .revocations = $0 { true } else { false } } ?? true
        guard !isUnderWay else { return }
        ask(link, .revocations(Revocations(signed: list.signed)), .revocations(list.number))
    }

    /// A spoke has answered to a list; sends it the newer one that was signed meanwhile.
    mutating func revocationsAnswered(_ number: UInt64, _ link: LinkID) throws {
        guard UInt64(try store.setting(.revocationNumber) ?? "") ?? 0 > number, let list = try revocationList() else {
            return
        }
        sendRevocations(link, list)
    }

    // MARK: - Segments

    private struct Bucket: Hashable {
        let role: Role
        let ends: UnixTime
    }

    /// Moves revocations out of the head into segments, those of spokes last: every agent must know them, and agents fetch no other segments.
    ///
    /// The ids of one segment end in the same period, so that it leaves the list as a whole and is never rewritten because time passes. A period's last
    /// segment is filled up before another one begins.
    private func compact(_ named: [RevocationRecord]) throws {
        var moved = named.filter { $0.role != .spoke }
        if named.count - moved.count > configuration.looseRevocations / 2 { moved = named }
        let known = try store.segments()
        for (bucket, revocations) in Dictionary(grouping: moved, by: Self.bucket) {
            var ids = revocations.map(\.node)
            let unfilled = known.first {
                $0.role == bucket.role && $0.ends == bucket.ends && $0.count < RecordLimits.segmentIDs
            }
            if let unfilled, let bytes = try store.segment(unfilled.sha256) {
                do {
                    ids = try RevocationSegment(bytes: bytes).ids + ids
                    try store.removeSegment(unfilled.sha256)
                } catch is RecordError {
                    // A damaged one stays as it is; nobody is the less revoked for it.
                }
            }
            while !ids.isEmpty {
                let segment = RevocationSegment(ids.prefix(RecordLimits.segmentIDs))
                ids.removeFirst(min(ids.count, RecordLimits.segmentIDs))
                let bytes = segment.bytes
                let sha256 = try SHA256Digest(bytes: cryptography.sha256(bytes))
                guard try store.segment(sha256) == nil else { continue }
                try store.insertSegment(
                    SegmentRecord(sha256: sha256, role: bucket.role, count: segment.count, ends: bucket.ends),
                    bytes: bytes)
            }
        }
        for revocation in moved { try store.removeRevocation(of: revocation.node) }
    }

    /// The end of the period in which a revocation ends.
    private static func bucket(_ revocation: RevocationRecord) -> Bucket {
        let length = HubLimits.segmentPeriod.wholeMilliseconds
        let (end, overflow) = (revocation.ends.milliseconds / length + 1).multipliedReportingOverflow(by: length)
        return Bucket(role: revocation.role, ends: overflow ? .distantFuture : UnixTime(milliseconds: end))
    }

    /// The segments that the next list names. Where there are more than it can hold, those that end first are left out, and the log says so every day.
    private mutating func namedSegments(at now: UnixTime) throws -> [RevocationSegment.Reference] {
        let all = try store.segments()
        let left = all.count - RecordLimits.segments
        if left > 0 {
            let count = all.prefix(left).reduce(0) { $0 + $1.count }
            try log(
                .error, .revocationsStale, "",
                "the revocation list is full: \(count) members whose certificates end first are no longer named in it; "
                    + "change the fleet's CA with 'axle ca rotate'", at: now)
        }
        return all.dropFirst(max(0, left)).map {
            RevocationSegment.Reference(role: $0.role.rawValue, count: $0.count, sha256: $0.sha256)
        }
    }
}
