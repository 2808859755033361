import API
import Model
import Testing

/// What people and programs send: good examples, and each bad value by itself.
struct RequestTests {
    private func read<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONCoding.decode(type, from: Array(text.utf8), json5: true)
    }

    @Test func aWholeRolloutFileIsRead() throws {
        let file = try read(
            RolloutFile.self,
            """
            // ruff for the north
            {
                name: "ruff-north", product: "ruff", release: "0.12.1",
                select: {labels: {ring: "1"}, spokes: ["north"]},
                start: "2025-07-01T20:00:00Z",
                window: {from: "22:00", to: "05:00", days: ["mon", "fri"], timeZone: "Europe/Berlin"},
                leadMinutes: 90, restart: "never",
            }
            """)
        try file.validate()
        #expect(file.window == .daily(from: "22:00", to: "05:00", days: ["mon", "fri"], timeZone: "Europe/Berlin"))
        #expect(file.restart == .never)
        #expect(try JSONCoding.decode(RolloutFile.self, from: JSONCoding.encode(file)) == file)
    }

    @Test func theSmallestRolloutFileIsRead() throws {
        let file = try read(RolloutFile.self, #"{name: "a", product: "ruff", release: "1", select: {all: true}}"#)
        try file.validate()
        #expect(file.window == nil)
        let once = try read(
            RolloutFile.self,
            #"{name: "a", product: "p", release: "1", select: {all: true}, window: {start: "2025-07-01T20:00:00Z", end: "2025-07-02T20:00:00Z"}}"#
        )
        #expect(try JSONCoding.decode(RolloutFile.self, from: JSONCoding.encode(once)) == once)
    }

    @Test(arguments: [
        #"windwo: {from: "22:00", to: "05:00"}"#, #"window: {from: "22:00"}"#, #"window: {form: "22:00", to: "05:00"}"#,
        #"window: {start: "2025-07-01T20:00:00Z"}"#,
        #"window: {start: "2025-07-02T20:00:00Z", end: "2025-07-01T20:00:00Z"}"#,
        #"window: {from: "22:00", to: "05:00", start: "2025-07-01T20:00:00Z", end: "2025-07-02T20:00:00Z"}"#,
        #"restart: "sometimes""#, #"start: "tomorrow""#, #"leadMinutes: "1""#, #"leadMinutes: 1.5"#, #"wave: []"#,
    ]) func aMisspeltMemberIsNotItsAbsence(_ member: String) {
        #expect(throws: Problem.self) {
            try read(RolloutFile.self, #"{name: "a", product: "ruff", release: "1", select: {all: true}, \#(member)}"#)
        }
    }

    @Test(arguments: [
        #"{}"#, #"{all: false}"#, #"{all: true, names: ["a"]}"#, #"{names: []}"#, #"{labels: {}, spokes: []}"#,
        #"{everyone: true}"#,
    ]) func aForgottenSelectionIsNotEveryone(_ select: String) {
        #expect(throws: Problem.self) {
            try read(RolloutFile.self, #"{name: "a", product: "ruff", release: "1", select: \#(select)}"#).validate()
        }
    }

    @Test func numbersOutOfRangeAreRefused() throws {
        for lead in [-1, 10_081, Int.max] {
            #expect(throws: Problem.self) {
                try read(
                    RolloutFile.self,
                    #"{name: "a", product: "ruff", release: "1", select: {all: true}, leadMinutes: \#(lead)}"#
                ).validate()
            }
        }
        let bad = [
            TokenRequest(role: .hub), TokenRequest(role: .spoke, spoke: try NodeName("a")),
            TokenRequest(role: .agent, uses: 0),
            TokenRequest(role: .agent, uses: 10_001), TokenRequest(role: .agent, ttlSeconds: 59),
            TokenRequest(role: .agent, ttlSeconds: .max),
        ]
        for request in bad { #expect(throws: Problem.self) { try request.validate() } }
        try TokenRequest(role: .agent).validate()
    }

    @Test func labelsAreSetAndTakenAway() throws {
        let change = try read(ClientChange.self, #"{labels: {ring: "1", old: null}}"#)
        try change.validate()
        #expect(change.labels == ["ring": "1", "old": nil])
        for text in [#"{labels: {"a b": "1"}}"#, #"{labels: {a: "1\n2"}}"#, #"{labels: {"": "1"}}"#] {
            #expect(throws: Problem.self) { try read(ClientChange.self, text).validate() }
        }
        #expect(throws: Problem.self) { try ClientChange(labels: ["a": String(repeating: "x", count: 257)]).validate() }
        #expect(throws: Problem.self) {
            try ClientChange(labels: Dictionary(uniqueKeysWithValues: (0..<33).map { ("k\($0)", "v") })).validate()
        }
    }

    @Test func quotasAreNumbersOrText() throws {
        #expect(try read(PoolChange.self, #"{quota: 5}"#).quota?.bytes == 5)
        #expect(try read(PoolChange.self, #"{quota: "10GB"}"#).quota?.bytes == 10_000_000_000)
        #expect(try read(PoolChange.self, #"{access: "readOnly"}"#) == PoolChange(access: .readOnly))
        let bad = [
            #"{quota: -1}"#, #"{quota: "lots"}"#, #"{quota: null}"#, #"{}"#, #"{quota: 5, used: 1}"#,
            #"{quota: 5, access: "readOnly"}"#, #"{access: "never"}"#,
        ]
        for text in bad {
            #expect(throws: Problem.self) { try read(PoolChange.self, text) }
        }
    }

    @Test func aPageHasItsCursor() throws {
        let page = ListPage(
            items: [EventResource(sequence: 7, Event(time: .zero, severity: .info, code: .hubStarted, text: "up"))],
            next: "7")
        #expect(try JSONCoding.decode(ListPage<EventResource>.self, from: JSONCoding.encode(page)) == page)
    }
}
