internal import Identity
internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// What the vendor's signed metadata said of an action's path: it and the order must agree in everything.
    mutating func handle(_ check: TargetCheck, of action: ActionID) throws {
        guard case .askingTargets = checks[action], var record = try store.action(action), !record.state.isFinal,
            record.step == nil
        else { return }
        checks[action] = nil
        switch check {
        case .found(let package, let lineFloor, let versions, let roots):
            for (role, version) in versions.sorted(by: { $0.key < $1.key }) {
                if let floor = try store.trustedVersion(role), version < floor {
                    return try refuseTrust(
                        &record, "the metadata of \(role) fell from version \(floor) to \(version)",
                        attack: .rollback)
                }
                try store.raiseTrustedVersion(role, version)
            }
            if let root = try order(of: record).catalogRoot, !roots.contains(root) {
                return try refuseTrust(
                    &record, "the hub trusts another catalog root than this machine", attack: .otherRoot)
            }
            if let difference = try difference(package, record) {
                return try refuseTrust(&record, difference, attack: .notInTargets)
            }
            if let why = try wouldFall(package, record) { return try refuseTrust(&record, why, attack: .rollback) }
            let objection = identity.operators.objection(
                to: try order(of: record), verifier: verifier, digester: OpenSSLDigester(), at: now)
            if let objection { return try refuseTrust(&record, objection, attack: .notApproved) }
            record.package = package
            record.failures = 0
            record.notBefore = .distantPast
            try store.save(record)
            checks[action] = .gatheringFacts(lineFloor: lineFloor)
            effects.append(.gatherFacts(.action(action), package, try known()))
        case .absent:
            try refuseTrust(
                &record, "the vendor's signed catalog does not name the package of the order", attack: .notInTargets)
        case .untrusted(let why, let attack):
            try refuseTrust(&record, why, attack: attack)
        case .unavailable(let why):
            record.failures += 1
            let policy = RetryPolicy(first: .seconds(2), longest: .seconds(300), attempts: nil)
            let delay = policy.delay(afterFailure: record.failures, using: &random) ?? policy.longest
            record.notBefore = machineNow + delay
            try store.save(record)
            effects.append(.log(.warning, "the catalog cannot be had now: \(why)"))
        }
    }

    /// In what the order and the signed package differ; nil when they agree.
    private func difference(_ package: Package, _ record: ActionRecord) throws -> String? {
        let order = try order(of: record)
        do {
            try package.validate()
        } catch {
            return "the signed package is not usable: \(error)"
        }
        guard let target = order.target, target.path == package.path else {
            return "the catalog answered for another path than the order's"
        }
        guard target.sha256 == package.sha256, target.length == package.length else {
            return "the order and the vendor's catalog name different bytes for \(target.path)"
        }
        guard target.names(package) else {
            return "the order and the vendor's catalog name different lines or counters for \(target.path)"
        }
        return nil
    }

    /// Why the release may not be gone to: its counter is below what was installed before and the order is no rollback.
    private func wouldFall(_ package: Package, _ record: ActionRecord) throws -> String? {
        guard try order(of: record).kind == .install,
            let floor = try store.counterFloor(package.metadata.product, package.metadata.line),
            package.metadata.counter < floor
        else { return nil }
        return "\(package.metadata.release) is lower than what was installed before, and the order is no rollback"
    }

    /// Facts came: to be reported, or to decide on an action.
    mutating func handle(_ facts: ClientFacts, for purpose: FactsPurpose) throws {
        switch purpose {
        case .report:
            factsAsked = false
            factsDue = machineNow + Self.factsInterval
            try note(installed: facts)
            let isSilent = try store.lastReport().map { now - $0 >= Self.heartbeat || $0 > now } ?? true
            if !isSilent, let reported = try store.reportedFacts(), reported.isEssentiallyEqual(to: facts) { return }
            try store.setReportedFacts(facts)
            try queueReport(facts: facts)
        case .action(let action):
            guard case .gatheringFacts(let lineFloor) = checks[action], var record = try store.action(action),
                !record.state.isFinal, record.step == nil, let package = record.package
            else { return }
            try note(installed: facts)
            let order = try order(of: record)
            let context = OrderContext(
                now: now, restartAllowed: order.restartAllowed, isRollback: record.kind == .rollback,
                lineFloor: lineFloor, expires: record.expires)
            let eligibility = Eligibility.check(facts, package, context)
            guard eligibility.isEligible else {
                checks[action] = nil
                return try transition(
                    &record, .refuse, reasons: eligibility.reasons, notes: eligibility.notes,
                    detail: "not eligible")
            }
            if record.state == .offered {
                checks[action] = .accepted
                if !eligibility.notes.isEmpty { try report(record, notes: eligibility.notes) }
                return
            }
            checks[action] = nil
            try beginInstall(&record, notes: eligibility.notes)
        }
    }

    /// What Axle's receipts say is installed is what reports say from now on.
    private func note(installed facts: ClientFacts) throws {
        let receipts = facts.installed.filter { $0.source == .axle }
        let stored = try store.installed()
        for package in stored where !receipts.contains(where: { $0.product == package.product }) {
            try store.removeInstalled(package.product)
        }
        for package in receipts where !stored.contains(package) { try store.setInstalled(package) }
    }

    private mutating func refuseTrust(_ record: inout ActionRecord, _ why: String, attack: AttackCode? = nil) throws {
        let seen = attack.map { "attack seen, \($0.rawValue): " } ?? ""
        effects.append(.log(.error, "\(seen)action \(record.id) is refused: \(why)"))
        try transition(
            &record, .refuse, reasons: [Reason(.trustFailed, why)], detail: why,
            attack: attack.map { AttackSeen($0, why) })
    }

    /// Asks for the signed metadata of an action's path, the first half of every check.
    mutating func askTargets(_ record: ActionRecord) throws {
        guard let path = record.path else { throw Self.damaged(record) }
        checks[record.id] = .askingTargets
        effects.append(.checkTarget(record.id, path, hubRoot: try order(of: record).catalogRoot, at: now))
    }
}
