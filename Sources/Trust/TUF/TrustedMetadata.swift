import Codec
package import Model

/// What a client believes of a repository: the roles that passed every check of TUF 1.0.34 §5.
///
/// A value without IO. One `update…` a role takes the bytes as they were received and either believes them or throws a
/// `MetadataError` and stays as it was. One `load…` a role takes the bytes that were kept from an earlier run: they are
/// the yardstick against rollback, so their expiry does not matter.
///
/// Roles come in order: root and later roots, timestamp, snapshot, targets, delegated roles. Once a timestamp is there the
/// root stays; once a snapshot is there the timestamp stays. The time is fixed at the start (5.1).
package struct TrustedMetadata: Sendable {
    /// What became of a new timestamp.
    package enum TimestampChange: Sendable {
        case replaced
        /// The same version as ours, which stays.
        case kept
    }

    /// A verified targets role and who vouched for it.
    struct VerifiedTargets: Sendable {
        let metadata: TargetsMetadata
        /// Hash of the whole file: another file of the same version is another one.
        let sha256: [UInt8]
        /// Every delegator whose keys and threshold were checked.
        var delegators: Set<RoleName>
    }

    /// 5.1: the moment against which every expiry is checked.
    package let startTime: UnixTime
    package let limits: MetadataLimits
    package private(set) var root: RootMetadata
    package private(set) var timestamp: TimestampMetadata?
    package private(set) var snapshot: SnapshotMetadata?
    /// Whether `snapshot` is the one that `timestamp` names, and fresh; else it only serves against rollback.
    package private(set) var snapshotIsCurrent = false
    /// What nothing may fall below, whatever is kept; the files of the folder alone are no proof of what was seen.
    package private(set) var floors: VersionFloors
    var targetsRoles: [RoleName: VerifiedTargets] = [:]
    let verifier: any SignatureVerifier
    let digester: any Digester

    /// 5.2: takes a root that is trusted already; it must be signed by its own keys, its expiry is ignored.
    package init(
        root bytes: [UInt8], startTime: UnixTime, verifier: any SignatureVerifier, digester: any Digester,
        limits: MetadataLimits = MetadataLimits(), floors: VersionFloors = VersionFloors()
    ) throws(MetadataError) {
        self.startTime = startTime
        self.limits = limits
        self.verifier = verifier
        self.digester = digester
        self.floors = floors
        let file = try SignedMetadata(bytes, role: .root, maximumLength: limits.rootBytes)
        root = try RootMetadata(file, digester: digester)
        try root.verify(file, as: .root, verifier: verifier)
        self.floors.raise(root: root.version)
    }

    // MARK: Root (5.3)

    /// Believes the next root. Returns whether timestamp and snapshot must be forgotten because a key of one of them was
    /// retired (5.3.11, recovery from fast-forward).
    package mutating func updateRoot(_ bytes: [UInt8]) throws(MetadataError) -> Bool {
        guard timestamp == nil else {
            throw MetadataError(.wrongOrder, role: .root, "a root after the timestamp")
        }
        let file = try SignedMetadata(bytes, role: .root, maximumLength: limits.rootBytes)
        let next = try RootMetadata(file, digester: digester)
        // 5.3.4: signed by the keys of the trusted root and by its own.
        try root.verify(file, as: .root, verifier: verifier)
        try next.verify(file, as: .root, verifier: verifier)
        // 5.3.5: exactly the next version.
        guard next.version > root.version else {
            throw MetadataError(.rootRolledBack, role: .root, "version \(next.version) after \(root.version)")
        }
        guard next.version == root.version + 1 else {
            throw MetadataError(.rootSkipped, role: .root, "version \(next.version) after \(root.version)")
        }
        let retired = next.retiresKey(of: .timestamp, from: root) || next.retiresKey(of: .snapshot, from: root)
        root = next
        floors.raise(root: next.version)
        if retired { floors.forgetBelowRoot() }
        return retired
    }

    /// 5.3.10: once there is no newer root, the trusted one must be fresh, and no older than one that was trusted before.
    package func checkRootFreshness() throws(MetadataError) {
        guard root.version >= floors.root else {
            throw MetadataError(
                .rootRolledBack, role: .root, "version \(root.version) is all there is, \(floors.root) was trusted")
        }
        try checkFreshness(root.expires, .root)
    }

    // MARK: Timestamp (5.4)

    /// Takes the timestamp of an earlier run.
    package mutating func loadTimestamp(_ bytes: [UInt8]) throws(MetadataError) {
        let loaded = try verifiedTimestamp(bytes)
        try checkFloors(loaded)
        timestamp = loaded
        floors.raise(loaded)
    }

    /// Believes a new timestamp, or keeps ours when the version is the same. Either must be fresh.
    package mutating func updateTimestamp(_ bytes: [UInt8]) throws(MetadataError) -> TimestampChange {
        guard snapshot == nil else {
            throw MetadataError(.wrongOrder, role: .timestamp, "a timestamp after the snapshot")
        }
        try checkRootFreshness()
        let next = try verifiedTimestamp(bytes)
        // 5.4.3: the same version is no news; never an older one, nor an older snapshot. What is trusted is at its floors.
        if let timestamp, next.version == timestamp.version {
            try checkTimestampFreshness()
            return .kept
        }
        try checkFloors(next)
        // 5.4.4, before it is believed and kept: an expired timestamp must not hold back a later, lower, fresh one.
        try checkFreshness(next.expires, .timestamp)
        timestamp = next
        floors.raise(next)
        return .replaced
    }

    private func checkFloors(_ next: TimestampMetadata) throws(MetadataError) {
        // 5.4.3.1
        guard next.version >= floors.timestamp else {
            throw MetadataError(
                .timestampRolledBack, role: .timestamp, "version \(next.version) after \(floors.timestamp)")
        }
        // 5.4.3.2
        guard next.snapshot.version >= floors.snapshot else {
            throw MetadataError(
                .snapshotRolledBack, role: .timestamp,
                "names snapshot \(next.snapshot.version) after \(floors.snapshot)")
        }
    }

    /// 5.4.4 for the trusted timestamp.
    package func checkTimestampFreshness() throws(MetadataError) {
        try checkFreshness(try trustedTimestamp(.timestamp).expires, .timestamp)
    }

    private func verifiedTimestamp(_ bytes: [UInt8]) throws(MetadataError) -> TimestampMetadata {
        let file = try SignedMetadata(bytes, role: .timestamp, maximumLength: limits.timestampBytes)
        try root.verify(file, as: .timestamp, verifier: verifier)
        return try TimestampMetadata(file)
    }

    // MARK: Snapshot (5.5)

    /// Takes the snapshot of an earlier run. It is current only if it is exactly what the timestamp names and fresh.
    package mutating func loadSnapshot(_ bytes: [UInt8]) throws(MetadataError) {
        let listed = try trustedTimestamp(.snapshot).snapshot
        let loaded = try verifiedSnapshot(bytes)
        var isListed = loaded.version == listed.version
        if let length = listed.length, length != Int64(bytes.count) { isListed = false }
        if isListed, let hashes = listed.hashes { isListed = hashes.match(bytes, digester: digester) }
        // One that is not the current one may be older than its floors; it is no news and only serves against rollback.
        if isListed { try checkFloors(loaded) }
        snapshot = loaded
        floors.raise(loaded)
        snapshotIsCurrent = isListed && loaded.expires > startTime
    }

    /// Believes the snapshot that the timestamp names.
    package mutating func updateSnapshot(_ bytes: [UInt8]) throws(MetadataError) {
        try checkTimestampFreshness()
        guard targetsRoles.isEmpty else {
            throw MetadataError(.wrongOrder, role: .snapshot, "a snapshot after targets")
        }
        let listed = try trustedTimestamp(.snapshot).snapshot
        // 5.5.2: the bytes that the timestamp names.
        try listed.check(bytes, role: .snapshot, digester: digester)
        // 5.5.3
        let next = try verifiedSnapshot(bytes)
        // 5.5.4
        guard next.version == listed.version else {
            throw MetadataError(
                .versionMismatch, role: .snapshot, "version \(next.version), the timestamp names \(listed.version)")
        }
        try checkFloors(next)
        // 5.5.6
        try checkFreshness(next.expires, .snapshot)
        snapshot = next
        snapshotIsCurrent = true
        floors.raise(next)
    }

    /// 5.5.5: no role vanishes, none goes back, compared with ours even if ours has expired: it stands at its floors.
    private func checkFloors(_ next: SnapshotMetadata) throws(MetadataError) {
        for (role, before) in floors.roles {
            guard let now = next.roles[role] else {
                throw MetadataError(.snapshotRoleVanished, role: .snapshot, "\(role) is not listed any more")
            }
            guard now.version >= before else {
                throw MetadataError(
                    .targetsRolledBack, role: .snapshot, "lists \(role) \(now.version) after \(before)")
            }
        }
    }

    private func verifiedSnapshot(_ bytes: [UInt8]) throws(MetadataError) -> SnapshotMetadata {
        let file = try SignedMetadata(bytes, role: .snapshot, maximumLength: limits.snapshotBytes)
        try root.verify(file, as: .snapshot, verifier: verifier)
        return try SnapshotMetadata(file)
    }

    // MARK: Targets (5.6), the top-level role and delegated ones alike

    /// Believes the top-level targets role.
    package mutating func updateTargets(_ bytes: [UInt8]) throws(MetadataError) {
        try updateTargets(bytes, role: .targets, delegator: .root)
    }

    /// Believes a targets role for one delegator; kept bytes and received ones are checked alike.
    ///
    /// A role that another delegator vouched for is checked again with this one's keys and threshold.
    package mutating func updateTargets(
        _ bytes: [UInt8], role: RoleName, delegator: RoleName
    ) throws(MetadataError) {
        let listed = try listedTargets(role)
        let sha256 = digester.sha256(bytes)
        // 5.6.2
        try listed.check(bytes, sha256: sha256, role: role, digester: digester)
        // 5.6.3
        let file = try SignedMetadata(bytes, role: role, maximumLength: limits.targetsBytes)
        try verify(file, role: role, delegator: delegator)
        // 5.6.4
        guard file.version == listed.version else {
            throw MetadataError(
                .versionMismatch, role: role, "version \(file.version), the snapshot names \(listed.version)")
        }
        // 5.6.5
        try checkFreshness(file.expires, role)
        var delegators: Set<RoleName> = [delegator]
        if let before = targetsRoles[role], before.sha256 == sha256 { delegators.formUnion(before.delegators) }
        targetsRoles[role] = VerifiedTargets(
            metadata: try TargetsMetadata(file, digester: digester), sha256: sha256, delegators: delegators)
    }

    /// How the current snapshot names a targets role.
    package func listedTargets(_ role: RoleName) throws(MetadataError) -> ListedMetadata {
        guard snapshotIsCurrent, let snapshot else {
            throw MetadataError(.wrongOrder, role: role, "targets before the current snapshot")
        }
        guard let listed = snapshot.roles[role] else {
            throw MetadataError(.roleNotInSnapshot, role: role, "the snapshot does not name it")
        }
        return listed
    }

    private func verify(_ file: SignedMetadata, role: RoleName, delegator: RoleName) throws(MetadataError) {
        if role == .targets, delegator == .root {
            return try root.verify(file, as: .targets, verifier: verifier)
        }
        guard let delegations = targetsRoles[delegator]?.metadata.delegations,
            let signers = delegations.signers(of: role)
        else { throw MetadataError(.notDelegated, role: role, "\(delegator) does not delegate to it") }
        try file.verify(by: delegations.keys, signers, delegator: delegator, verifier: verifier)
    }

    // MARK: Helpers

    private func trustedTimestamp(_ role: RoleName) throws(MetadataError) -> TimestampMetadata {
        guard let timestamp else { throw MetadataError(.wrongOrder, role: role, "no trusted timestamp") }
        return timestamp
    }

    private func checkFreshness(_ expires: UnixTime, _ role: RoleName) throws(MetadataError) {
        guard expires > startTime else {
            throw MetadataError(.metadataExpired, role: role, "expired \(expires), now \(startTime)")
        }
    }
}
