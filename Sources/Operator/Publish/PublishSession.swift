import Codec
import Identity
import Model
import System
import TLS
import Trust

/// One command of `axle publish` at work: the folder, the keys, the catalog as it is, and what there is to tell.
struct PublishSession {
    let folder: PublishFolder
    let keys: PublishKeys
    let keysFolder: String
    let invocation: CommandInvocation
    let context: OperatorContext
    let isDryRun: Bool
    var report = PublishReport()

    /// Opens folder and keys; the catalog is read by `repository`.
    init(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        self.invocation = invocation
        self.context = context
        isDryRun = invocation.isSet("dry-run")
        keysFolder = try invocation.required("keys")
        folder = try PublishFolder(invocation.requiredOperand(0), keys: keysFolder)
        keys = PublishKeys(folder.keys, passphrase: Passphrase(invocation, context), isDryRun: isDryRun)
        if isDryRun { report.dryRun = true }
    }

    /// The catalog and the draft that waits; with `isDraftIgnored` only what is published.
    func repository(isDraftIgnored: Bool = false) throws -> Repository {
        let files = try folder.metadataFiles()
        let pending = isDraftIgnored ? [:] : try folder.pendingFiles()
        guard folder.isPublished || pending["root.json"] != nil else {
            throw OperatorError(
                "there is no catalog in \(folder.path)",
                next: "Make one with 'axle publish init \(folder.path) --keys DIR'.")
        }
        return try Repository(
            files: files, pending: pending, lifetimes: try lifetimes(), verifier: OpenSSLVerifier(),
            digester: OpenSSLDigester())
    }

    func lifetimes() throws -> Lifetimes {
        var lifetimes = Lifetimes()
        if let signed = try time("expires") { lifetimes.signed = signed }
        if let timestamp = try time("timestamp-expires") { lifetimes.timestamp = timestamp }
        return lifetimes
    }

    func time(_ name: String) throws -> Duration? {
        guard let text = invocation.value(name) else { return nil }
        guard let seconds = Wording.seconds(text), seconds > 0 else {
            throw UsageError("--\(name) is a time such as 30d, not '\(text)'")
        }
        return .seconds(seconds)
    }

    func number(_ name: String) throws -> Int? {
        guard let text = invocation.value(name) else { return nil }
        guard let number = Int(text), (1...100).contains(number) else {
            throw UsageError("--\(name) is a number from 1 to 100, not '\(text)'")
        }
        return number
    }

    var keyKind: KeyKind { invocation.value("key-type") == "ecdsa" ? .p256 : .ed25519 }

    // MARK: Keeping and publishing

    /// Tells of a change, in a sentence.
    mutating func changed(_ text: String) {
        report.changes = (report.changes ?? []) + [text]
        if !isJSON { context.streams.message(isDryRun ? "Would be done: \(text)" : text) }
    }

    /// Tells of what the command does and its user may not mean.
    mutating func warn(_ text: String) {
        report.warnings = (report.warnings ?? []) + [text]
        if !isJSON { context.streams.message("axle: warning: \(text)") }
    }

    /// Keeps edits until they are signed.
    func keep(_ repository: inout Repository) throws {
        guard repository.hasChanges else { return }
        _ = try repository.addSignatures(of: [], at: context.now())
        if !isDryRun { try folder.keep(repository.pendingFiles) }
    }

    /// Signs with the keys that are here; publishes what is complete, keeps what is not. The exit status.
    mutating func sign(_ repository: inout Repository) throws -> Int32 {
        let before = repository.signingStatus.reduce(0) { $0 + $1.signed.count }
        // Makes the documents, so that it is known whose keys they need.
        _ = try repository.addSignatures(of: [], at: context.now())
        let signers = try keys.signers(for: repository.neededKeys)
        let waits = try repository.addSignatures(of: signers, at: context.now())
        let added = repository.signingStatus.reduce(0) { $0 + $1.signed.count } - before
        let pending = repository.pendingFiles
        if !isDryRun, !pending.isEmpty { try folder.keep(pending) }
        report.waiting = pending.isEmpty ? nil : repository.signingStatus.map { .init($0) }
        guard waits.isEmpty, !folder.isStaged else { return staged(added: added, isComplete: waits.isEmpty) }
        guard case .published(let files) = try repository.sign(with: signers, at: context.now()) else { return 1 }
        report.waiting = nil
        try publish(files, repository)
        if !isDryRun { try folder.forgetPending() }
        return 0
    }

    /// Writes what is complete and says until when it is good.
    mutating func publish(_ files: [Repository.PublishedFile], _ repository: Repository) throws {
        if !isDryRun { try folder.publish(files) }
        report.published = files.map(\.name)
        report.expires = Dictionary(
            repository.expiries.map { ($0.key.string, $0.value) }, uniquingKeysWith: { first, _ in first })
        guard !isJSON else { return }
        for file in files { context.streams.line(file.name) }
        guard let expires = repository.expiries[.timestamp] else { return }
        context.streams.message(isDryRun ? "Would be published." : "Published; sign again before \(expires).")
        for (role, time) in repository.expiries.sorted(by: { $0.key < $1.key }) where time < expires {
            context.streams.message(
                "axle: role \(role) expires before the timestamp, at \(time): "
                    + "axle publish extend \(folder.path) \(role) --keys \(folder.keys)")
        }
    }

    private func staged(added: Int, isComplete: Bool) -> Int32 {
        if !isJSON {
            tellWaiting()
            if folder.isStaged {
                context.streams.message(
                    isComplete
                        ? "Every signature is there; publish where the catalog is, with --staged \(folder.path)."
                        : "Bring \(folder.path) to the holders of the other keys.")
            } else {
                context.streams.message(
                    "Nothing is published yet. What is signed is kept in \(folder.pending); 'axle publish stage' makes a "
                        + "folder that travels to the other keys.")
            }
            if added == 0, !isComplete { context.streams.message("axle: none of the keys here could add a signature") }
        }
        return folder.isStaged && (added > 0 || isComplete) ? 0 : 1
    }

    /// Who is missing, one line a document.
    func tellWaiting() {
        for waiting in report.waiting ?? [] where !waiting.isComplete {
            let holders = waiting.missing.map(\.text).joined(separator: ", ")
            context.streams.message(
                "axle: role \(waiting.role): \(waiting.signed.count) of \(waiting.threshold) signatures; missing: \(holders)"
            )
        }
    }

    var isJSON: Bool { invocation.isSet("json") }

    /// Prints the report for `--json`; everything else has been told.
    func finish() throws {
        if isJSON { try Printer(context, invocation).json(report) }
    }
}
