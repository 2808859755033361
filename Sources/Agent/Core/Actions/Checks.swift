internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// The two halves of every check of an action: what the vendor's signed metadata says of its path,
/// and whether the machine's facts allow the package.
///
/// A check is made when an order comes, and again right before the install. Remembers the checks
/// under way and those whose answer still holds.
struct Checks {
    /// What a check has come to.
    private enum Check {
        case askingTargets
        case gatheringFacts(Package, lineFloor: Floor?)
        /// Accepted when the order came; not asked again before the install.
        case accepted(Package)
    }

    /// How a check stands, for an action that waits for it.
    enum Standing {
        case none, underWay
        case accepted(Package)
    }

    /// A package that the machine may install now.
    struct Cleared {
        var record: ActionRecord
        var package: Package
        var notes: [Note]
    }

    private static let retry = RetryPolicy(first: .seconds(2), longest: .seconds(300), attempts: nil)

    private var checks: [ActionID: Check] = [:]

    func standing(of action: ActionID) -> Standing {
        switch checks[action] {
        case nil: .none
        case .askingTargets, .gatheringFacts: .underWay
        case .accepted(let package): .accepted(package)
        }
    }

    mutating func forget(_ action: ActionID) { checks[action] = nil }

    /// Asks for the signed metadata of an action's path, the first half of every check.
    mutating func begin(_ action: ActionID, _ path: TargetPath, _ order: Order, _ turn: inout AgentTurn) {
        checks[action] = .askingTargets
        turn.effect(.checkTarget(action, path, hubRoot: order.catalogRoot, at: turn.now))
    }

    // MARK: Metadata

    /// What the vendor's signed metadata said of an action's path: it and the order must agree in
    /// everything.
    mutating func checked(_ check: TargetCheck, of action: ActionID, _ turn: inout AgentTurn) throws {
        guard case .askingTargets = checks[action], var record = try turn.store.action(action),
            record.stage.isBeforeInstall
        else { return }
        checks[action] = nil
        switch check {
        case .found(let package, let lineFloor, let versions, let roots):
            if let refusal = try Self.refusal(of: package, versions, roots, record, &turn) {
                return try Journal.refuseTrust(&record, refusal.why, attack: refusal.attack, &turn)
            }
            record.stage = record.stage.naming(package)
            record.beginAttempts()
            try turn.store.save(record)
            checks[action] = .gatheringFacts(package, lineFloor: lineFloor)
            turn.effect(.gatherFacts(.action(action), package, try turn.known))
        case .absent:
            let why = "the vendor's signed catalog does not name the package of the order"
            try Journal.refuseTrust(&record, why, attack: .notInTargets, &turn)
        case .untrusted(let why, let attack):
            try Journal.refuseTrust(&record, why, attack: attack, &turn)
        case .unavailable(let why):
            record.failures += 1
            let delay = Self.retry.delay(afterFailure: record.failures, using: &turn.random) ?? Self.retry.longest
            record.notBefore = turn.machine + delay
            try turn.store.save(record)
            turn.log(.warning, "the catalog cannot be had now: \(why)")
        }
    }

    /// Why a package that the metadata names is not to be trusted; nil when it is. Raises the
    /// trusted versions.
    private static func refusal(
        of package: Package, _ versions: [String: UInt64], _ roots: Set<SHA256Digest>, _ record: ActionRecord,
        _ turn: inout AgentTurn
    ) throws -> (why: String, attack: AttackCode)? {
        for (role, version) in versions.sorted(by: { $0.key < $1.key }) {
            if let floor = try turn.store.trustedVersion(role), version < floor {
                return ("the metadata of \(role) fell from version \(floor) to \(version)", .rollback)
            }
            try turn.store.raiseTrustedVersion(role, version)
        }
        let order = try Journal.order(of: record, turn)
        if let root = order.catalogRoot, !roots.contains(root) {
            return ("the hub trusts another catalog root than this machine", .otherRoot)
        }
        if let difference = difference(package, order) { return (difference, .notInTargets) }
        if let why = try wouldFall(package, order, turn) { return (why, .rollback) }
        let objection = turn.identity.operators.objection(
            to: order, verifier: turn.cryptography.verifier, digester: turn.cryptography.digester, at: turn.now)
        return objection.map { ($0, .notApproved) }
    }

    /// In what the order and the signed package differ; nil when they agree.
    private static func difference(_ package: Package, _ order: Order) -> String? {
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

    /// Why the release is not installed: its counter is below what was installed before and the
    /// order is no rollback.
    private static func wouldFall(_ package: Package, _ order: Order, _ turn: AgentTurn) throws -> String? {
        guard order.kind == .install,
            let floor = try turn.store.counterFloor(package.metadata.product, package.metadata.line),
            package.metadata.counter < floor
        else { return nil }
        return "\(package.metadata.release) is lower than what was installed before, and the order is no rollback"
    }

    // MARK: Facts

    /// The machine's facts for an action: gives the package that may be installed now, where the
    /// check was made for that.
    mutating func gathered(
        _ facts: ClientFacts, for action: ActionID, _ turn: inout AgentTurn
    ) throws -> Cleared? {
        guard case .gatheringFacts(let package, let lineFloor) = checks[action],
            var record = try turn.store.action(action), record.stage.isBeforeInstall
        else { return nil }
        try FactReports.note(installed: facts, turn)
        let order = try Journal.order(of: record, turn)
        let context = OrderContext(
            now: turn.now, restartAllowed: order.restartAllowed, isRollback: record.kind == .rollback,
            lineFloor: lineFloor, expires: record.expires)
        let eligibility = Eligibility.check(facts, package, context)
        guard eligibility.isEligible else {
            checks[action] = nil
            try Journal.move(
                &record, by: .refuse, to: record.stage.ended(.refused), reasons: eligibility.reasons,
                notes: eligibility.notes, detail: "not eligible", &turn)
            return nil
        }
        if case .offered = record.stage {
            checks[action] = .accepted(package)
            if !eligibility.notes.isEmpty { try turn.report(record, notes: eligibility.notes) }
            return nil
        }
        checks[action] = nil
        return Cleared(record: record, package: package, notes: eligibility.notes)
    }
}
