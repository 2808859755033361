import API
import HTTP
import Model
import System

/// `axle pool …`.
enum PoolCommands {
    static let header = [
        "POOL", "OWNER", "QUOTA", "USED", "LEVEL", "RESERVED", "FREE-ON-DISK", "ACCESS", "CHECKED", "PROBLEM",
    ]
    /// How long a check may say nothing new.
    private static let checkPatience = Duration.seconds(600)
    /// How long damaged packages are waited for, to say whether they were repaired.
    private static let repairPatience = Duration.seconds(30)

    static func row(_ pool: PoolResource) -> [String?] {
        [
            pool.name, pool.owner.name.text, Wording.size(pool.quota), Wording.size(pool.used),
            pool.level == 0 ? "ok" : "\(pool.level)%", Wording.size(pool.reserved), Wording.size(pool.freeOnDisk),
            pool.access.name, checked(pool), pool.problem,
        ]
    }

    /// When it was checked last, and whether anything was wrong.
    private static func checked(_ pool: PoolResource) -> String? {
        pool.checked.map { check in
            let found = Wording.sum([check.damaged, check.problems])
            return "\(check.ended.description.prefix(10)) \(found == 0 ? "ok" : "\(found) wrong")"
        }
    }

    /// Carries a command out; the exit status.
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        switch invocation.path.last {
        case "set": try set(invocation, hub, printer)
        case "plan": try plan(invocation, hub, printer)
        case "prune": try prune(invocation, hub, printer)
        case "check": return try check(invocation, hub, printer)
        case "retention": try retention(invocation, hub, printer)
        default:
            let pools: [PoolResource] = try hub.list(["pools"])
            try printer.list(pools, header, none: "There are no pools.", row: row)
        }
        return 0
    }

    /// The pool that the command names.
    private static func pool(
        _ invocation: CommandInvocation, _ hub: HubConnection, named name: String
    ) throws -> PoolResource {
        let spoke = invocation.value("spoke")
        let pools: [PoolResource] = try hub.list(["pools"])
        // SPOKE/NAME says the same as NAME with --spoke.
        let words = name.split(separator: "/", maxSplits: 1).map(String.init)
        let found = pools.filter { pool in
            guard pool.id != name else { return true }
            if spoke == nil, words.count == 2 { return pool.owner.name.text == words[0] && pool.name == words[1] }
            return pool.name == name && (spoke.map { $0 == pool.owner.name.text } ?? (pool.role == .hub))
        }
        guard found.count == 1, let pool = found.first else {
            throw OperatorError(
                "there is no pool \(name)\(spoke.map { " at spoke \($0)" } ?? " at the hub")",
                next: "'axle pool list' shows all of them; name a spoke's with --spoke, or as SPOKE/POOL.")
        }
        return pool
    }

    private static func set(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        var changes: [PoolChange] = []
        if let text = invocation.value("quota") {
            do {
                changes.append(PoolChange(quota: try ByteCount(text)))
            } catch {
                throw UsageError("--quota: \(error)")
            }
        }
        if let text = invocation.value("access") {
            guard let access = PoolAccess(name: text) else {
                throw UsageError(
                    "--access wants \(PoolAccess.allCases.map(\.name).joined(separator: ", ")), not \(text)")
            }
            changes.append(PoolChange(access: access))
        }
        guard !changes.isEmpty else { throw UsageError("say what to set: --quota SIZE or --access ACCESS") }
        var changed = try pool(invocation, hub, named: try invocation.requiredOperand(0))
        for change in changes { changed = try hub.send(.patch, ["pools", changed.id], change) }
        try printer.list([changed], header, none: "", row: row)
    }

    // MARK: What goes and what stays

    private static func plan(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let pool = try pool(invocation, hub, named: invocation.operand(0) ?? "main")
        try show(try hub.get(["pools", pool.id, "plan"]), printer)
    }

    private static func prune(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let pool = try pool(invocation, hub, named: try invocation.requiredOperand(0))
        if invocation.isSet("dry-run") { return try show(try hub.get(["pools", pool.id, "plan"]), printer) }
        let done: PoolPlanResource = try hub.send(.post, ["pools", pool.id, "prune"], NoBody())
        guard !printer.isJSON else { return try printer.json(done) }
        for item in done.goes { printer.line("\(item.package) goes: \(item.reason)") }
        printer.message(
            done.goes.isEmpty
                ? "Nothing goes from pool \(pool.name); 'axle pool plan' says why."
                : "\(done.goes.count) packages go from pool \(pool.name), \(Wording.size(done.freed)) at the most.")
    }

    private struct NoBody: Encodable {}

    private static func show(_ plan: PoolPlanResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(plan) }
        printer.fields([
            ("Pool", "\(plan.pool.name) of \(plan.pool.owner.name)"),
            ("Keeps", "\(plan.retention) releases of each line"),
            ("Would free", Wording.size(plan.freed)),
        ])
        let header = ["PACKAGE", "SIZE", "WHY"]
        func rows(_ items: [PoolPlanResource.Item]) -> [[String?]] {
            items.map { [$0.package, Wording.size($0.length), $0.reason] }
        }
        printer.section("Goes", header, lastIsText: true, rows(plan.goes))
        printer.section("Stays", header, lastIsText: true, rows(plan.stays))
    }

    private static func retention(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let found: RetentionResource
        if let text = invocation.operand(0) {
            guard let releases = Int(text), releases > 0 else { throw UsageError("\(text) is no number of releases") }
            found = try hub.send(.patch, ["retention"], RetentionResource(releases: releases))
        } else {
            found = try hub.get(["retention"])
        }
        guard !printer.isJSON else { return try printer.json(found) }
        printer.line("\(found.releases) releases of each line of a product are kept")
    }

    // MARK: Check

    private static func check(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws -> Int32
    {
        let pool = try pool(invocation, hub, named: invocation.operand(0) ?? "main")
        if invocation.isSet("last") {
            let last: PoolCheckResource = try hub.get(["pools", pool.id, "check"])
            return try show(last, pool, printer)
        }
        // There may have been none yet.
        let before = (try? hub.get(["pools", pool.id, "check"], as: PoolCheckResource.self))?.number
        let _: PoolResource = try hub.send(
            .post, ["pools", pool.id, "check"], PoolCheckRequest(readData: invocation.isSet("read-data")))
        var check: PoolCheckResource = try hub.get(["pools", pool.id, "check"])
        var shown = ByteCount.zero
        var patience = SystemClock.uptime + Self.checkPatience
        while !check.over || check.number == before {
            guard SystemClock.uptime < patience else {
                throw OperatorError(
                    "the check says nothing any more", next: "See whether the spoke is connected, and check again.")
            }
            if check.read > shown {
                patience = SystemClock.uptime + Self.checkPatience
                shown = check.read
                printer.message("\(Wording.size(check.read)) of \(Wording.size(check.total)) read")
            }
            NativeThread.sleep(.milliseconds(300))
            check = try hub.get(["pools", pool.id, "check"])
        }
        let end = SystemClock.uptime + Self.repairPatience
        while check.damaged.contains(where: { !$0.repaired }), SystemClock.uptime < end {
            NativeThread.sleep(.milliseconds(500))
            check = try hub.get(["pools", pool.id, "check"])
        }
        return try show(check, pool, printer)
    }

    /// Says what a check has found; the exit status.
    private static func show(_ check: PoolCheckResource, _ pool: PoolResource, _ printer: Printer) throws -> Int32 {
        let isClean = check.damaged.isEmpty && check.problems.isEmpty
        guard !printer.isJSON else {
            try printer.json(check)
            return isClean ? 0 : 1
        }
        guard let ended = check.ended else {
            printer.line(
                "a check is under way: \(Wording.size(check.read)) of \(Wording.size(check.total)) read")
            return 0
        }
        printer.message("checked \(ended)")
        for damaged in check.damaged {
            printer.line(
                "\(damaged.package) was damaged and is \(damaged.repaired ? "repaired" : "withheld; it is repaired as soon as its source can be reached")"
            )
        }
        for problem in check.problems { printer.line(problem) }
        if isClean { printer.line("nothing is wrong with pool \(pool.name); \(Wording.size(check.read)) read") }
        return isClean ? 0 : 1
    }
}
