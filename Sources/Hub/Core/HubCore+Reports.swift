import Model
import Protocol
import Rollout
import TLS
import Trust

/// Reports: believed by the agent's own signature, through its own spoke, each applied once.
extension HubCore {
    mutating func reported(
        _ message: ReportMessage, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard var client = try store.client(message.agent), client.spoke == spoke else {
            try log(
                .error, .reportRefused, "agent/\(message.agent)",
                "spoke \(spoke) sent a report of an agent that does not belong to it", at: now)
            return refuse(link, request, .refused, "this agent does not belong to this spoke")
        }
        guard client.revoked == nil else { return refuse(link, request, .refused, "this agent has been revoked") }
        let report: Report
        do {
            report = try Report.open(message.signed, keys: [client.reportKey], verifier: cryptography.verifier)
            // From here on it is the agent's own doing, whatever carried it.
            cause = .client(client.id)
            guard report.agent == message.agent, report.incarnation == message.incarnation,
                report.counter == message.counter, report.fleet == configuration.fleet
            else { throw RecordError.malformed("report: the header says otherwise than what is signed") }
        } catch let error as RecordError {
            try log(
                .error, .reportRefused, "client/\(client.name)", "a report was refused: \(error)", at: now)
            return refuse(link, request, .refused, "\(error)")
        }
        guard let incarnation = Int64(exactly: report.incarnation), let counter = Int64(exactly: report.counter) else {
            return refuse(link, request, .invalid, "a counter is out of range")
        }
        let known = try store.reportLedger(of: client.id, incarnation: incarnation)
        if known == nil, client.incarnation != nil, !incarnationAllowance.take(client.id, at: now) {
            let text = "this agent has begun too many incarnations; it may begin four an hour"
            try log(.error, .reportRefused, "client/\(client.name)", "a report was refused: \(text)", at: now)
            return refuse(link, request, .refused, text)
        }
        reply(link, request, .ok(OK()))
        var ledger = known ?? ReportLedger()
        if ledger.isRepaired {
            try log(
                .warning, .reportGap, "client/\(client.name)",
                "the record of which reports of \(client.name) were taken in was damaged and begins anew at "
                    + "\(ledger.highest); the agent is asked to report everything again", at: now)
            try askAnew(client, &ledger, at: now)
        }
        let verdict = ledger.take(counter, digest: SHA256.hash(message.signed))
        guard verdict != .repeated else {
            guard ledger.isRepaired else { return }
            return try store.setReportLedger(ledger, of: client.id, incarnation: incarnation, heard: now)
        }
        try judgeLife(report, incarnation, isKnown: known != nil, verdict, &client, &ledger, at: now)
        try judgeCounter(verdict, counter, client, &ledger, at: now)
        client.lastReport = now
        try store.updateClient(client)
        if verdict != .diverged {
            if verdict != .late { try takeFacts(report, client, at: now) }
            try takeAttack(report, client, &ledger, at: now)
            try takeNotes(report, client, at: now)
            try takeState(report, client, at: now)
        }
        try store.setReportLedger(ledger, of: client.id, incarnation: incarnation, heard: now)
        if known == nil { try store.forgetReportLedgers(of: client.id, beyond: HubLimits.rememberedIncarnations) }
    }

    /// Which life of the agent's state folder speaks: a new one, or, beside a later one, a second machine with the same identity.
    private mutating func judgeLife(
        _ report: Report, _ incarnation: Int64, isKnown: Bool, _ verdict: ReportLedger.Verdict,
        _ client: inout ClientEntry, _ ledger: inout ReportLedger, at now: UnixTime
    ) throws {
        guard let before = client.incarnation else { return client.incarnation = incarnation }
        guard before != incarnation else { return }
        guard isKnown else {
            client.incarnation = incarnation
            let wasAsked = try store.reportLedger(of: client.id, incarnation: before)?.askedAnew != nil
            if !wasAsked {
                try alarm(
                    client.id, .agentRestored, "the state of client \(client.name) was lost, put back or copied",
                    at: now)
            }
            let text =
                wasAsked
                ? "\(client.name) says everything anew, as it was asked to"
                : "\(client.name) speaks out of a new state folder: joined again, lost, or restored from a backup"
            return try log(
                wasAsked ? .info : .warning, .agentRestored, "client/\(client.name)", text, at: now)
        }
        // What the agent had queued before its new life comes before that, or late; something new out of the old life comes from elsewhere.
        guard verdict != .late, !ledger.isCloneNamed else { return }
        ledger.isCloneNamed = true
        try noticeClone(
            client,
            "two machines speak as client \(client.name): reports of an earlier state came after those of a later",
            at: now)
        try log(
            .error, .machineCloned, "client/\(client.name)",
            "two machines speak as \(client.name), with the incarnations \(before) and \(incarnation): one is a copy; "
                + "make one of them join again with a token of its own", at: now)
    }

    /// Holes and falls of the counter: each is said, and the agent is asked to say everything anew.
    private mutating func judgeCounter(
        _ verdict: ReportLedger.Verdict, _ counter: Int64, _ client: ClientEntry, _ ledger: inout ReportLedger,
        at now: UnixTime
    ) throws {
        let text: String
        switch verdict {
        case .next, .repeated: return
        case .late:
            return try log(
                .notice, .reportGap, "client/\(client.name)",
                "the missing report \(counter) of \(client.name) has come",
                at: now)
        case .gap(let gap):
            text =
                gap.count == 1
                ? "report \(gap.lowerBound) of \(client.name) is missing"
                : "the reports \(gap.lowerBound) to \(gap.upperBound) of \(client.name) are missing"
        case .diverged:
            text =
                "report \(counter) of \(client.name) came a second time with other content: its state was put back to an "
                + "earlier time, or two machines share its identity"
        }
        let code: EventCode = verdict == .diverged ? .agentRestored : .reportGap
        if verdict == .diverged { try alarm(client.id, .agentRestored, text, at: now) }
        try log(.warning, code, "client/\(client.name)", text, at: now)
        try askAnew(client, &ledger, at: now)
    }

    /// Facts and inventory; what changed without an order is said.
    private mutating func takeFacts(_ report: Report, _ client: ClientEntry, at now: UnixTime) throws {
        let known = try store.facts(of: client.id)
        guard var facts = report.facts ?? known?.facts else { return }
        if let installed = report.installed { facts.installed = installed }
        guard report.facts != nil || facts != known?.facts else { return }
        try store.setFacts(FactsRecord(facts: facts, time: now), of: client.id)
        if let known, known.facts.installed != facts.installed {
            let lines = InventoryComparison.unexplained(
                known: known.facts.installed, reported: facts.installed,
                actions: try store.actions(of: client.id, limit: HubLimits.explainingActions))
            for line in lines {
                try log(.warning, .inventoryChanged, "client/\(client.name)", "at \(client.name): \(line)", at: now)
            }
        }
        guard report.facts != nil, known.map({ !$0.facts.isEssentiallyEqual(to: facts) }) ?? true else { return }
        try log(
            .info, .factsReported, "client/\(client.name)", "\(client.name) has reported its facts", at: now)
    }

    private mutating func takeAttack(
        _ report: Report, _ client: ClientEntry, _ ledger: inout ReportLedger, at now: UnixTime
    ) throws {
        guard let attack = report.attack else { return }
        // What names an action is metadata that does not fit, which no check of a package mends.
        if attack.code == .hashMismatch, report.action == nil, isFirstRefusal(of: client.id, at: now) {
            try log(
                .warning, .bytesRefused, "client/\(client.name)",
                AttackSeen.bytesRefused(by: "\(client.name)", attack.text), at: now)
        } else {
            try log(.error, .attackSeen, "client/\(client.name)", "\(attack.code.rawValue): \(attack.text)", at: now)
        }
        guard let shown = report.newestOrder else { return }
        try agentShowsOrder(shown, client, at: now)
        // What it was asked may be among what it refused.
        if ledger.askedAnew != nil {
            ledger.askedAnew = nil
            try askAnew(client, &ledger, at: now)
        }
    }

    /// Whether a client's refusal of bytes is its first in a while. A disk that rots is common and mended by
    /// the spoke; only what goes on after that is called an attack.
    private mutating func isFirstRefusal(of client: NodeID, at now: UnixTime) -> Bool {
        let pause = HubLimits.refusalPause
        if let last = bytesRefused[client], last <= now, now - last < pause { return false }
        bytesRefused = bytesRefused.filter { $0.value <= now && now - $0.value < pause }
        bytesRefused[client] = now
        return true
    }

    /// What the agent says of itself and of no action.
    private mutating func takeNotes(_ report: Report, _ client: ClientEntry, at now: UnixTime) throws {
        guard report.action == nil else { return }
        for note in report.notes.prefix(HubLimits.notesOfReport) {
            let code: EventCode
            switch note.code {
            case .storeNewer: code = .storeNewer
            case .confinementMissing: code = .confinementMissing
            default: continue
            }
            try log(.warning, code, "client/\(client.name)", "at \(client.name): \(note.text)", at: now)
        }
    }

    private mutating func takeState(_ report: Report, _ client: ClientEntry, at now: UnixTime) throws {
        guard let id = report.action, let state = report.state else { return }
        if try store.action(id) == nil, try callOff(id, state, report, client, at: now) { return }
        guard var action = try store.action(id), action.client == client.id else {
            return try log(
                .warning, .reportRefused, "client/\(client.name)",
                "a report is about action \(id), which is not its own",
                at: now)
        }
        let before = action
        if !report.reasons.isEmpty || state == .refused { action.reasons = report.reasons }
        if !report.notes.isEmpty { action.notes = report.notes }
        if state == .succeeded, let clone = try activeClone(client.id, at: now) {
            // Which of the machines it was is not known, and the other one has not done it.
            action.notes = [Note(.machineCloned, clone.text)]
            if try !move(&action, by: .identityShared, clone.text, at: now) { try store.updateAction(action) }
            return try store.removeOrders(of: action.id)
        }
        guard try move(&action, by: .reported(state), text(of: report), at: now) else {
            return try log(
                .warning, .reportRefused, "client/\(client.name)",
                "the report \(state.name) does not follow \(before.state.name) and changes nothing", at: now)
        }
        // The agent has the install order, so its acknowledgement is no longer waited for.
        if action.state != .cancelling { try store.removeOrders(of: action.id) }
        guard state == .succeeded, before.state != .succeeded, let installed = report.installed,
            !installed.contains(where: { $0.product == action.path.product && $0.release == action.path.release })
        else { return }
        try log(
            .warning, .inventoryChanged, "client/\(client.name)",
            "\(client.name) says that \(action.path.product) \(action.path.release) succeeded and does not list it",
            at: now)
    }

    private func text(of report: Report) -> String {
        guard report.state == .refused, !report.reasons.isEmpty else { return report.detail }
        return report.reasons.map { "\($0.code.rawValue) (\($0.text))" }.joined(separator: "; ")
    }
}
