package import Model
package import System
package import Trust

/// Runs TUF's client workflow for a daemon: its metadata folder on a named queue, the repository through a function.
///
/// Hub, spoke and agent differ in `fetch` only: HTTP, the session with the hub, the session with the spoke. One run at a time.
package final class MetadataRefresher: Sendable {
    /// Fetches a repository file by its exact name, at most that many bytes; never throws, every end is an answer.
    package typealias Fetch = @Sendable (_ name: String, _ maximumLength: Int) async -> RefreshAnswer

    private let folder: MetadataFolder
    private let queue: NamedQueue
    private let verifier: any SignatureVerifier
    private let digester: any Digester

    package init(
        folder: MetadataFolder, queue: NamedQueue, verifier: any SignatureVerifier = OpenSSLVerifier(),
        digester: any Digester = OpenSSLDigester()
    ) {
        self.folder = folder
        self.queue = queue
        self.verifier = verifier
        self.digester = digester
    }

    /// Runs the workflow to its end. `bootstrapRoot` is the vendor's root that this machine was given; `now` is the start
    /// time of TUF 5.1, never before the last signed time seen.
    ///
    /// Throws `MetadataError` (what it persisted before is good) or `SystemError` of the folder.
    package func run(
        _ goal: RefreshWorkflow.Goal, from source: RefreshWorkflow.Source = .repository, bootstrapRoot: [UInt8]?,
        now: UnixTime, fetch: Fetch
    ) async throws -> RefreshOutcome {
        let folder = self.folder
        var workflow = RefreshWorkflow(
            goal, from: source, bootstrapRoot: bootstrapRoot, startTime: now, verifier: verifier, digester: digester)
        var step = try workflow.start()
        var hasSeries = false
        while true {
            if case .persist(.targets, _) = step { hasSeries = true }
            switch step {
            case .done(let outcome):
                if hasSeries { try await queue.run { try folder.synchronize() } }
                return outcome
            case .fetch(let name, let maximumLength):
                step = try workflow.resume(await fetch(name, maximumLength))
            default:
                let wanted = step
                let answer = try await queue.run { try folder.answer(wanted) }
                step = try workflow.resume(answer ?? .notFound)
            }
        }
    }
}
