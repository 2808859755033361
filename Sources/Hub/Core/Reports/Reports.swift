import Model
import Protocol
import Rollout
import TLS
import Trust

/// Reports: believed by the agent's own signature, through its own spoke, each applied once.
///
/// It keeps what each agent has used of its allowances, and whose bytes were refused lately.
struct Reports {
    /// Orders that each agent may cause by reports of actions that a restored hub does not know.
    private var callOffs = PeerAllowance<NodeID>(HubLimits.callOffs)
    /// New incarnations that each agent may begin.
    private var incarnations = PeerAllowance<NodeID>(HubLimits.incarnations)
    /// Reports of each agent that show an order and bring about new ones.
    private var shownOrders = PeerAllowance<NodeID>(HubLimits.shownOrders)
    /// When clients refused bytes first; see `isFirstRefusal`.
    private var bytesRefused: [NodeID: UnixTime] = [:]

    mutating func reported(
        _ message: ReportMessage, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        guard var client = try turn.store.client(message.agent), client.spoke == spoke else {
            try turn.log(
                .error, .reportRefused, "agent/\(message.agent)",
                "spoke \(spoke) sent a report of an agent that does not belong to it")
            return turn.refuse(link, request, .refused, "this agent does not belong to this spoke")
        }
        guard client.revoked == nil else { return turn.refuse(link, request, .refused, "this agent has been revoked") }
        let report: Report
        do {
            report = try Report.open(message.signed, keys: [client.reportKey], verifier: turn.cryptography.verifier)
            // From here on it is the agent's own doing, whatever carried it.
            turn.blame(.client(client.id))
            guard report.agent == message.agent, report.incarnation == message.incarnation,
                report.counter == message.counter, report.fleet == turn.configuration.fleet
            else { throw RecordError.malformed("report: the header says otherwise than what is signed") }
        } catch let error as RecordError {
            try turn.log(
                .error, .reportRefused, "client/\(client.name)", "a report was refused: \(error)")
            return turn.refuse(link, request, .refused, "\(error)")
        }
        guard let incarnation = Int64(exactly: report.incarnation), let counter = Int64(exactly: report.counter) else {
            return turn.refuse(link, request, .invalid, "a counter is out of range")
        }
        let known = try turn.store.reportLedger(of: client.id, incarnation: incarnation)
        if known == nil, client.incarnation != nil, !incarnations.take(client.id, at: turn.now) {
            let text = "this agent has begun too many incarnations; it may begin four an hour"
            try turn.log(.error, .reportRefused, "client/\(client.name)", "a report was refused: \(text)")
            return turn.refuse(link, request, .refused, text)
        }
        turn.reply(link, request, .ok(OK()))
        var ledger = known ?? ReportLedger()
        if ledger.isRepaired {
            try turn.log(
                .warning, .reportGap, "client/\(client.name)",
                "the record of which reports of \(client.name) were taken in was damaged and begins anew at "
                    + "\(ledger.highest); the agent is asked to report everything again")
            try Recovery.askAnew(client, &ledger, &turn)
        }
        let verdict = ledger.take(counter, digest: SHA256.hash(message.signed))
        guard verdict != .repeated else {
            guard ledger.isRepaired else { return }
            return try turn.store.setReportLedger(ledger, of: client.id, incarnation: incarnation, heard: turn.now)
        }
        try Self.judgeLife(report, incarnation, isKnown: known != nil, verdict, &client, &ledger, &turn)
        try Self.judgeCounter(verdict, counter, client, &ledger, &turn)
        client.lastReport = turn.now
        try turn.store.updateClient(client)
        if verdict != .diverged {
            if verdict != .late { try Self.takeFacts(report, client, &turn) }
            try takeAttack(report, client, &ledger, &turn)
            try Self.takeNotes(report, client, &turn)
            try takeState(report, client, &turn)
        }
        try turn.store.setReportLedger(ledger, of: client.id, incarnation: incarnation, heard: turn.now)
        if known == nil { try turn.store.forgetReportLedgers(of: client.id, beyond: HubLimits.rememberedIncarnations) }
    }

    /// Which life of the agent's state folder speaks: a new one, or, beside a later one, a second machine with the same identity.
    private static func judgeLife(
        _ report: Report, _ incarnation: Int64, isKnown: Bool, _ verdict: ReportLedger.Verdict,
        _ client: inout ClientEntry, _ ledger: inout ReportLedger, _ turn: inout HubTurn
    ) throws {
        guard let before = client.incarnation else { return client.incarnation = incarnation }
        guard before != incarnation else { return }
        guard isKnown else {
            client.incarnation = incarnation
            let wasAsked = try turn.store.reportLedger(of: client.id, incarnation: before)?.askedAnew != nil
            if !wasAsked {
                try Alarms.alarm(
                    client.id, .agentRestored, "the state of client \(client.name) was lost, put back or copied", &turn)
            }
            let text =
                wasAsked
                ? "\(client.name) says everything anew, as it was asked to"
                : "\(client.name) speaks out of a new state folder: joined again, lost, or restored from a backup"
            return try turn.log(
                wasAsked ? .info : .warning, .agentRestored, "client/\(client.name)", text)
        }
        // What the agent had queued before its new life comes before that, or late; something new out of the old life comes from elsewhere.
        guard verdict != .late, !ledger.isCloneNamed else { return }
        ledger.isCloneNamed = true
        try Alarms.noticeClone(
            client,
            "two machines speak as client \(client.name): reports of an earlier state came after those of a later",
            &turn)
        try turn.log(
            .error, .machineCloned, "client/\(client.name)",
            "two machines speak as \(client.name), with the incarnations \(before) and \(incarnation): one is a copy; "
                + "make one of them join again with a token of its own")
    }

    /// Holes and falls of the counter: each is said, and the agent is asked to say everything anew.
    private static func judgeCounter(
        _ verdict: ReportLedger.Verdict, _ counter: Int64, _ client: ClientEntry, _ ledger: inout ReportLedger,
        _ turn: inout HubTurn
    ) throws {
        let text: String
        switch verdict {
        case .next, .repeated: return
        case .late:
            return try turn.log(
                .notice, .reportGap, "client/\(client.name)",
                "the missing report \(counter) of \(client.name) has come")
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
        if verdict == .diverged { try Alarms.alarm(client.id, .agentRestored, text, &turn) }
        try turn.log(.warning, code, "client/\(client.name)", text)
        try Recovery.askAnew(client, &ledger, &turn)
    }

    /// Facts and inventory; what changed without an order is said.
    private static func takeFacts(_ report: Report, _ client: ClientEntry, _ turn: inout HubTurn) throws {
        let known = try turn.store.facts(of: client.id)
        guard var facts = report.facts ?? known?.facts else { return }
        if let installed = report.installed { facts.installed = installed }
        guard report.facts != nil || facts != known?.facts else { return }
        try turn.store.setFacts(FactsRecord(facts: facts, time: turn.now), of: client.id)
        if let known, known.facts.installed != facts.installed {
            let lines = InventoryComparison.unexplained(
                known: known.facts.installed, reported: facts.installed,
                actions: try turn.store.actions(of: client.id, limit: HubLimits.explainingActions))
            for line in lines {
                try turn.log(.warning, .inventoryChanged, "client/\(client.name)", "at \(client.name): \(line)")
            }
        }
        guard report.facts != nil, known.map({ !$0.facts.isEssentiallyEqual(to: facts) }) ?? true else { return }
        try turn.log(
            .info, .factsReported, "client/\(client.name)", "\(client.name) has reported its facts")
    }

    private mutating func takeAttack(
        _ report: Report, _ client: ClientEntry, _ ledger: inout ReportLedger, _ turn: inout HubTurn
    ) throws {
        guard let attack = report.attack else { return }
        // What names an action is metadata that does not fit, which no check of a package mends.
        if attack.code == .hashMismatch, report.action == nil, isFirstRefusal(of: client.id, &turn) {
            try turn.log(
                .warning, .bytesRefused, "client/\(client.name)",
                AttackSeen.bytesRefused(by: "\(client.name)", attack.text))
        } else {
            try turn.log(.error, .attackSeen, "client/\(client.name)", "\(attack.code.rawValue): \(attack.text)")
        }
        guard let newest = report.newestOrder,
            let shown = try Recovery.noticeOrder(newest, shownBy: "client/\(client.name)", &turn),
            shownOrders.take(client.id, at: turn.now)
        else { return }
        try Recovery.agentShowsOrder(shown, client, &turn)
        // What it was asked may be among what it refused.
        if ledger.askedAnew != nil {
            ledger.askedAnew = nil
            try Recovery.askAnew(client, &ledger, &turn)
        }
    }

    /// Whether a client's refusal of bytes is its first in a while. A disk that rots is common and mended by
    /// the spoke; only what goes on after that is called an attack.
    private mutating func isFirstRefusal(of client: NodeID, _ turn: inout HubTurn) -> Bool {
        let pause = HubLimits.refusalPause
        if let last = bytesRefused[client], last <= turn.now, turn.now - last < pause { return false }
        bytesRefused = bytesRefused.filter { $0.value <= turn.now && turn.now - $0.value < pause }
        bytesRefused[client] = turn.now
        return true
    }

    /// What the agent says of itself and of no action.
    private static func takeNotes(_ report: Report, _ client: ClientEntry, _ turn: inout HubTurn) throws {
        guard report.action == nil else { return }
        for note in report.notes.prefix(HubLimits.notesOfReport) {
            let code: EventCode
            switch note.code {
            case .storeNewer: code = .storeNewer
            case .confinementMissing: code = .confinementMissing
            default: continue
            }
            try turn.log(.warning, code, "client/\(client.name)", "at \(client.name): \(note.text)")
        }
    }

    private mutating func takeState(_ report: Report, _ client: ClientEntry, _ turn: inout HubTurn) throws {
        guard let id = report.action, var state = report.state else { return }
        // The machine has what the rollout brings, so that nothing is left to be done there.
        if state == .refused, report.reasons.map(\.code) == [.alreadyInstalled] { state = .succeeded }
        if try turn.store.action(id) == nil, try callOff(id, state, report, client, &turn) { return }
        guard var action = try turn.store.action(id), action.client == client.id else {
            return try turn.log(
                .warning, .reportRefused, "client/\(client.name)",
                "a report is about action \(id), which is not its own")
        }
        let before = action
        if !report.reasons.isEmpty || report.state == .refused { action.reasons = report.reasons }
        if !report.notes.isEmpty { action.notes = report.notes }
        if state == .succeeded, let clone = try Alarms.activeClone(client.id, turn) {
            // Which of the machines it was is not known, and the other one has not done it.
            action.notes = [Note(.machineCloned, clone.text)]
            if try !Actions.move(&action, by: .identityShared, clone.text, &turn) {
                try turn.store.updateAction(action)
            }
            return try turn.store.removeOrders(of: action.id)
        }
        guard try Actions.move(&action, by: .reported(state), Self.text(of: report, turn), &turn) else {
            return try turn.log(
                .warning, .reportRefused, "client/\(client.name)",
                "the report \(state.name) does not follow \(before.state.name) and changes nothing")
        }
        // The agent has the install order, so its acknowledgement is no longer waited for.
        if action.state != .cancelling { try turn.store.removeOrders(of: action.id) }
        guard state == .succeeded, before.state != .succeeded, let installed = report.installed,
            !installed.contains(where: { $0.product == action.path.product && $0.release == action.path.release })
        else { return }
        try turn.log(
            .warning, .inventoryChanged, "client/\(client.name)",
            "\(client.name) says that \(action.path.product) \(action.path.release) succeeded and does not list it")
    }

    private static func text(of report: Report, _ turn: HubTurn) -> String {
        guard report.state == .refused, !report.reasons.isEmpty else { return report.detail }
        return report.reasons.map { "\($0.code.rawValue) (\($0.text))" }.joined(separator: "; ")
    }

    /// Calls off an action that this hub does not know although it has signed its order, in a
    /// future that it has lost; false for any other.
    mutating func callOff(
        _ action: ActionID, _ state: ActionState, _ report: Report, _ client: ClientEntry, _ turn: inout HubTurn
    ) throws -> Bool {
        guard let sequence = report.orderSequence, try sequence.epoch < turn.store.currentSequence().epoch else {
            return false
        }
        try turn.log(
            .notice, .actionChanged, "client/\(client.name)",
            "\(client.name) reports \(state.name) of action \(action), which was ordered before this hub was restored")
        let isBegun = state.isChanging || state == .cancelling
        if !state.isFinal, !isBegun, callOffs.take(client.id, at: turn.now) {
            try Recovery.send(.cancel, action, to: client, &turn)
        }
        return true
    }
}
