internal import Identity
internal import Model
internal import Network
internal import System

/// `axle-spoke import`: takes a bundle into the spoke's pool, by the spoke itself while it runs, by this program when it does not.
///
/// Cut off at any point, the same command finishes it.
enum SpokeImportCommand {
    /// How long a running spoke may say nothing before it is given up.
    private static let patience = Duration.seconds(30)

    /// Why it was not done.
    private struct Refusal: Error, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        let state = try invocation.required("state")
        // A relative path means another thing to the spoke.
        let bundle = try Directory.absolute(try invocation.requiredOperand(0))
        guard try File.status(bundle)?.kind == .folder else { throw UsageError("there is no bundle at \(bundle)") }
        let report: SpokeImportReport
        if let own = try await take(bundle, state, streams) {
            report = own
        } else {
            report = try await ask(bundle, state, streams)
        }
        return tell(report, invocation, streams)
    }

    /// Takes it here; nil while the spoke runs.
    private static func take(
        _ bundle: String, _ state: String, _ streams: ProgramStreams
    ) async throws -> SpokeImportReport? {
        let folder: StateFolder
        do {
            folder = try StateFolder.open(state, kind: SpokeState.kind, version: SpokeState.version, task: "import")
        } catch StateFolder.Failure.locked {
            return nil
        }
        // The lock is the folder's as long as it lives.
        defer { withExtendedLifetime(folder) {} }
        let keeper = try IdentityKeeper(folder: SpokeState.identity(folder))
        let shell = try SpokeShell(
            folder: folder, keeper: keeper,
            clock: ClockFloor(seconds: keeper.signedTime, system: { SystemClock.nowMilliseconds }),
            group: try EventLoopGroup(count: 1), program: "axle-spoke/\(SpokeProgram.version)",
            child: CurrentProcess.program, messages: { streams.message($0) },
            fatal: {
                // Nothing of the bundle can be noted any more.
                streams.message("axle-spoke import: \($0)")
                CurrentProcess.exit(1)
            })
        await shell.start()
        let report = await shell.importBundle(bundle) { _ in }
        try ImportDrop(folder: SpokeState.imports(state)).remove()
        return report
    }

    /// Has the running spoke take it, and waits.
    private static func ask(
        _ bundle: String, _ state: String, _ streams: ProgramStreams
    ) async throws -> SpokeImportReport {
        let drop = ImportDrop(folder: SpokeState.imports(state))
        if let other = try drop.request() {
            guard other.bundle == bundle else {
                throw Refusal("the spoke is importing \(other.bundle); wait until it is done")
            }
        }
        var random = SystemRandom()
        let id = (0..<2).map { _ in
            let digits = String(random.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        try drop.ask(.init(id: id, bundle: bundle))
        streams.message("the spoke takes it")
        var last: SpokeImportReport?
        var heard = SystemClock.uptime
        while true {
            try await Task.sleep(for: .milliseconds(200))
            let report = try drop.report(id)
            if let report, !report.isRunning {
                try drop.removeReport(id)
                return report
            }
            if report != last {
                last = report
                heard = SystemClock.uptime
            }
            // One large package says nothing for long; a spoke that has not begun never will.
            guard last == nil, SystemClock.uptime - heard > patience else {
                guard SystemClock.uptime - heard > .seconds(5), let own = try await take(bundle, state, streams) else {
                    continue
                }
                try drop.removeReport(id)
                return own
            }
            try drop.remove()
            throw Refusal(
                "the running spoke does not take bundles; is it of this release? Restart it, or stop it first")
        }
    }

    private static func tell(
        _ report: SpokeImportReport, _ invocation: CommandInvocation, _ streams: ProgramStreams
    ) -> Int32 {
        let isWhole = report.refused == nil && report.missing.isEmpty && report.problems.isEmpty
        // The medium's names and texts: one line each, whatever they hold.
        func line(_ text: String) -> String { Event.singleLine(text, limit: 2048) }
        for path in report.taken { streams.line(line(path)) }
        if let why = report.refused {
            streams.message("axle-spoke import: \(line(why))")
            return 1
        }
        for path in report.missing { streams.message("axle-spoke import: missing: \(line(path))") }
        for problem in report.problems { streams.message("axle-spoke import: \(line(problem))") }
        let left = report.missing.count + report.problems.count
        streams.message(
            "\(report.taken.count) packages imported, \(report.alreadyThere) were there already, \(left) are not")
        return isWhole ? 0 : 1
    }
}
