import Codec
package import Model

extension Repository {
    /// A file to write into the repository's metadata folder.
    package struct PublishedFile: Sendable, Equatable {
        package let name: String
        package let bytes: [UInt8]

        package init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// What came of signing.
    package enum SigningResult: Sendable, Equatable {
        /// Write these in this order, each atomically; the timestamp is the last and makes the rest visible.
        case published([PublishedFile])
        /// The roles that lack signatures and how; keep `pendingFiles` and sign with more signers.
        case waiting([PublishingError])
    }

    /// Makes the next versions of the roles that changed, signs them and, once every threshold is met, makes snapshot and
    /// timestamp and gives all new files.
    ///
    /// Without changes it renews the timestamp (and the snapshot when half of its life is over). Nothing is given out that
    /// a client, be it new or one that holds the state of before, would refuse at `now`.
    package mutating func sign(
        with signers: [any MetadataSigner], at now: UnixTime
    ) throws(PublishingError) -> SigningResult {
        var next = self
        let result = try next.signing(with: signers, at: now)
        self = next
        return result
    }

    /// Makes the next versions of the roles that changed and signs them with those of the signers whose keys they need;
    /// publishes nothing. Gives the roles that still lack signatures.
    package mutating func addSignatures(
        of signers: [any MetadataSigner], at now: UnixTime
    ) throws(PublishingError) -> [PublishingError] {
        var next = self
        try next.draft(at: now)
        for role in next.pending.keys.sorted() {
            let keys = next.requirements(of: role).flatMap(\.keys)
            try next.pending[role]?.sign(with: signers, for: keys, verifier)
        }
        let rootKeys = next.bridgeRequirements.flatMap(\.keys)
        try next.bridge?.sign(with: signers, for: rootKeys, verifier)
        self = next
        return missingSignatures
    }

    private mutating func signing(
        with signers: [any MetadataSigner], at now: UnixTime
    ) throws(PublishingError) -> SigningResult {
        let missing = try addSignatures(of: signers, at: now)
        guard missing.isEmpty else { return .waiting(missing) }
        var new: [PublishedFile] = []
        if let bridge { new.append(PublishedFile(name: fileName(bridge), bytes: bridge.bytes)) }
        for role in pending.keys.sorted(by: Self.inWritingOrder) where role != .root || bridge == nil {
            if let document = pending[role] {
                new.append(PublishedFile(name: fileName(document), bytes: document.bytes))
            }
        }
        var listed = published?.timestamp?.snapshot ?? ListedMetadata(version: 0)
        if needsSnapshot(at: now, with: signers) {
            let document = try signed(.snapshot, at: now, with: signers, members: snapshotMembers())
            listed = self.listed(version: document.version, document.bytes)
            new.append(PublishedFile(name: fileName(document), bytes: document.bytes))
        }
        let meta = Repository.object([JSONObject.Member(MetadataName.snapshotFile, listed.value)])
        let timestamp = try signed(
            .timestamp, at: now, with: signers, members: [JSONObject.Member(MetadataName.meta, meta)])
        new.append(PublishedFile(name: fileName(timestamp), bytes: timestamp.bytes))
        if bridge != nil, let root = pending[.root] {
            new.append(PublishedFile(name: fileName(root), bytes: root.bytes))
        }
        try publish(new, at: now)
        return .published(new)
    }

    /// Makes the documents of the roles that changed.
    private mutating func draft(at now: UnixTime) throws(PublishingError) {
        for role in stale {
            var version = publishedVersion(role) + 1
            if role == .root, let members = bridgeMembers {
                bridge = RoleDocument(
                    .root, version: version, expires: lifetimes.expiry(of: role, at: now), members: members)
                version += 1
            }
            let document = RoleDocument(
                role, version: version, expires: lifetimes.expiry(of: role, at: now), members: members(of: role))
            let limit = role == .root ? MetadataLimits().rootBytes : MetadataLimits().targetsBytes
            guard document.bytes.count <= limit - Self.signatureRoom else {
                throw .refusedByClient(
                    MetadataError(.metadataTooLarge, role: role, "clients read at most \(limit) bytes"))
            }
            pending[role] = document
        }
        stale = []
    }

    /// What signatures may add to a document.
    private static let signatureRoom = 40_000

    /// Whose signatures a role's next version needs: a root's also those of the root before (5.3.4).
    func requirements(of role: RoleName) -> [RoleSigners] {
        // The root before the pending one is the bridge then, which has the same root keys.
        if role == .root, bridge == nil { return bridgeRequirements }
        return [signers(of: role)].compactMap { $0 }
    }

    /// Those of the new root's keys, and those of the published root's where they differ.
    var bridgeRequirements: [RoleSigners] {
        var needed = [topRoles[.root]].compactMap { $0 }
        if let before = published?.root, let keys = before.roles[.root] {
            let old = RoleSigners(keys, keys: before.keys)
            if old != needed.first { needed.append(old) }
        }
        return needed
    }

    private func needsSnapshot(at now: UnixTime, with signers: [any MetadataSigner]) -> Bool {
        guard let published, let snapshot = published.snapshot else { return true }
        if pending.keys.contains(where: { $0 != .root }) { return true }
        let before = published.root.roles[.snapshot].map { RoleSigners($0, keys: published.root.keys) }
        if before != topRoles[.snapshot] { return true }
        if snapshot.expires <= now { return true }
        // The timestamp's key may live alone on a machine that is online: it goes on as long as the snapshot is good.
        let held = topRoles[.snapshot]?.keys.count { key in
            signers.contains { $0.key.publicKey == key.publicKey }
        }
        guard let held, held >= topRoles[.snapshot]?.threshold ?? 1 else { return false }
        return snapshot.expires - now < lifetimes.signed / 2
    }

    private func signed(
        _ role: RoleName, at now: UnixTime, with signers: [any MetadataSigner], members: [JSONObject.Member]
    ) throws(PublishingError) -> RoleDocument {
        var document = RoleDocument(
            role, version: publishedVersion(role) + 1, expires: lifetimes.expiry(of: role, at: now), members: members)
        guard let wanted = topRoles[role] else { throw .unknownRole(role.string) }
        try document.sign(with: signers, for: wanted.keys, verifier)
        try document.check(wanted, verifier)
        return document
    }

    /// Every role that a snapshot ever named stays in it.
    private func snapshotMembers() -> [JSONObject.Member] {
        var roles = published?.snapshot?.roles ?? [:]
        for (role, document) in pending where role != .root {
            roles[role] = listed(version: document.version, document.bytes)
        }
        let suffix = Array(".json".utf8)
        let meta = roles.map { JSONObject.Member(JSONText(utf8: $0.key.bytes + suffix), $0.value.value) }
        return [JSONObject.Member(MetadataName.meta, Repository.object(meta))]
    }

    private func listed(version: Int64, _ bytes: [UInt8]) -> ListedMetadata {
        ListedMetadata(
            version: version, length: Int64(bytes.count), hashes: FileHashes(sha256: digester.sha256(bytes)))
    }

    func publishedVersion(_ role: RoleName) -> Int64 {
        switch role {
        case .root: published?.root.version ?? 0
        case .timestamp: published?.timestamp?.version ?? 0
        case .snapshot: published?.snapshot?.version ?? 0
        default: published?.snapshot?.roles[role]?.version ?? 0
        }
    }

    private func fileName(_ document: RoleDocument) -> String {
        MetadataFile.remoteName(document.role, version: document.version, consistent: consistentSnapshot)
    }

    /// Root first, so that a client that sees anything new can verify it; products before the targets role that names them.
    private static func inWritingOrder(_ left: RoleName, _ right: RoleName) -> Bool {
        func rank(_ role: RoleName) -> Int { role == .root ? 0 : role == .targets ? 2 : 1 }
        return (rank(left), left) < (rank(right), right)
    }

    /// Refuses what a new client or one that holds the state of before would refuse; else takes the files over.
    private mutating func publish(_ new: [PublishedFile], at now: UnixTime) throws(PublishingError) {
        var next = files
        for file in new { next[file.name] = file.bytes }
        do throws(MetadataError) {
            published = try RepositoryClient.read(
                next, kept: files, at: now, verifier: verifier, digester: digester)
        } catch {
            throw .refusedByClient(error)
        }
        files = next
        pending = [:]
        bridge = nil
    }
}

extension TargetFile {
    /// As metadata writes it.
    var value: JSONValue {
        var members = [
            JSONObject.Member(MetadataName.hashes, hashes.value),
            JSONObject.Member(MetadataName.length, .integer(length)),
        ]
        if let custom { members.append(JSONObject.Member(MetadataName.custom, .object(custom))) }
        return Repository.object(members)
    }
}

extension ListedMetadata {
    /// As metadata writes it.
    var value: JSONValue {
        var members = [JSONObject.Member(MetadataName.version, .integer(version))]
        if let length { members.append(JSONObject.Member(MetadataName.length, .integer(length))) }
        if let hashes { members.append(JSONObject.Member(MetadataName.hashes, hashes.value)) }
        return Repository.object(members)
    }
}

extension FileHashes {
    /// As metadata writes them.
    var value: JSONValue {
        var members: [JSONObject.Member] = []
        if let sha256 {
            members.append(JSONObject.Member(MetadataName.sha256, .string(JSONText(ASCII.hex(sha256)))))
        }
        if let sha512 {
            members.append(JSONObject.Member(MetadataName.sha512, .string(JSONText(ASCII.hex(sha512)))))
        }
        return Repository.object(members)
    }
}
