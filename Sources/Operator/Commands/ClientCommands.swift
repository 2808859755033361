import API
import HTTP
import Model
import System

/// `axle client …` and `axle candidates`.
enum ClientCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        switch invocation.path.last {
        case "show":
            try show(hub.get(["clients", try invocation.requiredOperand(0)]), printer)
        case "explain":
            try explain(invocation, hub, printer)
        case "label":
            try label(invocation, hub, printer)
        case "rename":
            let (name, new) = (try invocation.requiredOperand(0), try NodeName(invocation.requiredOperand(1)))
            let client: ClientResource = try hub.send(.patch, ["clients", name], ClientChange(name: new))
            guard !printer.isJSON else { return try printer.json(client) }
            printer.message("Client \(name) is called \(client.name) now.")
        case "remove":
            let name = try invocation.requiredOperand(0)
            try OperatorCommands.confirm(invocation, name)
            try hub.act(.delete, ["clients", name])
            printer.message("Client \(name) was removed.")
        case "revoke":
            let name = try invocation.requiredOperand(0)
            try OperatorCommands.confirm(invocation, name)
            try hub.act(.post, ["clients", name, "revoke"])
            printer.message("Client \(name) is revoked.")
        default:
            let clients: [ClientResource] = try hub.list(["clients"])
            let shown = invocation.isSet("all") ? clients : clients.filter { $0.revoked == nil }
            defer { printer.tellHidden(clients.count - shown.count, "revoked client") }
            try printer.list(
                shown, ["NAME", "SPOKE", "STATE", "PLATFORM", "AUTODEPLOY", "REPORTED"],
                none: "No agent has joined. Make a token with 'axle token create --role agent'."
            ) { client in
                [
                    client.name.text, client.spoke.name.text,
                    Wording.connection(client.connected, revoked: client.revoked), client.facts?.platform.description,
                    client.facts?.autodeploy.name, Wording.age(client.lastReport, printer.now),
                ]
            }
        }
    }

    static func candidates(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let candidates: [CandidateResource] = try hub.list(
            ["candidates"],
            query: [
                ("product", try invocation.requiredOperand(0)), ("release", try invocation.requiredOperand(1)),
            ])
        try table(candidates, printer)
    }

    static func table(_ candidates: [CandidateResource], _ printer: Printer) throws {
        try printer.list(
            candidates, ["CLIENT", "SPOKE", "ELIGIBLE", "REASONS"], lastIsText: true, none: "There are no clients."
        ) { row($0) }
    }

    /// A row of a candidate: reasons against it, and what it waits for.
    static func row(_ candidate: CandidateResource) -> [String?] {
        [
            candidate.client.name.text, candidate.spoke.name.text, candidate.eligible ? "yes" : "no",
            (candidate.reasons + candidate.notes).map(\.code).joined(separator: ","),
        ]
    }

    private static func explain(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        var query: [(String, String)] = []
        if let product = invocation.operand(1) { query.append(("product", product)) }
        if let release = invocation.operand(2) { query.append(("release", release)) }
        let answers: [CandidateResource] = try hub.list(
            ["clients", try invocation.requiredOperand(0), "explain"], query: query)
        guard !printer.isJSON else { return try printer.json(ListPage(items: answers)) }
        if answers.isEmpty { printer.message("The catalog has nothing for this client.") }
        for answer in answers {
            let verdict = answer.eligible ? "may get" : "does not get"
            printer.line("\(answer.client.name) \(verdict) \(answer.product) \(answer.release)")
            for reason in answer.reasons {
                printer.line("  \(reason.code): \(reason.text)")
                if !reason.next.isEmpty { printer.line("    \(reason.next)") }
            }
            for note in answer.notes {
                printer.line("  \(note.next.isEmpty ? "note" : "waits for") \(note.code): \(note.text)")
                if !note.next.isEmpty { printer.line("    \(note.next)") }
            }
        }
    }

    private static func label(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        var labels: [String: String?] = [:]
        for operand in invocation.operands.dropFirst() {
            guard let mark = operand.firstIndex(of: "="), mark != operand.startIndex else {
                throw UsageError("'\(operand)' is not KEY=VALUE")
            }
            let value = String(operand[operand.index(after: mark)...])
            labels[String(operand[..<mark])] = .some(value.isEmpty ? nil : value)
        }
        let change = ClientChange(labels: labels)
        do {
            try change.validate()
        } catch {
            throw UsageError(error.detail)
        }
        let client: ClientResource = try hub.send(.patch, ["clients", try invocation.requiredOperand(0)], change)
        try show(client, printer)
    }

    private static func show(_ client: ClientResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(client) }
        let labels = client.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        printer.fields([
            ("Name", client.name.text), ("Id", client.id.description), ("Spoke", client.spoke.name.text),
            ("State", Wording.connection(client.connected, revoked: client.revoked)),
            ("Since", client.since?.iso8601), ("Reported", client.lastReport?.iso8601),
            ("Labels", labels.joined(separator: " ")), ("System", client.facts.map { "\($0.osName), \($0.kernel)" }),
            ("Platform", client.facts.map { "\($0.platform), \($0.userlandBits)-bit userland" }),
            ("Agent", client.facts?.agentVersion.description), ("Autodeploy", client.facts?.autodeploy.name),
            ("Scheduler", client.facts?.scheduler.name),
            ("Installs", client.facts?.kinds?.map(\.name).joined(separator: ", ")),
            ("Free", client.facts.map { Wording.size($0.freeSpace) }),
        ])
        printer.section(
            "Installed", ["PRODUCT", "RELEASE", "SOURCE", "LOCKED"],
            (client.facts?.installed ?? []).map { installed in
                [
                    installed.product.text, installed.release.text, installed.source.name,
                    client.facts?.locked.contains(installed.product) == true ? "yes" : "no",
                ]
            })
        printer.section(
            "Actions", RolloutCommands.actionHeader, lastIsText: true,
            (client.actions ?? []).map { RolloutCommands.row($0, first: "\($0.product):\($0.release)", printer.now) })
    }
}
