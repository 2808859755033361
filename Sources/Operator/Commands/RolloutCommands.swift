import API
import HTTP
import Model
import System

/// `axle rollout …`.
enum RolloutCommands {
    static let actionHeader = ["WHAT", "STATE", "SINCE", "WHY"]

    /// Exit status of `watch` when the rollout is over or paused and not every ordered client succeeded.
    static let notAllSucceeded: Int32 = 3

    /// A row of an action; its last cell says why it is where it is.
    static func row(_ action: ActionResource, first: String, _ now: UnixTime) -> [String?] {
        [first, action.state.name, Wording.age(action.since, now), why(action)]
    }

    /// What stands in the way of an action: codes with what the first of them means here, else what happened last.
    private static func why(_ action: ActionResource) -> String {
        let waits = action.state.isFinal ? [] : action.notes.filter { !$0.next.isEmpty }
        let causes = action.reasons + waits
        guard let first = causes.first else { return action.detail }
        return "\(causes.map(\.code).joined(separator: ",")) (\(first.text))"
    }

    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        let operand = invocation.operand(0) ?? ""
        switch invocation.path.last {
        case "plan":
            try dryRun(operand, hub, printer)
        case "create":
            guard !operand.isEmpty else { throw UsageError("a FILE is required; --example prints one") }
            guard !invocation.isSet("dry-run") else { return try dryRun(operand, hub, printer) }
            let rollout: RolloutResource = try hub.send(.post, ["rollouts"], try file(operand))
            guard !printer.isJSON else {
                try printer.json(rollout)
                return 0
            }
            printer.line(rollout.id.description)
            printer.message("Start it with 'axle rollout start \(rollout.file.name)'.")
        case "delete":
            for operand in invocation.operands {
                let rollout = try find(operand, hub)
                try hub.act(.delete, ["rollouts", rollout.id.description])
                printer.message("Rollout \(rollout.file.name) was deleted.")
            }
        case "resume":
            let rollout = try find(operand, hub)
            try hub.act(.post, ["rollouts", rollout.id.description, "resume"])
            printer.message("It goes on. Follow it with 'axle rollout watch \(rollout.file.name)'.")
        case "start", "stop":
            let verb = invocation.path.last ?? "start"
            let rollout = try find(operand, hub)
            try hub.act(.post, ["rollouts", rollout.id.description, verb])
            if verb == "start" {
                if let key = invocation.value("sign-key") {
                    let started: RolloutResource = try hub.get(["rollouts", rollout.id.description])
                    _ = try RolloutSigning.sign(started, key, invocation, hub, printer)
                }
                printer.message("Follow it with 'axle rollout watch \(rollout.file.name)'.")
            } else {
                printer.message("It is being stopped: what has begun ends, nothing begins.")
            }
        case "sign":
            let signed = try RolloutSigning.sign(
                try find(operand, hub), try invocation.required("key"), invocation, hub, printer)
            if printer.isJSON { try printer.json(signed) }
        case "show":
            try show(try find(operand, hub), hub, printer)
        case "watch":
            return try watch(try find(operand, hub), hub, printer)
        default:
            let rollouts: [RolloutResource] = try hub.list(["rollouts"])
            try printer.list(
                rollouts, ["NAME", "STATE", "PRODUCT", "RELEASE", "SUCCEEDED", "FAILED", "SINCE", "WHY"],
                lastIsText: true,
                none: "There are no rollouts. Make one with 'axle rollout create FILE'."
            ) { rollout in
                let results = results(rollout)
                return [
                    rollout.file.name.text, rollout.state.name, rollout.file.product.text, rollout.file.release.text,
                    "\(results.succeeded)/\(results.total)", "\(results.failed)",
                    Wording.age(rollout.since, printer.now),
                    rollout.detail,
                ]
            }
        }
        return 0
    }

    /// What became of the clients of a rollout, by its actions, which also a hub of an earlier release counts.
    private static func results(_ rollout: RolloutResource) -> RolloutResult {
        let known = rollout.actions.compactMap { name, count in ActionState(name: name).map { ($0, count) } }
        return RolloutResult(Dictionary(known) { first, _ in first })
    }

    /// A rollout by id, by the beginning of its id (six letters at least), or by name.
    private static func find(_ text: String, _ hub: HubConnection) throws -> RolloutResource {
        if text.utf8.count == 32, (try? RolloutID(text)) != nil {  // anything else is looked for by name
            return try hub.get(["rollouts", text])
        }
        var found: [RolloutResource] = try hub.list(["rollouts"], query: [("name", text)])
        if found.isEmpty, text.utf8.count >= 6, text.utf8.allSatisfy({ ASCII.hexValue($0) != nil }) {
            let all: [RolloutResource] = try hub.list(["rollouts"])
            found = all.filter { $0.id.description.hasPrefix(text) }
        }
        guard found.count <= 1 else {
            let ids = found.map(\.id.description).joined(separator: ", ")
            throw OperatorError("several rollouts are named \(text)", next: "Name one by its id: \(ids).")
        }
        guard let rollout = found.first else {
            throw OperatorError("there is no rollout \(text)", next: "'axle rollout list' shows all of them.")
        }
        return rollout
    }

    /// A rollout file, JSON5, of at most 256 KiB.
    private static func file(_ path: String) throws -> RolloutFile {
        let file: RolloutFile
        do {
            file = try JSONCoding.decode(RolloutFile.self, from: File.read(path, limit: 256 << 10), json5: true)
            try file.validate()
        } catch let problem as Problem {
            throw OperatorError("\(path): \(problem.detail)", next: problem.next)
        } catch let error as SystemError {
            throw OperatorError("the rollout file cannot be read: \(error)")
        }
        return file
    }

    /// Shows what a file would do; nothing is made.
    @discardableResult
    private static func dryRun(_ path: String, _ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        try plan(hub.send(.post, ["rollouts"], query: [("dryRun", "true")], try file(path)), printer)
        return 0
    }

    private static func plan(_ plan: RolloutPlanResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(plan) }
        printer.fields([
            ("Release", "\(plan.file.product) \(plan.file.release)"), ("Windows", windows(plan.windows, printer.now)),
            ("Eligible", "\(plan.eligible)"), ("Not eligible", "\(plan.ineligible)"),
        ])
        for wave in plan.waves {
            printer.section(
                "Wave \(wave.index)", ["CLIENT", "SPOKE", "ELIGIBLE", "REASONS"], lastIsText: true,
                wave.candidates.map { ClientCommands.row($0) })
        }
    }

    private static func windows(_ windows: [TimeSpan], _ now: UnixTime) -> String {
        guard let next = windows.first(where: { $0.end > now }) else {
            return windows.isEmpty ? "at any time" : "all are past"
        }
        return "\(next.start.iso8601) to \(next.end.iso8601)"
            + (windows.count > 1 ? ", and \(windows.count - 1) more" : "")
    }

    /// What `show --json` prints.
    private struct Shown: Codable {
        let rollout: RolloutResource
        let actions: [ActionResource]
    }

    private static func show(_ rollout: RolloutResource, _ hub: HubConnection, _ printer: Printer) throws {
        let actions: [ActionResource] = try hub.list(["rollouts", rollout.id.description, "actions"])
        guard !printer.isJSON else { return try printer.json(Shown(rollout: rollout, actions: actions)) }
        printer.fields([
            ("Name", rollout.file.name.text), ("Id", rollout.id.description),
            ("Release", "\(rollout.file.product) \(rollout.file.release)"),
            ("State", rollout.state.name + (rollout.detail.isEmpty ? "" : " (\(rollout.detail))")),
            ("Since", rollout.since.iso8601), ("Windows", windows(rollout.windows, printer.now)),
            ("Clients", "\(results(rollout).total): \(results(rollout).text)"),
        ])
        printer.section(
            "Actions", ["CLIENT", "STATE", "SINCE", "WHY"], lastIsText: true,
            actions.map { row($0, first: $0.client.name.text, printer.now) })
    }

    /// Looks every second until the rollout is over or paused; a bar for a person, a line for every change otherwise.
    private static func watch(_ first: RolloutResource, _ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        let bar = ProgressBar(first.file.name.text, on: printer.streams, noColor: printer.noColor)
        defer { bar.finish() }
        var rollout = first
        var last = ""
        while true {
            let results = results(rollout)
            let isPaused = rollout.state == .paused
            let reason = isPaused && !rollout.detail.isEmpty ? " (\(rollout.detail))" : ""
            let line = "\(rollout.file.name) \(rollout.state.name): \(results.text)\(reason)"
            let over = Wording.difference(results.total, results.underWay)
            bar.update(Int64(over), of: Int64(results.total), text: rollout.state.name)
            let isOver = rollout.state.isFinal || isPaused
            if line != last, !printer.streams.wantsProgress(noColorFlag: printer.noColor) || isOver {
                bar.finish()
                if printer.isJSON { try printer.json(rollout) } else { printer.line(line) }
            }
            last = line
            guard !isOver else { return end(rollout, results, printer) }
            guard rollout.state != .draft else {
                throw OperatorError(
                    "\(rollout.file.name) is not started",
                    next: "Start it with 'axle rollout start \(rollout.file.name)'.")
            }
            printer.context.pause(.seconds(1))
            rollout = try hub.get(["rollouts", rollout.id.description])
        }
    }

    /// Success only when every ordered client succeeded.
    private static func end(_ rollout: RolloutResource, _ results: RolloutResult, _ printer: Printer) -> Int32 {
        guard rollout.state != .completed || !results.allSucceeded else { return 0 }
        let name = rollout.file.name
        printer.message(
            rollout.state == .paused
                ? "It is paused. Look at 'axle rollout show \(name)', then run 'axle rollout resume \(name)' or "
                    + "'axle rollout stop \(name)'."
                : "Not every client succeeded; 'axle rollout show \(name)' says why.")
        return notAllSucceeded
    }
}
