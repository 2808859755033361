import Codec
import Identity
import Model
import System
import TLS
import Trust

/// `axle publish …`: makes, fills, signs and checks a vendor's catalog, on files alone.
enum PublishCommands {
    /// Carries a command out; the exit status.
    static func run(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        do {
            let verb = invocation.path.last
            if verb == "check" { return try PublishCheck(invocation, context).run() }
            if verb == "key" { return try key(invocation, context) }
            var session = try PublishSession(invocation, context)
            let status: Int32
            switch verb {
            case "init": status = try initialize(&session)
            case "add": status = try add(&session)
            case "remove": status = try remove(&session)
            case "delegate": status = try delegate(&session)
            case "rotate": status = try rotate(&session)
            case "stage": status = try stage(&session)
            case "extend": status = try extend(&session)
            default: status = try sign(&session)
            }
            try session.finish()
            return status
        } catch let error as ModelError {
            throw UsageError(error.description)
        } catch let error as PublishingError {
            var next = ""
            if case .againstRule(_, _, let step) = error { next = step }
            throw OperatorError(error.description, next: next)
        }
    }

    /// Makes a key for somebody who holds one.
    private static func key(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        let name = try NodeName(invocation.requiredOperand(0)).text
        let folder = try invocation.required("keys")
        let isDryRun = invocation.isSet("dry-run")
        let keys = PublishKeys(folder, passphrase: Passphrase(invocation, context), isDryRun: isDryRun)
        let kind: KeyKind = invocation.value("key-type") == "ecdsa" ? .p256 : .ed25519
        let made = try keys.make(name, kind, isOnline: false)
        let half = Directory.join(folder, name + ".pub")
        if invocation.isSet("json") {
            try Printer(context, invocation).json(PublishReport.Key(made.signer.key))
        } else if !isDryRun {
            context.streams.line(half)
            context.streams.message("Give \(half) to whoever makes the catalog; \(name).pem stays with its holder.")
        }
        if !made.isEncrypted, !isDryRun { warnOfPlainKeys(context, folder) }
        return 0
    }

    static func warnOfPlainKeys(_ context: OperatorContext, _ folder: String) {
        context.streams.message(
            "axle: the keys in \(folder) are not encrypted; --passphrase-file FILE encrypts new ones")
    }

    // MARK: Verbs

    private static func initialize(_ session: inout PublishSession) throws -> Int32 {
        let folder = session.folder
        guard !folder.isPublished else { throw OperatorError("there is a catalog in \(folder.path) already") }
        guard try folder.pendingFiles()["root.json"] == nil else {
            throw OperatorError(
                "a catalog for \(folder.path) waits for signatures already",
                next:
                    "Sign it with 'axle publish sign \(folder.path) --keys \(folder.keys)', or remove \(folder.pending)."
            )
        }
        var signers: [PublishSigner] = []
        var isPlain = false
        func keys(_ role: String, _ given: [String], count: Int) throws -> [MetadataKey] {
            if !given.isEmpty { return try given.map { try PublishKeys.publicKey($0) } }
            return try (1...count).map { number in
                let name = count == 1 ? role : "\(role)-\(number)"
                let isOnline = PublishKeys.onlineRoles.contains(role)
                // A key that is there was made by an init that was cut off, or is the operator's own.
                if let signer = try session.keys.signer(name) {
                    signers.append(signer)
                    return signer.key
                }
                let made = try session.keys.make(name, session.keyKind, isOnline: isOnline)
                if !made.isEncrypted, !isOnline { isPlain = true }
                signers.append(made.signer)
                return made.signer.key
            }
        }
        let rootKeys = try keys(
            "root", session.invocation.values("root-key"), count: try session.number("root-keys") ?? 1)
        let threshold = try session.number("root-threshold") ?? 1
        guard threshold <= rootKeys.count else {
            throw UsageError(
                "--root-threshold \(threshold) cannot be met by \(rootKeys.count) root key\(rootKeys.count == 1 ? "" : "s")"
            )
        }
        let topRoles: [RoleName: RoleSigners] = [
            .root: RoleSigners(keys: rootKeys, threshold: threshold),
            .targets: RoleSigners(keys: try keys("targets", session.invocation.values("targets-key"), count: 1)),
            .snapshot: RoleSigners(keys: try keys("snapshot", [], count: 1)),
            .timestamp: RoleSigners(keys: try keys("timestamp", [], count: 1)),
        ]
        var repository = try Repository(
            topRoles: topRoles, lifetimes: try session.lifetimes(), verifier: OpenSSLVerifier(),
            digester: OpenSSLDigester())
        if !session.isDryRun { try Directory.create(folder.targets) }
        // Keys that were brought as their public half may have the private one in the folder too.
        let waiting = try repository.addSignatures(of: signers, at: session.context.now())
        if !waiting.isEmpty || session.isDryRun == false {
            if !session.isDryRun { try folder.keep(repository.pendingFiles) }
        }
        let status: Int32
        if session.isDryRun {
            session.changed("Make a catalog in \(folder.path).")
            status = 0
        } else {
            status = try session.sign(&repository)
        }
        if status == 0, !session.isDryRun {
            session.changed("Made a catalog in \(folder.path); its root is \(folder.metadata)/1.root.json.")
            if !session.isJSON {
                session.context.streams.message(
                    "The keys in \(folder.keys) are all that protects it: keep them offline, all but timestamp.pem and "
                        + "snapshot.pem.")
            }
        }
        if isPlain, !session.isDryRun { warnOfPlainKeys(session.context, folder.keys) }
        return status
    }

    private static func add(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        let (folder, invocation) = (session.folder, session.invocation)
        let file = try invocation.required("file")
        let path = TargetPath(
            product: try ProductName(invocation.required("product")),
            release: try VersionText.release(invocation.required("release")),
            platform: try PlatformName(invocation.required("platform")),
            file: try PackageIntake.name(of: file))
        let copy = try PackageIntake.copy(file, into: folder.targets)
        do {
            // What is in the catalog but is no package of Axle's has no counter to go on from.
            let siblings = repository.packages(of: path.product).compactMap { try? Package($0) }
            let content = try PackageIntake.content(of: copy, program: session.context.program())
            let package = try PackageDescription(invocation: invocation).package(
                path, copy, content, siblings: siblings)
            try package.validate()
            let isNew = !siblings.contains(package)
            if isNew, !siblings.contains(where: { $0.path == path }) {
                try CatalogRules(packages: siblings).check(package)
                try PackageIntake.check(copy, package, program: session.context.program())
            }
            if repository.products[path.product] == nil {
                guard !folder.isStaged else {
                    throw OperatorError(
                        "there is no product \(path.product) in this catalog",
                        next:
                            "Whoever holds the targets key makes it: axle publish delegate DIR \(path.product) --keys KEYS"
                    )
                }
                let role = "product-\(path.product)"
                let signer =
                    try session.keys.signer(role) ?? session.keys.make(role, session.keyKind, isOnline: false).signer
                try repository.addProduct(path.product, signers: RoleSigners(keys: [signer.key]))
            }
            try repository.add(package)
            if session.isDryRun {
                try File.remove(copy.temporary)
            } else {
                let target = folder.file(of: package.target, consistentSnapshot: repository.consistentSnapshot)
                try Directory.create(Directory.parent(of: target))
                try File.rename(copy.temporary, to: target)
            }
            try session.keep(&repository)
            let (counter, line) = (package.metadata.counter, package.metadata.line)
            let scheme = package.metadata.versionScheme.map { "the scheme \($0.name)" }
            session.changed(
                "\(isNew ? "Added \(path)" : "\(path) is there already"), counter \(counter) of line \(line). "
                    + "Versions are ordered by \(scheme ?? "debian, as none is declared").")
            if isNew { warnOfLines(package, siblings, &session) }
            if !session.isJSON, isNew {
                session.context.streams.message(
                    "Publish it with 'axle publish sign \(folder.path) --keys \(folder.keys)'.")
            }
        } catch {
            // The first failure is the one to tell; a leftover is hidden and harmless.
            _ = try? File.remove(copy.temporary)
            throw error
        }
        return 0
    }

    private static func remove(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        let operand = try session.invocation.requiredOperand(1)
        guard operand.contains("/") else {
            let product = try product(operand, repository)
            try repository.removeProduct(product)
            try session.keep(&repository)
            session.changed("Removed product \(product) from the next catalog, with all its packages.")
            return 0
        }
        let path = try TargetPath(operand)
        // What is no package of Axle's has no floor.
        let siblings = repository.packages(of: path.product).compactMap { try? Package($0) }
        try CatalogRules(packages: siblings).checkRemoval(of: path)
        try repository.remove(path)
        try session.keep(&repository)
        session.changed("Removed \(path) from the next catalog; its file stays for clients that are at it.")
        return 0
    }

    private static func sign(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        let (folder, streams) = (session.folder, session.context.streams)
        if session.invocation.isSet("status") {
            _ = try repository.addSignatures(of: [], at: session.context.now())
            session.report.waiting = repository.signingStatus.map { .init($0) }
            guard !session.isJSON else { return 0 }
            var table = TextTable(["ROLE", "VERSION", "SIGNED", "NEEDED", "MISSING"], lastIsText: true)
            for waiting in session.report.waiting ?? [] {
                let missing = waiting.isComplete ? nil : waiting.missing.map(\.text).joined(separator: ", ")
                table.add([
                    waiting.role, "\(waiting.version)", "\(waiting.signed.count)", "\(waiting.threshold)", missing,
                ])
            }
            if session.report.waiting?.isEmpty == true {
                streams.message("Nothing waits for signatures.")
            } else {
                streams.lines(
                    table.text(
                        columns: streams.outputIsTerminal ? session.context.columns : nil,
                        breaks: streams.outputIsTerminal))
            }
            return 0
        }
        for staged in session.invocation.values("staged") {
            let brought = try PublishFolder(staged, keys: folder.keys)
            guard brought.isStaged else {
                throw OperatorError(
                    "\(staged) is no staged folder", next: "Make one with 'axle publish stage \(folder.path) --to DIR'."
                )
            }
            for target in try repository.merge(try PublishFolder.read(brought.pending)) {
                try take(target, from: brought, into: folder, repository.consistentSnapshot, session.isDryRun)
            }
        }
        return try session.sign(&repository)
    }

    /// Copies a package's file that came with a staged folder, if it is what its team signed.
    private static func take(
        _ target: TargetFile, from staged: PublishFolder, into folder: PublishFolder, _ consistent: Bool,
        _ isDryRun: Bool
    ) throws {
        let place = folder.file(of: target, consistentSnapshot: consistent)
        guard !File.exists(place) else { return }
        let source = staged.file(of: target, consistentSnapshot: consistent)
        let copy = try PackageIntake.copy(source, into: folder.targets, followLinks: false)
        do {
            try target.check(length: Int64(clamping: copy.length), sha256: copy.sha256.bytes)
            guard !isDryRun else {
                try File.remove(copy.temporary)
                return
            }
            try Directory.create(Directory.parent(of: place))
            try File.rename(copy.temporary, to: place)
        } catch {
            // The first failure is the one to tell; a leftover is hidden and harmless.
            _ = try? File.remove(copy.temporary)
            throw OperatorError(
                "\(source) is not what was signed: \(error)",
                next: "Copy the staged folder again from where it was made.")
        }
    }

    /// A product by its name; a mistyped one is answered with the nearest.
    static func product(_ name: String, _ repository: Repository) throws -> ProductName {
        let product = try ProductName(name)
        guard repository.products[product] == nil else { return product }
        let known = repository.products.keys.map(\.text)
        throw OperatorError(
            "there is no product \(name)",
            next: Suggestion.nearest(to: name, among: known).map { "Did you mean \($0)?" } ?? "")
    }
}
