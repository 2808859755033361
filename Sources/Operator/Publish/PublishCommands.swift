import Codec
import Identity
import Model
import System
import Trust

/// `axle publish …`: makes, fills, signs and checks a vendor's catalog, on files alone.
enum PublishCommands {
    /// Carries a command out; the exit status.
    static func run(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        do {
            switch invocation.path.last {
            case "init": try initialize(invocation, context)
            case "add": try add(invocation, context)
            case "remove": try remove(invocation, context)
            case "sign": return try sign(invocation, context)
            default: return try PublishCheck.run(try invocation.requiredOperand(0), Printer(context, invocation))
            }
            return 0
        } catch let error as ModelError {
            throw UsageError(error.description)
        } catch let error as PublishingError {
            throw OperatorError(error.description)
        }
    }

    private static func open(_ invocation: CommandInvocation) throws -> (PublishFolder, PublishKeys) {
        let folder = try PublishFolder(invocation.requiredOperand(0), keys: invocation.required("keys"))
        return (folder, try PublishKeys(folder.keys, passphraseFile: invocation.value("passphrase-file")))
    }

    private static func repository(
        _ folder: PublishFolder, _ lifetimes: Lifetimes = Lifetimes()
    ) throws -> Repository {
        guard folder.isPublished else {
            throw OperatorError(
                "there is no catalog in \(folder.path)",
                next: "Make one with 'axle publish init \(folder.path) --keys DIR'.")
        }
        return try Repository(
            files: try folder.metadataFiles(), pending: try folder.pendingFiles(), lifetimes: lifetimes,
            verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
    }

    private static func lifetimes(_ invocation: CommandInvocation) throws -> Lifetimes {
        func time(_ name: String) throws -> Duration? {
            guard let text = invocation.value(name) else { return nil }
            guard let seconds = Wording.seconds(text), seconds > 0 else {
                throw UsageError("--\(name) is a time such as 30d, not '\(text)'")
            }
            return .seconds(seconds)
        }
        var lifetimes = Lifetimes()
        if let signed = try time("expires") { lifetimes.signed = signed }
        if let timestamp = try time("timestamp-expires") { lifetimes.timestamp = timestamp }
        return lifetimes
    }

    // MARK: Verbs

    private static func initialize(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        let (folder, keys) = try open(invocation)
        guard !folder.isPublished else { throw OperatorError("there is a catalog in \(folder.path) already") }
        let lifetimes = try lifetimes(invocation)
        var signers: [PublishSigner] = []
        var topRoles: [RoleName: RoleSigners] = [:]
        for role in [RoleName.root, .targets, .snapshot, .timestamp] {
            // A key that is there was made by an init that was cut off, or is the operator's own.
            let signer = try keys.signer(role.string) ?? keys.make(role.string)
            signers.append(signer)
            topRoles[role] = RoleSigners(keys: [signer.key])
        }
        var repository = try Repository(
            topRoles: topRoles, lifetimes: lifetimes, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        guard case .published(let files) = try repository.sign(with: signers, at: context.now()) else {
            throw OperatorError("the new keys do not sign")
        }
        try Directory.create(Directory.join(folder.path, "targets"))
        try folder.publish(files)
        context.streams.message("Made a catalog in \(folder.path); its root is \(folder.metadata)/1.root.json.")
        context.streams.message(
            "The keys in \(folder.keys) are all that protects it: keep them offline, all but timestamp.pem.")
    }

    private static func add(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        let (folder, keys) = try open(invocation)
        var repository = try repository(folder)
        let file = try invocation.required("file")
        let path = TargetPath(
            product: try ProductName(invocation.required("product")),
            release: try ReleaseName(invocation.required("release")),
            platform: try PlatformName(invocation.required("platform")),
            file: try FileName(file.split(separator: "/").last.map(String.init) ?? ""))
        let copy = try PackageIntake.copy(file, into: Directory.join(folder.path, "targets"))
        do {
            // What is in the catalog but is no package of Axle's has no counter to go on from.
            let siblings = repository.packages(of: path.product).compactMap { try? Package($0) }
            let content = try PackageIntake.content(of: copy, program: context.program())
            let package = try PackageDescription(invocation: invocation).package(
                path, copy, content, siblings: siblings)
            if repository.products[path.product] == nil {
                let role = "product-\(path.product)"
                let signer = try keys.signer(role) ?? keys.make(role)
                try repository.addProduct(path.product, signers: RoleSigners(keys: [signer.key]))
            }
            try repository.add(package)
            let target = folder.file(of: package.target, consistentSnapshot: repository.consistentSnapshot)
            try Directory.create(Directory.parent(of: target))
            try File.rename(copy.temporary, to: target)
            try keep(&repository, folder, context)
            context.streams.message(
                "Added \(path), counter \(package.metadata.counter) of line \(package.metadata.line).")
            context.streams.message("Publish it with 'axle publish sign \(folder.path) --keys \(folder.keys)'.")
        } catch {
            // The first failure is the one to tell; a leftover is hidden and harmless.
            _ = try? File.remove(copy.temporary)
            throw error
        }
    }

    private static func remove(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        let (folder, _) = try open(invocation)
        var repository = try repository(folder)
        let path = try TargetPath(invocation.requiredOperand(1))
        try repository.remove(path)
        try keep(&repository, folder, context)
        context.streams.message("Removed \(path) from the next catalog; its file stays for clients that are at it.")
    }

    /// Keeps edits until they are signed: signing with nobody makes the documents that wait.
    private static func keep(
        _ repository: inout Repository, _ folder: PublishFolder, _ context: OperatorContext
    ) throws {
        guard repository.hasChanges else { return }
        guard case .waiting = try repository.sign(with: [], at: context.now()) else { return }
        try folder.keep(repository.pendingFiles)
    }

    private static func sign(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        let (folder, keys) = try open(invocation)
        var repository = try repository(folder, try lifetimes(invocation))
        switch try repository.sign(with: try keys.signers(), at: context.now()) {
        case .published(let files):
            try folder.publish(files)
            for file in files { context.streams.line(file.name) }
            if let expires = repository.expiries[.timestamp] {
                context.streams.message("Published; sign again before \(expires).")
            }
            return 0
        case .waiting(let missing):
            try folder.keep(repository.pendingFiles)
            for error in missing { context.streams.message("axle: \(error)") }
            context.streams.message("Kept in \(folder.pending); sign again where the other keys are.")
            return 1
        }
    }
}
