import Model
import Protocol
import Rollout
import Trust

/// Reports: believed by the agent's own signature, through its own spoke, each applied once.
extension HubCore {
    mutating func reported(
        _ message: ReportMessage, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard var client = try store.client(message.agent), client.spoke == spoke else {
            try logRefusal(
                of: spoke, .error, .reportRefused, "agent/\(message.agent)",
                "spoke \(spoke) sent a report of an agent that does not belong to it", at: now)
            return refuse(link, request, .refused, "this agent does not belong to this spoke")
        }
        guard client.revoked == nil else { return refuse(link, request, .refused, "this agent has been revoked") }
        let report: Report
        do {
            report = try Report.open(message.signed, keys: [client.reportKey], verifier: cryptography.verifier)
            guard report.agent == message.agent, report.incarnation == message.incarnation,
                report.counter == message.counter, report.fleet == configuration.fleet
            else { throw RecordError.malformed("report: the header says otherwise than what is signed") }
        } catch let error as RecordError {
            try logRefusal(
                of: spoke, .error, .reportRefused, "client/\(client.name)", "a report was refused: \(error)", at: now)
            return refuse(link, request, .refused, "\(error)")
        }
        guard let incarnation = Int64(exactly: report.incarnation), let counter = Int64(exactly: report.counter) else {
            return refuse(link, request, .invalid, "a counter is out of range")
        }
        reply(link, request, .ok(OK()))
        // Said again because an acknowledgement was lost: applied before.
        if let known = try store.reportCounter(of: client.id, incarnation: incarnation), counter <= known { return }
        try store.setReportCounter(counter, of: client.id, incarnation: incarnation)
        if let known = client.incarnation, known != incarnation {
            try log(
                .warning, .reportRefused, "client/\(client.name)",
                "the agent's state is another than before: restored from a backup, or two machines share an identity",
                at: now)
        }
        client.incarnation = incarnation
        client.lastReport = now
        try store.updateClient(client)
        try takeFacts(report, client, at: now)
        if let attack = report.attack {
            try log(
                .error, .attackSeen, "client/\(client.name)", "\(attack.code.rawValue): \(attack.text)", at: now)
        }
        try takeState(report, client, at: now)
    }

    private func takeFacts(_ report: Report, _ client: ClientEntry, at now: UnixTime) throws {
        let known = try store.facts(of: client.id)
        guard var facts = report.facts ?? known?.facts else { return }
        if let installed = report.installed { facts.installed = installed }
        guard report.facts != nil || facts != known?.facts else { return }
        try store.setFacts(FactsRecord(facts: facts, time: now), of: client.id)
        guard report.facts != nil, known.map({ !$0.facts.isEssentiallyEqual(to: facts) }) ?? true else { return }
        try log(
            .info, .factsReported, "client/\(client.name)", "\(client.name) has reported its facts", at: now)
    }

    private mutating func takeState(_ report: Report, _ client: ClientEntry, at now: UnixTime) throws {
        guard let id = report.action, let state = report.state else { return }
        guard var action = try store.action(id), action.client == client.id else {
            return try log(
                .warning, .reportRefused, "client/\(client.name)",
                "a report is about action \(id), which is not its own",
                at: now)
        }
        let before = action
        if !report.reasons.isEmpty || state == .refused { action.reasons = report.reasons }
        if !report.notes.isEmpty { action.notes = report.notes }
        guard try move(&action, by: .reported(state), text(of: report), at: now) else {
            return try log(
                .warning, .reportRefused, "client/\(client.name)",
                "the report \(state.name) does not follow \(before.state.name) and changes nothing", at: now)
        }
        // The agent has the install order, so its acknowledgement is no longer waited for.
        if action.state != .cancelling { try store.removeOrders(of: action.id) }
    }

    private func text(of report: Report) -> String {
        guard report.state == .refused, !report.reasons.isEmpty else { return report.detail }
        return report.reasons.map { "\($0.code.rawValue) (\($0.text))" }.joined(separator: "; ")
    }
}
