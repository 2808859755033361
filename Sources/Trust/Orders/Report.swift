package import Codec
package import Model

/// What an agent says, signed with its own report key, so that a spoke cannot invent a success. docs/formats/report.cddl.
///
/// (agent, incarnation, counter) names it once and for all: the hub applies each once. Unknown fields are skipped.
package struct Report: SignedRecord {
    package static let noun = "report"
    package static let externalAAD = Array("axle-report-1".utf8)

    package var agent: NodeID
    /// Which life of the agent's state folder.
    package var incarnation: UInt64
    /// Rises with every report of an incarnation, from 1 on.
    package var counter: UInt64
    /// The agent's clock; at most a hint.
    package var time: UnixTime
    package var fleet: FleetName
    /// The action that it is about; nil for a report of facts only.
    package var action: ActionID?
    /// The action's state; there exactly when the action is.
    package var state: ActionState?
    /// Why the agent refused or failed.
    package var reasons: [Reason]
    package var notes: [Note]
    /// All that is installed; nil when the report says nothing of it.
    package var installed: [InstalledPackage]?
    /// The machine's facts; nil when they have not changed. Its `installed` is the report's.
    package var facts: ClientFacts?
    package var attack: AttackSeen?
    /// What happened, for a person; one line of at most 512 bytes.
    package var detail: String
    /// The sequence of the order that the agent acts on.
    package var orderSequence: OrderSequence?
    /// The order with the highest sequence that the agent has obeyed, as it was signed: shown when an order came that is not above it, so that a hub
    /// which was restored from a backup learns where it was. The hub's own signature makes it a proof.
    package var newestOrder: [UInt8]?

    package init(
        agent: NodeID, incarnation: UInt64, counter: UInt64, time: UnixTime, fleet: FleetName,
        action: ActionID? = nil, state: ActionState? = nil, reasons: [Reason] = [], notes: [Note] = [],
        installed: [InstalledPackage]? = nil, facts: ClientFacts? = nil, attack: AttackSeen? = nil,
        detail: String = "", orderSequence: OrderSequence? = nil, newestOrder: [UInt8]? = nil
    ) {
        self.agent = agent
        self.incarnation = incarnation
        self.counter = counter
        self.time = time
        self.fleet = fleet
        self.action = action
        self.state = state
        self.reasons = reasons
        self.notes = notes
        self.installed = installed ?? facts?.installed
        self.facts = facts
        self.attack = attack
        self.detail = detail
        self.orderSequence = orderSequence
        self.newestOrder = newestOrder
    }

    /// Bytes of the envelope around a signed record, at the most: header, key id and signature.
    private static let envelopeLength = 256

    /// The report without what the hub can do without, until it is signed in at most `limit` bytes:
    /// a longer one would be refused on its way, and everything behind it with it.
    package func shortened(to limit: Int) -> Report {
        let steps: [(inout Report) -> Void] = [
            { $0.newestOrder = nil }, { $0.notes = [] }, { $0.reasons = Array($0.reasons.prefix(8)) },
            { $0.facts = nil }, { $0.installed = nil },
        ]
        var report = self
        for step in steps {
            guard CBOREncoder.encode(report.cbor).count + Self.envelopeLength > limit else { break }
            step(&report)
        }
        return report
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        agent = try fields.id(1)
        incarnation = try fields.size(2)
        counter = try fields.size(3)
        time = try fields.time(4)
        fleet = try fields.value(5)
        action = fields.has(6) ? try fields.id(6) : nil
        state = fields.has(7) ? try fields.code(7) : nil
        guard (action == nil) == (state == nil) else { throw fields.malformed(7, "goes with field 6 only") }
        if let state, state.isHubOnly { throw fields.malformed(7, "is a state that no agent reports") }
        reasons = try fields.coded(8, limit: RecordLimits.reasons).map { Reason($0.0, $0.1) }
        notes = try fields.coded(9, limit: RecordLimits.reasons).map { Note($0.0, $0.1) }
        installed = fields.has(10) ? try InventoryFields.installed(fields, 10) : nil
        facts = fields.has(11) ? try InventoryFields.facts(fields, 11, installed: installed ?? []) : nil
        attack = fields.has(12) ? try Self.attack(fields) : nil
        detail = try fields.text(13, limit: RecordLimits.text)
        orderSequence = fields.has(14) ? try Order.sequence(fields, 14) : nil
        newestOrder = fields.has(15) ? try fields.bytes(15, limit: RecordLimits.shownOrder) : nil
    }

    private static func attack(_ fields: RecordFields) throws(RecordError) -> AttackSeen {
        let refused = fields.malformed(12, "is no [code, text]")
        let parts = try fields.list(12, limit: 2)
        guard parts.count == 2, let code = parts[0].asText, let text = parts[1].asText,
            text.utf8.count <= RecordLimits.text
        else { throw refused }
        do { return AttackSeen(try AttackCode(code), text) } catch { throw refused }
    }

    package var cbor: CBOR {
        .record([
            1: .id(agent),
            2: .unsigned(incarnation),
            3: .unsigned(counter),
            4: .time(time),
            5: .value(fleet),
            6: action.map { .id($0) },
            7: state.map { .code($0) },
            8: .array(reasons.prefix(RecordLimits.reasons).map { .array([.value($0.code), .people($0.text)]) }),
            9: .array(notes.prefix(RecordLimits.reasons).map { .array([.value($0.code), .people($0.text)]) }),
            10: (installed ?? facts?.installed).map(InventoryFields.cbor),
            11: facts.map(InventoryFields.cbor),
            12: attack.map { .array([.value($0.code), .people($0.text)]) },
            13: .people(detail),
            14: orderSequence.map { .array([.unsigned($0.epoch), .unsigned($0.number)]) },
            15: newestOrder.map { .bytes($0) },
        ])
    }
}
