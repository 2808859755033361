package import Model

/// A storage pool: `GET /v1/pools`.
package struct PoolResource: Codable, Hashable, Sendable {
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
    /// When its owner said so last; nil for the hub's own.
    package var reported: UnixTime?

    package init(
        id: String, name: String, owner: Reference, role: Role, quota: ByteCount, used: ByteCount,
        reserved: ByteCount, freeOnDisk: ByteCount, reported: UnixTime?
    ) {
        self.id = id
        self.name = name
        self.owner = owner
        self.role = role
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
        self.reported = reported
    }
}

/// `PATCH /v1/pools/ID`: sets the quota; a number of bytes or a text such as `10GB`.
package struct PoolChange: Codable, Hashable, Sendable {
    package var quota: ByteCount

    package init(quota: ByteCount) { self.quota = quota }

    private enum CodingKeys: String, CodingKey, CaseIterable { case quota }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        quota = try decoder.container(keyedBy: CodingKeys.self).decode(ByteCount.self, forKey: .quota)
    }
}
