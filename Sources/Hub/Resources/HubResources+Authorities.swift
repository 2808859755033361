internal import API
internal import HTTP
internal import Model
internal import TLS
internal import Trust

/// `/v1/ca`: the fleet's root CAs and how far a change of them is.
extension HubResources {
    static func addAuthorities(to router: inout Router<Work>) {
        router.add(.get, "/v1/ca") { hub, _, _ in
            try json(try await hub.reader.read { try authority($0) })
        }
        router.add(.post, "/v1/ca/rotate") { hub, request, _ in
            let wanted = try body(AuthorityRequest.self, of: request)
            guard (wanted.chain == nil) == (wanted.key == nil) else {
                throw Problem(.invalid, "chain and key go together")
            }
            let pin = try await hub.shell.makeAuthority(chain: wanted.chain, key: wanted.key)
            return try await hub.perform(.authorities(.add(pin)), request, authorityBody)
        }
        router.add(.post, "/v1/ca/issue") { hub, request, _ in
            let change = try body(AuthorityChange.self, of: request)
            return try await hub.perform(
                .authorities(.issueUnderNewest(force: change.force ?? false)), request, authorityBody)
        }
        router.add(.post, "/v1/ca/retire") { hub, request, _ in
            let change = try body(AuthorityChange.self, of: request)
            return try await hub.perform(
                .authorities(.retireOldest(force: change.force ?? false)), request, authorityBody)
        }
    }

    private static let authorityBody: @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8] = { answer, store in
        guard case .authority = answer else { throw misfit }
        return try JSONCoding.encode(try authority(store))
    }

    private static func authority(_ store: SQLiteHubStore) throws -> AuthorityResource {
        guard let text = try store.setting(.anchorSet), let signed = ASCII.bytes(hex: text) else {
            throw Problem(.unavailable, "the hub has no anchor set yet")
        }
        let set = try AnchorSet.readUnverified(signed)
        let standings = try store.standings()
        func names(_ found: [StandingRecord]) throws -> [String] {
            try found.prefix(100).map { standing in
                if let spoke = try store.spoke(standing.node) { return "spoke/\(spoke.name)" }
                return try store.client(standing.node).map { "client/\($0.name)" } ?? "node/\(standing.node)"
            }
        }
        let roots = try set.roots.map { der in
            let root = try Certificate(der: der)
            let pin = try SHA256Digest(bytes: root.publicKeyFingerprint)
            return AuthorityResource.Root(
                pin: pin, subject: root.subject, expires: UnixTime(seconds: root.notAfter),
                issuing: pin == set.issuing, members: standings.count { $0.root == pin.bytes },
                pem: String(decoding: try root.pem(), as: UTF8.self))
        }
        let waiting = standings.filter { $0.anchors < set.number }
        let renewing = standings.filter { $0.root != set.issuing.bytes }
        return AuthorityResource(
            number: set.number, roots: roots, members: standings.count, waiting: try names(waiting),
            waitingCount: waiting.count, renewing: try names(renewing), renewingCount: renewing.count)
    }
}
