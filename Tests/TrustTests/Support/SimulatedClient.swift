import Codec
import Model
import Trust

/// A client with a folder in memory, which can be cut off before any of its writes.
struct SimulatedClient {
    /// The folder, by file name.
    var folder: [String: [UInt8]] = [:]
    var bootstrap: [UInt8]?
    var now = RepositorySimulator.now
    var verifier: any SignatureVerifier = FakeVerifier()
    var limits = MetadataLimits()
    /// Every load, fetch, persist and delete of the last run, in order.
    var trace: [String] = []
    /// What the last run trusted in the end.
    var outcome: RefreshOutcome?

    /// Power is cut before this write (0 is the first).
    struct Cut: Error {}

    init(_ repository: RepositorySimulator, root: String = "1.root.json") {
        bootstrap = repository.files[root]
    }

    /// Runs to the end. `cutAt` cuts before that write; `answer` may answer a fetch in the repository's place.
    mutating func refresh(
        _ repository: RepositorySimulator, _ goal: RefreshWorkflow.Goal = .refresh,
        from source: RefreshWorkflow.Source = .repository, cutAt: Int? = nil,
        answer: (String, Int) -> RefreshAnswer? = { _, _ in nil }
    ) throws {
        let workflow = RefreshWorkflow(
            goal, from: source, bootstrapRoot: bootstrap, startTime: now, verifier: verifier,
            digester: TestDigester(), limits: limits)
        try run(workflow, repository, cutAt, answer)
    }

    /// Looks for one more target with what is trusted.
    mutating func find(_ path: String, _ repository: RepositorySimulator) throws {
        guard let trusted = outcome?.trusted else { throw Cut() }
        try run(RefreshWorkflow(finding: JSONText(path), in: trusted), repository, nil, { _, _ in nil })
    }

    private mutating func run(
        _ start: RefreshWorkflow, _ repository: RepositorySimulator, _ cutAt: Int?,
        _ answer: (String, Int) -> RefreshAnswer?
    ) throws {
        var workflow = start
        trace = []
        outcome = nil
        var writes = 0
        func checkCut() throws {
            if writes == cutAt { throw Cut() }
            writes += 1
        }
        var step = try workflow.start()
        while true {
            switch step {
            case .load(let file):
                trace.append("load \(file.fileName)")
                step = try workflow.resume(folder[file.fileName].map { .bytes($0) } ?? .notFound)
            case .fetch(let name, let limit):
                trace.append("fetch \(name)")
                if let given = answer(name, limit) {
                    step = try workflow.resume(given)
                } else if let bytes = repository.files[name] {
                    step = try workflow.resume(bytes.count <= limit ? .bytes(bytes) : .tooLarge)
                } else {
                    step = try workflow.resume(.notFound)
                }
            case .persist(let file, let bytes):
                try checkCut()
                trace.append("persist \(file.fileName)")
                folder[file.fileName] = bytes
                step = try workflow.resume(.stored)
            case .delete(let file):
                try checkCut()
                trace.append("delete \(file.fileName)")
                folder[file.fileName] = nil
                step = try workflow.resume(.stored)
            case .done(let outcome):
                self.outcome = outcome
                return
            }
        }
    }

    /// The error of a run, or nil when it went well.
    mutating func refusal(
        _ repository: RepositorySimulator, _ goal: RefreshWorkflow.Goal = .refresh,
        from source: RefreshWorkflow.Source = .repository, answer: (String, Int) -> RefreshAnswer? = { _, _ in nil }
    ) -> MetadataError.Code? {
        do {
            try refresh(repository, goal, from: source, answer: answer)
            return nil
        } catch let error as MetadataError {
            return error.code
        } catch {
            return .wrongOrder
        }
    }

    /// What was fetched in the last run.
    var fetched: [String] { trace.filter { $0.hasPrefix("fetch ") }.map { String($0.dropFirst(6)) } }
    /// What was written or deleted in the last run.
    var written: [String] { trace.filter { $0.hasPrefix("persist ") || $0.hasPrefix("delete ") } }
}
