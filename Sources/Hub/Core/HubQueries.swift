package import Model
package import Rollout
internal import System

/// Questions whose answers need more than one noun of the store; the plain lists are asked of the store itself.
///
/// Reads only; may be made over a read-only store on another queue than the core's.
package struct HubQueries {
    let store: any HubStore
    let zones: ZoneLookup

    package init(store: any HubStore, zones: @escaping ZoneLookup) {
        self.store = store
        self.zones = zones
    }

    /// Every client that is not revoked, with what is known of its machine, as planning wants it.
    package func clientRecords() throws -> [ClientRecord] {
        let spokes = Dictionary(uniqueKeysWithValues: try store.spokes().map { ($0.id, $0.name) })
        let facts = try store.allFacts()
        return try store.clients().compactMap { client in
            guard client.revoked == nil, let spokeName = spokes[client.spoke] else { return nil }
            return ClientRecord(
                id: client.id, name: client.name, spoke: client.spoke, spokeName: spokeName, labels: client.labels,
                facts: facts[client.id])
        }
    }

    /// The packages of a release that the catalog names now.
    package func packages(product: ProductName, release: ReleaseName) throws -> [Package] {
        try store.packages(product: product, release: release).filter { $0.state != .retired }.map(\.package)
    }

    /// That the catalog lacks a package, with what it names instead.
    private func missing(_ product: ProductName?, _ release: ReleaseName?) throws -> String {
        let named = try store.packages().filter { $0.state != .retired }.map(\.package)
        let wanted = [product?.text, release?.text].compactMap { $0 }.joined(separator: " ")
        let others = named.filter { $0.path.product == product }.sorted { $0.metadata.version > $1.metadata.version }
        var releases: [String] = []
        for package in others where !releases.contains(package.path.release.text) {
            releases.append(package.path.release.text)
        }
        let products = Set(named.map(\.path.product.text)).sorted()
        let (noun, found) = releases.isEmpty ? ("products", products) : ("releases", releases)
        let shown = found.prefix(HubLimits.warningExamples).joined(separator: ", ")
        let rest = found.count > HubLimits.warningExamples ? " and \(found.count - HubLimits.warningExamples) more" : ""
        return "the catalog has no package of \(wanted)"
            + (found.isEmpty ? "; it is empty" : "; its \(noun) are \(shown)\(rest)")
    }

    /// Every client with the package that suits it best and every reason against it.
    package func candidates(product: ProductName, release: ReleaseName, at now: UnixTime) throws -> [Candidate] {
        let packages = try packages(product: product, release: release)
        guard !packages.isEmpty else {
            throw HubRefusal.notFound(try missing(product, release))
        }
        let entries = Dictionary(uniqueKeysWithValues: try store.clients().map { ($0.id, $0) })
        var reader = try DeliveryReader(store: store, at: now)
        return try Candidate.all(try clientRecords(), packages: packages, OrderContext(now: now)).map {
            try judged($0, entries[$0.client.id], action: nil, &reader)
        }
    }

    /// Adds what stands between a client and its package.
    private func judged(
        _ candidate: Candidate, _ entry: ClientEntry?, action: ActionRecord?, _ reader: inout DeliveryReader
    ) throws -> Candidate {
        guard let entry else { return candidate }
        var candidate = candidate
        candidate.eligibility = candidate.eligibility.adding(
            try reader.check(candidate.package.path, for: entry, action: action))
        return candidate
    }

    /// Why a client would or would not get a release; without one, the answer for the newest release of each product.
    package func explain(
        _ client: NodeID, product: ProductName?, release: ReleaseName?, at now: UnixTime
    ) throws -> [Candidate] {
        guard let entry = try store.client(client), let spoke = try store.spoke(entry.spoke) else {
            throw HubRefusal.notFound("there is no client \(client)")
        }
        let record = ClientRecord(
            id: entry.id, name: entry.name, spoke: entry.spoke, spokeName: spoke.name, labels: entry.labels,
            facts: try store.facts(of: client)?.facts)
        let wanted = try store.packages().filter { found in
            found.state != .retired && (product == nil || found.package.path.product == product)
                && (release == nil || found.package.path.release == release)
        }.map(\.package)
        guard !wanted.isEmpty || product == nil else {
            throw HubRefusal.notFound(try missing(product, release))
        }
        let byProduct = Dictionary(grouping: wanted, by: \.metadata.product).sorted { $0.key < $1.key }
        let candidates = byProduct.flatMap { _, packages in
            let newest = packages.map(\.metadata.version).max()
            let chosen = packages.filter { $0.metadata.version == newest }
            return Candidate.all([record], packages: chosen, OrderContext(now: now))
        }
        var reader = try DeliveryReader(store: store, at: now)
        let actions = try store.actions(of: client, limit: HubLimits.explainingActions)
        return try candidates.map { candidate in
            let path = candidate.package.path
            let own = actions.filter { $0.path.product == path.product && $0.path.release == path.release }
            var judged = try judged(candidate, entry, action: own.first { !$0.state.isFinal }, &reader)
            judged.eligibility = sayingWhy(judged.eligibility, own)
            return judged
        }
    }

    /// Names the failure for which a machine rejected a release, where the hub remembers it.
    private func sayingWhy(_ eligibility: Eligibility, _ actions: [ActionRecord]) -> Eligibility {
        guard let failed = actions.first(where: { $0.state.isFailure && !$0.detail.isEmpty }) else {
            return eligibility
        }
        let reasons = eligibility.reasons.map { reason in
            guard reason.code == .rejectedRelease else { return reason }
            return Reason(.rejectedRelease, Event.singleLine("\(reason.text): \(failed.detail)", limit: 512))
        }
        return Eligibility(reasons: reasons, notes: eligibility.notes)
    }

    /// What a rollout would do now, without doing it; throws `HubRefusal` or `RolloutError` when it
    /// cannot be planned.
    package func plan(_ specification: RolloutSpecification, at now: UnixTime) throws -> RolloutPlan {
        try specification.validate()
        try checkNames(of: specification.target)
        let packages = try packages(product: specification.product, release: specification.release)
        guard !packages.isEmpty else {
            throw HubRefusal.invalid(try missing(specification.product, specification.release))
        }
        var plan = try RolloutPlan(
            product: specification.product, release: specification.release, packages: packages,
            clients: try clientRecords(), selection: specification.target, waves: specification.waves,
            OrderContext(now: now, restartAllowed: specification.restartAllowed))
        var reader = try DeliveryReader(store: store, at: now)
        try plan.judge { candidate in
            guard let entry = try store.client(candidate.client.id) else { return Eligibility(reasons: [], notes: []) }
            return try reader.check(candidate.package.path, for: entry, action: nil)
        }
        return plan
    }

    /// Refuses names of a selection that nobody has, with the nearest that somebody has: a misspelt name would leave a machine out.
    private func checkNames(of target: Selection) throws {
        func refusal(_ noun: String, _ name: NodeName, _ known: [NodeName]) -> HubRefusal {
            let nearest = Suggestion.nearest(to: name.text, among: known.map(\.text))
            return .invalid("there is no \(noun) \(name)" + (nearest.map { "; did you mean \($0)?" } ?? ""))
        }
        for name in target.spokes {
            guard let spoke = try store.spoke(named: name) else {
                throw refusal("spoke", name, try store.spokes().filter { $0.revoked == nil }.map(\.name))
            }
            guard spoke.revoked == nil else { throw HubRefusal.invalid("spoke \(name) has been revoked") }
        }
        for name in target.names {
            guard let client = try store.client(named: name) else {
                throw refusal("client", name, try store.clients().filter { $0.revoked == nil }.map(\.name))
            }
            guard client.revoked == nil else { throw HubRefusal.invalid("client \(name) has been revoked") }
        }
    }

    /// The windows as UTC spans that are not over yet, at most as many as an order carries; empty
    /// means any time. Wall-clock windows are expanded for the offline horizon.
    package func windows(_ specification: RolloutSpecification, at now: UnixTime) throws -> [TimeSpan] {
        let spans = try specification.window.spans(
            from: max(now, specification.start ?? now), horizon: HubLimits.offlineHorizon, zones: zones)
        return Array(spans.prefix(HubLimits.windows))
    }
}
