internal import Content
internal import Model
internal import Protocol
internal import System
internal import Transport

/// Fetches one package from the spoke into the downloads folder, by the cheapest way: a patch of the installed release's content, the content, or
/// the published file.
///
/// Every way goes on where an attempt before broke off, and ends with bytes whose length and hash are signed, durable, under a name of
/// `PackageFiles`. A way that fails gives place to the last resort, in the same run: the published file or, on a machine that lacks the library to unpack
/// that, the content. The spoke is asked at each attempt, since it may no longer hold what was begun.
struct AgentDownload: Sendable {
    let files: PackageFiles
    let links: Links
    let queue: NamedQueue
    let bases: ReleaseBases
    let worker: ContentWorker
    /// Why the published file is of no use here, where it is not.
    let missing: MissingLibrary?
    /// Hears how the package came, where not simply as its file, and why a cheaper way was not taken.
    let say: @Sendable (EventSeverity, String) -> Void

    init(
        files: PackageFiles, links: Links, queue: NamedQueue, bases: ReleaseBases, worker: ContentWorker,
        say: @escaping @Sendable (EventSeverity, String) -> Void
    ) {
        self.files = files
        self.links = links
        self.queue = queue
        self.bases = bases
        self.worker = worker
        self.say = say
        missing = MissingLibrary(for: files.package.content.coding)
    }

    private var package: Package { files.package }
    private var content: ContentIdentity {
        ContentIdentity(length: package.content.length.bytes, sha256: package.content.sha256)
    }

    /// A way that was of no use; the last resort may be.
    private struct Useless: Error {
        let why: String
        /// What the spoke answered, if that was it.
        var refusal: ErrorReply?
    }

    /// What the spoke answered to the question for a plan.
    private enum Answer {
        case plan(DownloadPlan)
        /// It has no plan, and why; nil where it was not asked, or knows no plans.
        case none(ErrorReply?)
    }

    func run(from link: LinkID) async -> DownloadOutcome {
        do {
            return try await missing == nil ? takeAny(link) : takeUnpacked(link)
        } catch {
            return .failed("\(error)")
        }
    }

    private func takeAny(_ link: LinkID) async throws -> DownloadOutcome {
        let files = files
        if await queue.run({ files.archive }) != nil { return .complete }
        var plan = DownloadPlan.published
        if case .plan(let planned) = try await ask(link) { plan = planned }
        do {
            let begun = try await queue.run { try files.begun }
            if plan.isWorseThan(begun: begun, of: package) {
                do {
                    return try await takePublished(link)
                } catch let useless as Useless {
                    say(.info, "\(package.path) is not gone on with as its published file: \(useless.why)")
                }
            }
            if let outcome = try await follow(plan, link) { return outcome }
        } catch let useless as Useless {
            say(.warning, "\(package.path) comes as its published file: \(useless.why)")
        }
        do {
            return try await takePublished(link)
        } catch let useless as Useless {
            return useless.refusal.map { DownloadOutcome($0) } ?? .failed(useless.why)
        }
    }

    /// The published file cannot be unpacked here: whatever way gives the content.
    private func takeUnpacked(_ link: LinkID) async throws -> DownloadOutcome {
        guard let missing else { return try await takeAny(link) }
        let files = files
        // One that came while the library was there is of no use any more.
        if await queue.run({ File.exists(files.content) }) { return .complete }
        var isOlder = false
        do {
            switch try await ask(link) {
            case .plan(.published): isOlder = true
            case .plan(.content): break
            case .plan(let plan):
                if let outcome = try await follow(plan, link) { return outcome }
            case .none(let refusal?) where refusal.code == .unsupported: isOlder = true
            case .none(let refusal?) where refusal.code == .busy: return DownloadOutcome(refusal)
            case .none(let refusal): return .failed(missing.advice(refusal?.text ?? "it gives no plan"))
            }
        } catch let useless as Useless {
            say(.warning, "\(package.path) comes as its content: \(useless.why)")
        }
        do {
            return try await takeContent(link)
        } catch let useless as Useless {
            guard let refusal = useless.refusal else { return .mismatch }
            // An older spoke holds the content or will never have it.
            guard refusal.code == .busy, !isOlder else { return .failed(missing.advice(refusal.text)) }
            return DownloadOutcome(refusal)
        }
    }

    /// What is left of other ways goes.
    private func done(
        _ means: TransferMeans = .published, _ length: ByteCount = .zero
    ) async throws -> DownloadOutcome {
        let files = files
        try await queue.run { try files.removeRest() }
        if means != .published {
            say(.info, "\(package.path) came as its \(means.name): \(length) instead of \(ByteCount(package.length))")
        }
        return .complete
    }

    // MARK: Plan

    private func ask(_ link: LinkID) async throws -> Answer {
        let (files, bases) = (files, bases)
        // A base that cannot be looked at is none.
        let base = await queue.run { try? bases.base(of: files.package.path.product) }
        let accepts = DownloadPlan.accepts(package, hasBase: base != nil, canPatch: ContentWorker.canPatch)
        guard !accepts.isEmpty else { return .none(nil) }
        let ask = FetchPlan(
            path: package.path, sha256: package.sha256, length: package.length,
            bases: base.map { [$0.identity.sha256] } ?? [], accepts: accepts, isUnpackedOnly: missing != nil)
        let answer: Message
        do {
            answer = try await links.request(link, .fetchPlan(ask))
        } catch {
            // An older spoke knows no plans; whatever else it has to say is said again about the file.
            if case .answered(let refusal) = error { return .none(refusal) }
            throw error
        }
        guard case .plan(let plan) = answer else { return .none(nil) }
        return .plan(DownloadPlan.judge(plan, for: package, base: base, accepts: accepts))
    }

    /// Goes the planned way; nil where that is the published file.
    private func follow(_ plan: DownloadPlan, _ link: LinkID) async throws -> DownloadOutcome? {
        switch plan {
        case .published: return nil
        case .refused(let why): throw Useless(why: why)
        case .content: return try await takeContent(link)
        case .patch(let patch, let base):
            try await fetch(patch, to: files.patch(patch.sha256), link)
            try await apply(patch, base)
            return try await done(.patch, ByteCount(patch.length))
        }
    }

    // MARK: Ways

    private func takeContent(_ link: LinkID) async throws -> DownloadOutcome {
        let files = files
        // A published file that was begun is given up, so that the two do not take the disk together.
        try await queue.run { try files.removePublished() }
        try await fetch(content, to: files.content, link)
        return try await done(.content, package.content.length)
    }

    private func takePublished(_ link: LinkID) async throws -> DownloadOutcome {
        do {
            try await fetch(
                ContentIdentity(length: package.length, sha256: package.sha256), to: files.published, link)
        } catch let error as AgentError where error.code == .hashMismatch {
            return .mismatch
        }
        return try await done()
    }

    /// Fetches bytes of this hash into a file, which gets its name when they are all there, right and durable.
    private func fetch(_ object: ContentIdentity, to final: String, _ link: LinkID) async throws {
        let path = package.path
        guard let file = try await queue.run({ try PartFile(final: final, object: object) }) else { return }
        if file.offset < object.length {
            let request = FetchPackage(
                path: path, sha256: object.sha256, length: object.length, offset: file.offset)
            let priority: Priority = package.metadata.severity == .hotfix ? .urgent : .normal
            do {
                _ = try await links.fetch(
                    link, .fetchPackage(request), priority: priority, limit: object.length,
                    into: .writer(queue) { bytes, offset in try file.write(bytes, at: offset) })
            } catch {
                switch error {
                case .answered(let reply): throw Useless(why: reply.text, refusal: reply)
                case .tooLong, .unexpectedAnswer: throw Useless(why: "\(error)")
                default: throw error
                }
            }
        }
        let isPublished = object.sha256 == package.sha256
        try await queue.run {
            do {
                try file.finish()
            } catch let error as AgentError where error.code == .hashMismatch {
                if isPublished { throw error }
                throw Useless(why: "what came has another hash than was planned")
            }
        }
    }

    /// Makes the content of the base in a limited child, verifies it when the child is gone, and names it.
    private func apply(_ patch: ContentIdentity, _ base: ReleaseBases.Base) async throws {
        let download = self
        let cancellation = Cancellation()
        try await withTaskCancellationHandler {
            try await queue.run {
                do {
                    try download.make(patch, base, cancellation)
                } catch let error as ContentError where error.code == .cancelled {
                    throw error
                } catch {
                    download.forget(patch)
                    throw Useless(why: "the patch could not be used: \(error)")
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
    }

    private func make(_ patch: ContentIdentity, _ base: ReleaseBases.Base, _ cancellation: Cancellation) throws {
        let patchFile = try FileDescriptor.open(files.patch(patch.sha256), [.read, .noFollow])
        let old = try FileDescriptor.open(base.path, [.read, .noFollow])
        let output = try FileDescriptor.open(files.made, [.readWrite, .create, .truncate, .noFollow])
        try worker.fillByPatch(
            patchFile, old: old, expecting: (base.identity, content), into: output, cancellation: cancellation)
        try TreeInstaller.verify(output, content, of: package.path)
        try output.synchronize()
        try File.rename(files.made, to: files.content)
    }

    /// Whichever of patch and base was wrong, neither is taken again.
    private func forget(_ patch: ContentIdentity) {
        // The error that is told is why; what cannot be removed goes with the action.
        _ = try? File.remove(files.made)
        _ = try? File.remove(files.patch(patch.sha256))
        try? bases.remove(package.path.product)
    }
}

/// A file that comes in pieces; `.part` stands at the end of its name until it is whole.
private final class PartFile: Sendable {
    private let file: FileDescriptor
    private let final: String
    private let object: ContentIdentity
    /// What is there already.
    let offset: UInt64

    /// Nil when the whole file is there from an attempt before.
    init?(final: String, object: ContentIdentity) throws {
        try Directory.create(Directory.parent(of: final), mode: 0o700)
        if File.exists(final) { return nil }
        file = try FileDescriptor.open(PackageFiles.part(final), [.readWrite, .create, .noFollow])
        let size = UInt64(clamping: try file.status().size)
        if size > object.length { try file.truncate(to: 0) }
        offset = size > object.length ? 0 : size
        self.final = final
        self.object = object
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        guard let end = Int64(exactly: offset).map({ $0.addingReportingOverflow(Int64(bytes.count)) }),
            !end.overflow, end.partialValue <= Int64(clamping: object.length)
        else { throw AgentError(.peer, "the spoke sends more than the package") }
        try file.write(bytes, at: Int64(clamping: offset))
    }

    /// Checks the bytes through the descriptor they were written to, and gives the file its name; wrong ones are removed.
    func finish() throws {
        guard UInt64(clamping: try file.status().size) == object.length else {
            throw AgentError(.peer, "the transfer ended before the package was complete")
        }
        do {
            try TreeInstaller.verify(file, object)
        } catch let error as AgentError where error.code == .hashMismatch {
            try File.remove(PackageFiles.part(final))
            throw error
        }
        try file.synchronize()
        try File.rename(PackageFiles.part(final), to: final)
    }
}
