import Codec
package import Model

extension Repository {
    /// A file to write into the repository's metadata folder.
    package struct PublishedFile: Sendable, Equatable {
        package let name: String
        package let bytes: [UInt8]
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

    private mutating func signing(
        with signers: [any MetadataSigner], at now: UnixTime
    ) throws(PublishingError) -> SigningResult {
        for role in stale {
            pending[role] = RoleDocument(
                role, version: publishedVersion(role) + 1, expires: lifetimes.expiry(of: role, at: now),
                members: members(of: role))
        }
        stale = []
        var missing: [PublishingError] = []
        for role in pending.keys.sorted() {
            let needed = requirements(of: role)
            try pending[role]?.sign(with: signers, for: needed.flatMap(\.keys))
            for requirement in needed {
                do throws(PublishingError) {
                    try pending[role]?.check(requirement)
                } catch {
                    missing.append(error)
                }
            }
        }
        guard missing.isEmpty else { return .waiting(missing) }
        var new = pending.keys.sorted(by: Self.inWritingOrder).compactMap { role in
            pending[role].map { PublishedFile(name: fileName($0), bytes: $0.bytes) }
        }
        var listed = published?.timestamp?.snapshot ?? ListedMetadata(version: 0)
        if needsSnapshot(at: now) {
            let document = try signed(.snapshot, at: now, with: signers, members: snapshotMembers())
            listed = self.listed(version: document.version, document.bytes)
            new.append(PublishedFile(name: fileName(document), bytes: document.bytes))
        }
        let meta = Repository.object([JSONObject.Member(MetadataName.snapshotFile, listed.value)])
        let timestamp = try signed(
            .timestamp, at: now, with: signers, members: [JSONObject.Member(MetadataName.meta, meta)])
        new.append(PublishedFile(name: fileName(timestamp), bytes: timestamp.bytes))
        try publish(new, at: now)
        return .published(new)
    }

    /// Whose signatures a role's next version needs: a root's also those of the root before (5.3.4).
    private func requirements(of role: RoleName) -> [RoleSigners] {
        var needed = [signers(of: role)].compactMap { $0 }
        if role == .root, let before = published?.root, let keys = before.roles[.root] {
            let old = RoleSigners(keys, keys: before.keys)
            if old != needed.first { needed.append(old) }
        }
        return needed
    }

    private func needsSnapshot(at now: UnixTime) -> Bool {
        guard let published, let snapshot = published.snapshot else { return true }
        if pending.keys.contains(where: { $0 != .root }) { return true }
        let before = published.root.roles[.snapshot].map { RoleSigners($0, keys: published.root.keys) }
        if before != topRoles[.snapshot] { return true }
        return snapshot.expires - now < lifetimes.signed / 2
    }

    private func signed(
        _ role: RoleName, at now: UnixTime, with signers: [any MetadataSigner], members: [JSONObject.Member]
    ) throws(PublishingError) -> RoleDocument {
        var document = RoleDocument(
            role, version: publishedVersion(role) + 1, expires: lifetimes.expiry(of: role, at: now), members: members)
        guard let wanted = topRoles[role] else { throw .unknownRole(role.string) }
        try document.sign(with: signers, for: wanted.keys)
        try document.check(wanted)
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

    private func publishedVersion(_ role: RoleName) -> Int64 {
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
