package import Model

/// A check of a pool: `GET /v1/pools/ID/check`.
package struct PoolCheckResource: Codable, Hashable, Sendable {
    /// A package that was found damaged.
    package struct Damaged: Codable, Hashable, Sendable {
        /// The package's id, or its hash.
        package var package: String
        /// Whether it is whole again.
        package var repaired: Bool

        package init(package: String, repaired: Bool) {
            self.package = package
            self.repaired = repaired
        }
    }

    /// Tells one check from another.
    package var number: UInt64
    package var over: Bool
    /// Bytes read, of so many.
    package var read: ByteCount
    package var total: ByteCount
    package var damaged: [Damaged]
    /// What else is wrong.
    package var problems: [String]
    package var began: UnixTime
    /// Nil as long as it is under way.
    package var ended: UnixTime?

    package init(
        number: UInt64, over: Bool, read: ByteCount, total: ByteCount, damaged: [Damaged], problems: [String],
        began: UnixTime, ended: UnixTime?
    ) {
        self.began = began
        self.ended = ended
        self.number = number
        self.over = over
        self.read = read
        self.total = total
        self.damaged = damaged
        self.problems = problems
    }
}

/// `POST /v1/pools/ID/check`: compares books and storage, and reads every byte if asked to.
package struct PoolCheckRequest: Codable, Hashable, Sendable {
    package var readData: Bool

    package init(readData: Bool) { self.readData = readData }

    private enum CodingKeys: String, CodingKey, CaseIterable { case readData }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        readData =
            try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Bool.self, forKey: .readData) ?? false
    }
}
