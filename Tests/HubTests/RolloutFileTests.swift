import API
import Codec
import Hub
import Model
import Rollout
import Testing

/// A rollout as a person writes it, as the hub keeps it, and as it is shown again.
struct RolloutFileTests {
    private func file(alter: (inout RolloutFile) throws -> Void = { _ in }) throws -> RolloutFile {
        var file = RolloutFile(
            name: try name("second"), product: try ProductName("ruff"), release: try ReleaseName("1.0"),
            select: SelectFile(all: true), leadMinutes: 60, restart: .allowed)
        try alter(&file)
        return file
    }

    @Test func aFileIsShownAsItWasWritten() throws {
        let files = [
            try file(),
            try file { $0.window = .once(try TimeSpan(start: at(10), end: at(20))) },
            try file { $0.window = .daily(from: "22:00", to: "05:00", days: ["mon"], timeZone: "Europe/Berlin") },
            try file {
                $0.select = SelectFile(
                    names: [try name("b"), try name("a")], labels: ["k": "v"], spokes: [try name("s")])
                $0.start = at(5)
                $0.restart = .never
                $0.operatorSignature = true
                $0.errors = []
            },
        ]
        for file in files { #expect(try RolloutSpecification(file).file == file) }
    }

    /// What the file takes the hub takes, and what the file refuses the hub refuses.
    @Test(arguments: [-1, 0, 60, 10_080, 10_081, 43_200])
    func theFileAndTheHubHaveTheSameLimits(lead: Int) throws {
        let world = try HubWorld()
        _ = try world.running()
        let file = try file { $0.leadMinutes = lead }
        let isTaken = RolloutLimits.leadMinutes.contains(lead)
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        if isTaken {
            try file.validate()
            #expect(try queries.plan(RolloutSpecification(file), at: world.now).candidates.count == 1)
        } else {
            let problem = #expect(throws: Problem.self) { try file.validate() }
            let error = #expect(throws: RolloutError.self) {
                try queries.plan(RolloutSpecification(file), at: world.now)
            }
            #expect(problem?.detail == "leadMinutes must be 0 to 10080 (7 days)")
            #expect(error?.description == problem?.detail)
        }
    }

    /// Databases of earlier releases have this text.
    @Test func theNamesInTheDatabaseStay() throws {
        let specification = RolloutSpecification(
            name: "first", product: try ProductName("ruff"), release: try ReleaseName("1.0"),
            target: Selection(names: [try name("b"), try name("a")], labels: ["k": "v"], spokes: [try name("s")]),
            window: .daily(from: "22:00", to: "05:00", days: ["mon"], timeZone: "UTC"), leadMinutes: 5,
            restartAllowed: false,
            waves: [
                WaveShape(size: .count(3), soakSeconds: 60), WaveShape(size: .percent(10)), WaveShape(size: .rest),
            ])
        let text = """
            {"leadMinutes":5,"name":"first","product":"ruff","release":"1.0","restartAllowed":false,"target":{"all":false,\
            "labels":{"k":"v"},"names":["b","a"],"spokes":["s"]},"waves":[{"size":{"count":{"_0":3}},"soakSeconds":60},\
            {"size":{"percent":{"_0":10}},"soakSeconds":0},{"size":{"rest":{}},"soakSeconds":0}],"window":{"daily":\
            {"days":["mon"],"from":"22:00","timeZone":"UTC","to":"05:00"}}}
            """
        #expect(String(decoding: try JSONCoder.encode(specification), as: UTF8.self) == text)
    }
}
