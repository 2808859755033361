package import System

/// The program `axle-sim`: runs whole fleets under seeded faults; its exit status is 1 when an invariant did not hold.
package enum SimulationProgram {
    static let specification = CommandSpecification(
        "axle-sim", "Runs a whole fleet in one process, with faults drawn from a seed, and checks its invariants",
        details: "The same seed replays the same run. Without --seed the seeds count from 1.",
        options: [
            .value("seed", "N", "the first seed (default 1)"),
            .value("runs", "N", "how many seeds, one after the other (default 1)"),
            .value("events", "N", "events after which a run counts as without end (default 2000000)"),
            .value("mutation", "NAME", "break this rule on purpose; its check must see it"),
            .value("members", "N", "send N messages of hostile members to the daemons' cores instead"),
            .path("folder", "DIR", "where --members puts its databases; a new folder"),
            .flag("trace", "print every line of the trace"),
            .flag("json", "print one JSON object for each run"),
        ])

    /// Runs the program with the arguments after its name; gives the exit status.
    package static func main(_ arguments: [String], _ streams: ProgramStreams) -> Int32 {
        switch specification.read(arguments, version: "0.1.0", streams) {
        case .done(let status): return status
        case .run(let invocation):
            do {
                return try run(invocation, streams)
            } catch let error as UsageError {
                streams.message("axle-sim: \(error.message)")
                return 2
            } catch {
                streams.message("axle-sim: \(error)")
                return 1
            }
        }
    }

    private static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let first = try number("seed", 1, invocation)
        let runs = try number("runs", 1, invocation)
        let events = try number("events", 2_000_000, invocation)
        var mutation: Mutation?
        if let name = invocation.value("mutation") {
            mutation = Mutation(rawValue: name)
            let all = Mutation.allCases.map(\.rawValue).joined(separator: ", ")
            guard mutation != nil else { throw UsageError("--mutation is one of \(all)") }
        }
        if invocation.value("members") != nil {
            let messages = try number("members", 0, invocation)
            guard let folder = invocation.value("folder"), !File.exists(folder) else {
                throw UsageError("--members needs --folder with the name of a folder that is not there yet")
            }
            try Directory.create(folder)
            try MemberFuzz.run(seed: first, messages: Int(clamping: messages), folder: folder) { streams.line($0) }
            return 0
        }
        let isJSON = invocation.isSet("json")
        for offset in 0..<runs {
            var configuration = FleetConfiguration(seed: first &+ offset)
            configuration.eventLimit = Int(clamping: events)
            configuration.mutation = mutation
            if !isJSON { streams.line("seed \(configuration.seed)") }
            let echo: ((String) -> Void)? = invocation.isSet("trace") ? { streams.line($0) } : nil
            let summary = try Fleet(configuration, echo: echo).run()
            streams.line(isJSON ? summary.json : summary.text)
            if summary.breach != nil { return 1 }
        }
        return 0
    }

    private static func number(_ option: String, _ standard: UInt64, _ invocation: CommandInvocation) throws -> UInt64 {
        guard let text = invocation.value(option) else { return standard }
        guard let number = UInt64(text) else { throw UsageError("--\(option) is a number, not '\(text)'") }
        return number
    }
}

extension ContentTally {
    /// For people: what is not zero.
    var text: String { figures.filter { $0.count > 0 }.map { "\($0.name) \($0.count)" }.joined(separator: ", ") }
}

extension SimulationSummary {
    /// For people.
    var text: String {
        var lines = [
            "  \(events) events in \(virtualSeconds) virtual seconds; \(cuts) cuts, \(crashes) kills, \(powerCuts) power cuts, "
                + "\(diskFulls) full disks",
            "  \(installs) installs begun, \(succeeded) actions succeeded, \(refused) refused; trace \(String(digest, radix: 16))",
        ]
        lines.append("  \(content.text)")
        if let breach {
            lines += tail.map { "  | \($0)" }
            lines.append("\(breach.invariant) did not hold with seed \(seed): \(breach.text)")
        }
        return lines.joined(separator: "\n")
    }

    /// One line for programs.
    var json: String {
        var members = [
            "\"seed\":\(seed)", "\"events\":\(events)", "\"virtualSeconds\":\(virtualSeconds)",
            "\"installs\":\(installs)",
            "\"succeeded\":\(succeeded)", "\"refused\":\(refused)", "\"cuts\":\(cuts)", "\"crashes\":\(crashes)",
            "\"powerCuts\":\(powerCuts)", "\"diskFulls\":\(diskFulls)", "\"digest\":\"\(String(digest, radix: 16))\"",
        ]
        members += content.figures.map { "\"\($0.name)\":\($0.count)" }
        if let breach {
            members.append("\"invariant\":\(breach.invariant.rawValue)")
            members.append("\"breach\":\(Self.quoted(breach.text))")
            members.append("\"tail\":[\(tail.map(Self.quoted).joined(separator: ","))]")
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
