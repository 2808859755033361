package import Model

/// The fleet's root CAs: `GET /v1/ca`, `POST /v1/ca/rotate`, `…/issue`, `…/retire`.
package struct AuthorityResource: Codable, Hashable, Sendable {
    package struct Root: Codable, Hashable, Sendable {
        /// SHA-256 of its public key: what join tokens pin.
        package var pin: SHA256Digest
        package var subject: String
        package var expires: UnixTime
        /// Whether certificates are issued under it now.
        package var issuing: Bool
        /// Members in good standing whose certificate is under it.
        package var members: Int
        package var pem: String

        package init(
            pin: SHA256Digest, subject: String, expires: UnixTime, issuing: Bool, members: Int, pem: String
        ) {
            self.pin = pin
            self.subject = subject
            self.expires = expires
            self.issuing = issuing
            self.members = members
            self.pem = pem
        }
    }

    /// Number of the anchor set that members are to believe.
    package var number: UInt64
    /// Oldest first.
    package var roots: [Root]
    /// Members in good standing.
    package var members: Int
    /// Of these, the ones that have not proved yet to believe the set: names as in the log, 100 at the most.
    package var waiting: [String]
    package var waitingCount: Int
    /// Those whose certificate is under another root than that of now: names, 100 at the most.
    package var renewing: [String]
    package var renewingCount: Int

    package init(
        number: UInt64, roots: [Root], members: Int, waiting: [String], waitingCount: Int, renewing: [String],
        renewingCount: Int
    ) {
        self.number = number
        self.roots = roots
        self.members = members
        self.waiting = waiting
        self.waitingCount = waitingCount
        self.renewing = renewing
        self.renewingCount = renewingCount
    }
}

/// The body of `POST /v1/ca/issue` and `…/retire`.
package struct AuthorityChange: Codable, Hashable, Sendable {
    /// Although somebody is not ready.
    package var force: Bool?

    package init(force: Bool?) {
        self.force = force
    }
}

/// The body of `POST /v1/ca/rotate`: nothing for a CA that the hub makes, or one of the operator's own.
package struct AuthorityRequest: Codable, Hashable, Sendable {
    /// PEM: the issuing certificate first, the root last.
    package var chain: String?
    /// PEM of the issuing key.
    package var key: String?

    package init(chain: String?, key: String?) {
        self.chain = chain
        self.key = key
    }
}
