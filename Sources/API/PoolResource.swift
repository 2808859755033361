package import Model

/// A storage pool: `GET /v1/pools`.
package struct PoolResource: Codable, Hashable, Sendable {
    /// The last check that has ended; what it has found is in `GET /v1/pools/ID/check`.
    package struct Check: Codable, Hashable, Sendable {
        package var ended: UnixTime
        /// Damaged packages, and what else was wrong.
        package var damaged: Int
        package var problems: Int

        package init(ended: UnixTime, damaged: Int, problems: Int) {
            self.ended = ended
            self.damaged = damaged
            self.problems = problems
        }
    }

    /// Names it in `PATCH /v1/pools/ID`: the owner's id, a dot, the pool's name.
    package var id: String
    package var name: String
    /// The hub or the spoke that has it.
    package var owner: Reference
    package var role: Role
    /// Bytes; it is never exceeded.
    package var quota: ByteCount
    /// Bytes on disk.
    package var used: ByteCount
    /// Bytes reserved for transfers.
    package var reserved: ByteCount
    /// Bytes free on the file system.
    package var freeOnDisk: ByteCount
    /// The step of being full that people are warned about: 0, 80 or 95 per cent.
    package var level: Int
    /// What may be done with it.
    package var access: PoolAccess
    /// Why it is unavailable, where its disk is gone; what it holds is what was known last.
    package var problem: String?
    /// When its owner said so last; nil for the hub's own.
    package var reported: UnixTime?
    /// Nil where none has ended.
    package var checked: Check?

    package init(
        id: String, name: String, owner: Reference, role: Role, quota: ByteCount, used: ByteCount,
        reserved: ByteCount, freeOnDisk: ByteCount, level: Int = 0, access: PoolAccess = .readWrite,
        problem: String? = nil, reported: UnixTime?
    ) {
        self.id = id
        self.name = name
        self.owner = owner
        self.role = role
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
        self.level = level
        self.access = access
        self.problem = problem
        self.reported = reported
    }
}

/// `PATCH /v1/pools/ID`: sets the quota (a number of bytes or a text such as `10GB`), or what may be done with it.
package struct PoolChange: Codable, Hashable, Sendable {
    package var quota: ByteCount?
    package var access: PoolAccess?

    package init(quota: ByteCount? = nil, access: PoolAccess? = nil) {
        self.quota = quota
        self.access = access
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case quota, access }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        quota = values.contains(.quota) ? try values.decode(ByteCount.self, forKey: .quota) : nil
        access = values.contains(.access) ? try values.decode(PoolAccess.self, forKey: .access) : nil
        guard (quota == nil) != (access == nil) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a change has either a quota or an access"))
        }
    }
}
