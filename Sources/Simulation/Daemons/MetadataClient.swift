internal import Codec
internal import Model
internal import Protocol
internal import Trust

/// A daemon's metadata folder and its runs of the real TUF workflow, one at a time.
final class MetadataClient {
    typealias FetchFile = (_ name: String, _ limit: Int, _ done: @escaping (RefreshAnswer) -> Void) -> Void
    typealias Done = (Result<RefreshOutcome, MetadataError>) -> Void

    private struct Run {
        let workflow: RefreshWorkflow
        let fetch: FetchFile
        let done: Done
    }

    /// On the disk: survives a crash, each file whole.
    private(set) var folder: [MetadataFile: [UInt8]] = [:]
    private let root: [UInt8]
    private var queue: [Run] = []
    private var isRunning = false
    private var life = 0
    /// The files of the state that the last run trusted, for others: the folder runs ahead while the next run is under way. In memory only.
    private var served: [MetadataFile: [UInt8]] = [:]
    /// What the last run trusted; in memory only.
    private(set) var trusted: TrustedMetadata?
    /// Hears of every trusted state.
    var onTrusted: (TrustedMetadata) -> Void = { _ in }

    init(root: [UInt8]) {
        self.root = root
    }

    /// The process is gone, and with it all that was under way.
    func crash() {
        life += 1
        queue = []
        isRunning = false
        trusted = nil
        served = [:]
    }

    func run(
        _ goal: RefreshWorkflow.Goal, from source: RefreshWorkflow.Source, at now: UnixTime, fetch: @escaping FetchFile,
        done: @escaping Done
    ) {
        queue.append(
            Run(
                workflow: RefreshWorkflow(
                    goal, from: source, bootstrapRoot: root, startTime: now, verifier: SimulatedVerifier(),
                    digester: SimulatedDigester()), fetch: fetch, done: done))
        next()
    }

    private func next() {
        guard !isRunning, !queue.isEmpty else { return }
        isRunning = true
        let run = queue.removeFirst()
        go(on: run.workflow, nil, run)
    }

    private func go(on workflow: RefreshWorkflow, _ first: RefreshAnswer?, _ run: Run) {
        var workflow = workflow
        var answer = first
        do {
            while true {
                let step = try answer.map { try workflow.resume($0) } ?? workflow.start()
                switch step {
                case .load(let file): answer = folder[file].map { .bytes($0) } ?? .notFound
                case .persist(let file, let bytes):
                    folder[file] = bytes
                    answer = .stored
                case .delete(let file):
                    folder[file] = nil
                    answer = .stored
                case .fetch(let name, let limit):
                    let (paused, life) = (workflow, life)
                    return run.fetch(name, limit) { [weak self] answer in
                        guard let self, self.life == life else { return }
                        self.go(on: paused, answer, run)
                    }
                case .done(let outcome):
                    trusted = outcome.trusted
                    served = folder
                    onTrusted(outcome.trusted)
                    return finish(run, .success(outcome))
                }
            }
        } catch let error as MetadataError {
            finish(run, .failure(error))
        } catch {
            finish(run, .failure(MetadataError(.unreachable, role: .root, "\(error)")))
        }
    }

    private func finish(_ run: Run, _ result: Result<RefreshOutcome, MetadataError>) {
        isRunning = false
        run.done(result)
        next()
    }

    /// The file of that name at the repository, as it was received.
    func file(named name: String) -> [UInt8]? { trusted?.storedFile(forRemoteName: name).flatMap { served[$0] } }

    /// The hashes of all roots that were ever trusted here.
    func roots() throws -> Set<SHA256Digest> {
        let kept = folder.filter { if case .rootVersion = $0.key { true } else { $0.key == .root } }.map(\.value)
        return Set(try (kept + [root]).map { try SHA256Digest(bytes: SimulatedDigester().sha256($0)) })
    }

    /// The package that the trusted targets name at a path.
    static func package(_ path: TargetPath, in trusted: TrustedMetadata) throws -> Package? {
        guard case .found(let target) = try trusted.search(JSONText(path.description)) else { return nil }
        return try Package(target.file)
    }

    /// A fetch of metadata over a link.
    static func fetch(_ name: String, _ limit: Int, over end: LinkEnd?, _ done: @escaping (RefreshAnswer) -> Void) {
        guard let end else { return done(.failed("no link")) }
        var bytes: [UInt8] = []
        end.fetch(
            .fetchMetadata(FetchMetadata(name: name)), .control,
            Fetch(limit: UInt64(limit)) { piece, _ in
                bytes += piece
                return true
            } finished: { outcome in
                switch outcome {
                case .done: done(.bytes(bytes))
                case .answered(let reply) where reply.code == .notFound: done(.notFound)
                case .tooLong: done(.tooLarge)
                case .timedOut: done(.tooSlow)
                case .answered(let reply): done(.failed(reply.text))
                case .failed(let why): done(.failed(why))
                }
            })
    }
}
