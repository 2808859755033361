import Model
import Protocol
import Rollout
import Trust

/// What operators tell the hub.
extension HubCore {
    mutating func run(_ command: HubCommand, at now: UnixTime) throws -> HubAnswer {
        do {
            return try runChecked(command, at: now)
        } catch let error as RolloutError {
            throw HubRefusal.invalid(error.description)
        }
    }

    private mutating func runChecked(_ command: HubCommand, at now: UnixTime) throws -> HubAnswer {
        switch command {
        case .createToken(let role, let spoke, let replaces, let uses, let life):
            try createToken(role, spoke, replacing: replaces, uses, life, at: now)
        case .revokeToken(let id): .revokedToken(try revokeToken(id, at: now))
        case .revokeSpoke(let id): .spoke(try revokeSpoke(id, at: now))
        case .revokeClient(let id): .client(try revokeClient(id, at: now))
        case .renameSpoke(let id, let name): .spoke(try renameSpoke(id, to: name, at: now))
        case .renameClient(let id, let name): .client(try renameClient(id, to: name, at: now))
        case .removeSpoke(let id): .spoke(try removeSpoke(id, at: now))
        case .removeClient(let id): .client(try removeClient(id, at: now))
        case .addAuthority(let pin): .authority(try addAuthority(pin, at: now))
        case .issueUnderNewest(let force): .authority(try issueUnderNewest(force: force, at: now))
        case .retireOldest(let force): .authority(try retireOldest(force: force, at: now))
        case .labelClient(let id, let labels): .client(try label(id, labels, at: now))
        case .limitSpoke(let id, let link, let agents): .spoke(try limitSpoke(id, link, agents, at: now))
        case .setQuota(let node, let pool, let quota): .pool(try setQuota(node, pool, quota, at: now))
        case .setAccess(let node, let pool, let access): .pool(try setAccess(node, pool, access, at: now))
        case .prunePool(let node, let pool): .prunePlan(try prune(node, pool, at: now))
        case .checkPool(let node, let pool, let readsData):
            .pool(try checkPool(node, pool, readsData: readsData, at: now))
        case .setRetention(let releases): try setRetention(releases, at: now)
        case .setCatalog(let url, let root): .catalog(try setCatalog(url, root, at: now))
        case .refreshCatalog: .catalog(try refreshCatalog(at: now))
        case .importPackage(let path): .package(try importNow(path, at: now))
        case .removePackage(let path): .package(try removePackage(path, at: now))
        case .takeCatalog(let contents): .catalog(try takeCatalog(contents, at: now))
        case .takePackage(let path, let digest): .package(try takePackage(path, digest, at: now))
        case .refuseBundle(let why): .catalog(try refuseBundle(why, at: now))
        case .createRollout(let specification): .rollout(try createRollout(specification, at: now))
        case .startRollout(let id): .rollout(try startRollout(id, at: now))
        case .stopRollout(let id): .rollout(try stopRollout(id, at: now))
        case .removeRollout(let id): .rollout(try removeRollout(id, at: now))
        case .resumeRollout(let id): .rollout(try resumeRollout(id, at: now))
        case .approveRollout(let id, let signed): .rollout(try approveRollout(id, signed, at: now))
        case .settleAction(let id): .action(try settle(id, at: now))
        }
    }

    // MARK: - Members

    private mutating func createToken(
        _ role: Role, _ spoke: NodeID?, replacing: NodeID?, _ uses: Int, _ life: Duration, at now: UnixTime
    ) throws -> HubAnswer {
        guard role != .hub else { throw HubRefusal.invalid("a token is for a spoke or an agent") }
        guard (1...HubLimits.tokenUses).contains(uses) else {
            throw HubRefusal.invalid("a token has 1 to \(HubLimits.tokenUses) uses")
        }
        guard life >= .seconds(1), life <= HubLimits.tokenLife else {
            throw HubRefusal.invalid("a token lives for at least a second and at most 30 days")
        }
        if let spoke {
            guard role == .agent else { throw HubRefusal.invalid("only an agent's token can be bound to a spoke") }
            guard let record = try store.spoke(spoke) else {
                throw HubRefusal.notFound("there is no spoke \(spoke)")
            }
            guard record.revoked == nil else {
                throw HubRefusal.conflict("spoke \(record.name) has been revoked; nothing joins through it")
            }
        }
        if let replacing {
            let known = try role == .agent ? store.client(replacing) != nil : store.spoke(replacing) != nil
            guard known else { throw HubRefusal.notFound("there is no \(role.name) \(replacing) to replace") }
            guard uses == 1 else { throw HubRefusal.invalid("a token that replaces a machine has one use") }
        }
        try store.removeTokens(expiredBefore: now - HubLimits.tokenKept)
        let token = try JoinToken(
            id: TokenID.random(using: &random), secret: randomBytes(32), pin: try anchorSet(at: now).set.issuing)
        let record = TokenRecord(
            id: token.id, secret: token.secret, role: role, spoke: spoke, replaces: replacing, uses: uses, created: now,
            expires: now + life)
        try store.insertToken(record)
        try log(
            .notice, .tokenCreated, "token/\(token.id)",
            "a token for \(uses) \(role.name)\(uses == 1 ? "" : "s") was made, good until \(record.expires)", at: now)
        return .token(record, text: token.text)
    }

    private mutating func revokeToken(_ id: TokenID, at now: UnixTime) throws -> TokenRecord {
        guard let token = try store.token(id) else { throw HubRefusal.notFound("there is no token \(id)") }
        try store.removeToken(id)
        try log(
            .notice, .tokenRevoked, "token/\(id)",
            "the token was revoked; \(token.usesLeft) of its \(token.uses) uses were left", at: now)
        return token
    }

    mutating func revokeSpoke(_ id: NodeID, at now: UnixTime) throws -> SpokeRecord {
        guard var spoke = try store.spoke(id) else { throw HubRefusal.notFound("there is no spoke \(id)") }
        guard spoke.revoked == nil else { return spoke }
        spoke.revoked = now
        spoke.isConnected = false
        spoke.since = now
        try store.updateSpoke(spoke)
        try store.removeAlarms(of: id)
        try store.disconnectClients(of: id, at: now)
        close(id, "this spoke has been revoked")
        try endActions(behind: spoke, at: now)
        try revoked(id, .spoke, "spoke/\(spoke.name)", at: now)
        let stranded = try store.clients(of: id).count { $0.revoked == nil }
        if stranded > 0 {
            try log(
                .warning, .peerRevoked, "spoke/\(spoke.name)",
                "\(stranded) clients of \(spoke.name) are without a spoke; they keep what they run, and join again through another spoke "
                    + "with a token of 'axle token create --role agent'", at: now)
        }
        return spoke
    }

    /// Nothing more is heard of what was ordered behind a spoke that is revoked: its machines join again as new members.
    private mutating func endActions(behind spoke: SpokeRecord, at now: UnixTime) throws {
        for client in try store.clients(of: spoke.id) where client.revoked == nil {
            for var action in try store.actions(of: client.id, limit: .max) where !action.state.isFinal {
                try store.removeOrders(of: action.id)
                if action.reasons.isEmpty { action.reasons = [Reason(.spokeRevoked)] }
                try move(&action, by: .clientRevoked, "spoke \(spoke.name) was revoked", at: now)
            }
        }
    }

    mutating func revokeClient(_ id: NodeID, at now: UnixTime) throws -> ClientEntry {
        guard var client = try store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        guard client.revoked == nil else { return client }
        client.revoked = now
        client.isConnected = false
        client.since = now
        try store.updateClient(client)
        try store.removeAlarms(of: id)
        for var action in try store.actions(of: id, limit: .max) where !action.state.isFinal {
            try store.removeOrders(of: action.id)
            try move(&action, by: .clientRevoked, "the client was revoked", at: now)
        }
        try revoked(id, .agent, "client/\(client.name)", at: now)
        return client
    }

    private mutating func revoked(_ node: NodeID, _ role: Role, _ subject: String, at now: UnixTime) throws {
        try log(.notice, .peerRevoked, subject, "\(subject) was revoked", at: now)
        try revoke(node, role, at: now)
        // Who no longer counts may have been the last that a change of CA waited for.
        try advanceAuthorities(at: now)
    }

    private mutating func label(_ id: NodeID, _ labels: [String: String?], at now: UnixTime) throws -> ClientEntry {
        guard var client = try store.client(id) else { throw HubRefusal.notFound("there is no client \(id)") }
        for (key, value) in labels {
            guard (1...HubLimits.labelLength).contains(key.utf8.count),
                (value ?? "").utf8.count <= HubLimits.labelLength,
                Event.singleLine(key + (value ?? ""), limit: 1024) == key + (value ?? "")
            else {
                throw HubRefusal.invalid("a label has a key of 1 to 128 bytes and a value of at most 128, on one line")
            }
            client.labels[key] = value
        }
        guard client.labels.count <= HubLimits.labels else {
            throw HubRefusal.invalid("a client has at most \(HubLimits.labels) labels")
        }
        guard try store.client(id)?.labels != client.labels else { return client }
        try store.updateClient(client)
        try log(.info, .clientLabelled, "client/\(client.name)", "the labels of \(client.name) were changed", at: now)
        return client
    }

    // MARK: - Pools, catalog, packages

    /// Another quota; refused below what a pool holds, but for the pool of patches, which drops what was used longest ago.
    private mutating func setQuota(
        _ node: NodeID, _ name: NodeName, _ quota: ByteCount, at now: UnixTime
    ) throws -> PoolRecord {
        guard var pool = try store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        let isPatches = node == configuration.hub && name == configuration.patchPoolName
        guard isPatches || quota >= pool.used + pool.reserved else {
            throw HubRefusal.conflict(
                "the pool holds \(pool.used + pool.reserved), more than a quota of \(quota); choose a larger "
                    + "quota, or keep fewer releases ('axle pool retention', then 'axle pool prune')")
        }
        guard (pool.wantedQuota ?? pool.quota) != quota else { return pool }
        pool.wantedQuota = quota
        try store.putPool(pool)
        try log(.notice, .quotaSet, "pool/\(name)", "the quota of \(name) is to be \(quota)", at: now)
        if isPatches {
            try shrinkPatches(to: quota)
            effects.append(.setPatchQuota(quota))
        } else if node == configuration.hub {
            effects.append(.setQuota(name, quota))
        } else {
            dirtySpokes.insert(node)
        }
        return pool
    }

    private mutating func setCatalog(_ url: String, _ root: [UInt8], at now: UnixTime) throws -> CatalogRecord {
        let isWeb =
            (8...2048).contains(url.utf8.count) && (url.hasPrefix("http://") || url.hasPrefix("https://"))
            && Event.singleLine(url, limit: 4096) == url
        guard isWeb || url == CatalogRecord.bundleURL else {
            throw HubRefusal.invalid("the catalog's URL begins with http:// or https://")
        }
        guard (1...MetadataLimits.rootBytes).contains(root.count) else {
            throw HubRefusal.invalid("the root metadata has 1 to \(MetadataLimits.rootBytes) bytes")
        }
        let known = try store.catalog()
        var catalog = known ?? CatalogRecord(url: url, root: root)
        // Another vendor's root begins its own count of versions.
        if catalog.root != root { catalog = CatalogRecord(url: url, root: root) }
        catalog.url = url
        catalog.nextRefresh = now
        try store.setCatalog(catalog)
        if known?.url != url || known?.root != root {
            let place = catalog.isOffline ? "the catalog comes by bundles" : "the catalog is at \(url)"
            try log(.notice, .catalogSet, "catalog", place, at: now)
            isRefreshing = false
        }
        return catalog
    }

    private func refreshCatalog(at now: UnixTime) throws -> CatalogRecord {
        guard var catalog = try store.catalog() else {
            throw HubRefusal.conflict("no catalog is set; set one with axle catalog set")
        }
        guard !catalog.isOffline else {
            throw HubRefusal.conflict("the catalog comes by bundles; bring one with axle bundle import")
        }
        catalog.nextRefresh = now
        try store.setCatalog(catalog)
        return catalog
    }

    private func importNow(_ path: TargetPath, at now: UnixTime) throws -> PackageRecord {
        guard var record = try store.package(path) else { throw HubRefusal.notFound("the catalog has no \(path)") }
        // A person wants it here, whatever the plan has taken.
        try store.removePrune(node: configuration.hub, path: path)
        switch record.state {
        case .imported, .downloading, .announced: return record
        case .retired: throw HubRefusal.conflict("the catalog no longer names \(path)")
        case .failed:
            record.state = .announced
            record.failures = 0
            record.nextTry = nil
            record.changed = now
            try store.putPackage(record)
            return record
        }
    }

    private mutating func settle(_ id: ActionID, at now: UnixTime) throws -> ActionRecord {
        guard var action = try store.action(id) else { throw HubRefusal.notFound("there is no action \(id)") }
        guard try move(&action, by: .settle, "an operator said that it is over", at: now) else {
            throw HubRefusal.conflict("the action is \(action.state.name), not uncertain")
        }
        return action
    }
}
