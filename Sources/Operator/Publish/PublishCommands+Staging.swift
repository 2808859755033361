import Codec
import Identity
import Model
import System
import Trust

/// Signing where the keys are, and keeping a catalog fresh.
extension PublishCommands {
    /// Makes a folder that travels to the holders of keys: the metadata as it is published, and what waits.
    static func stage(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        _ = try repository.addSignatures(of: [], at: session.context.now())
        let path = try session.invocation.required("to")
        let staged = try PublishFolder(path, keys: session.folder.keys)
        guard try !File.exists(path) || staged.isStaged || Directory.list(path).isEmpty else {
            throw OperatorError("\(path) is there and no staged folder", next: "Name a folder that is not there yet.")
        }
        if !session.isDryRun {
            let files = repository.files.map { Repository.PublishedFile(name: $0.key, bytes: $0.value) }
            try Directory.create(Directory.join(path, "pending"))
            try staged.publish(files.sorted { $0.name < $1.name })
            try staged.keep(repository.pendingFiles)
        }
        session.report.waiting = repository.signingStatus.map { .init($0) }
        session.changed("Staged \(repository.pendingFiles.count) changed roles in \(path).")
        guard !session.isJSON else { return 0 }
        session.tellWaiting()
        session.context.streams.message(
            "Each holder runs 'axle publish sign \(path) --keys DIR' and brings it back; then run "
                + "'axle publish sign \(session.folder.path) --keys \(session.folder.keys) --staged \(path)'.")
        return 0
    }

    /// Gives roles a later expiry. Without names it is the timestamp's, by a key that may lie on a machine that is online; a
    /// draft that waits is left alone then.
    static func extend(_ session: inout PublishSession) throws -> Int32 {
        let roles = session.invocation.operands.dropFirst()
        guard !roles.isEmpty else {
            guard session.folder.isPublished, !session.folder.isStaged else {
                throw OperatorError("there is no published catalog in \(session.folder.path)")
            }
            var repository = try session.repository(isDraftIgnored: true)
            let signers = try session.keys.signers(for: repository.neededKeys)
            guard case .published(let files) = try repository.sign(with: signers, at: session.context.now()) else {
                return 1
            }
            try session.publish(files, repository)
            return 0
        }
        var repository = try session.repository()
        for name in roles where name != "timestamp" && name != "snapshot" {
            do throws(PublishingError) {
                try repository.renew(RoleName(name))
            } catch {
                let known = ["root", "targets", "snapshot", "timestamp"] + repository.products.keys.map(\.text)
                throw OperatorError(
                    error.description,
                    next: Suggestion.nearest(to: name, among: known).map { "Did you mean \($0)?" } ?? "")
            }
        }
        return try session.sign(&repository)
    }
}
