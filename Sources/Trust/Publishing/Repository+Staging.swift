import Codec
import Model

/// Signing in steps: who has signed what waits, and what other copies of it bring.
extension Repository {
    /// How far the signing of one document has come, for one set of keys that must sign it.
    package struct SigningStatus: Sendable, Equatable {
        /// `root`, `targets` or a product.
        package let role: String
        package let version: Int64
        package let threshold: Int
        /// By whom it is signed.
        package let signed: [MetadataKey]
        /// Who may still sign; enough of them must while it is not complete.
        package let missing: [MetadataKey]

        package var isComplete: Bool { signed.count >= threshold }
    }

    /// Every waiting document with every set of keys that must sign it: a root also has that of the root before.
    package var signingStatus: [SigningStatus] {
        var status: [SigningStatus] = []
        if let bridge { status += bridgeRequirements.map { self.status(of: bridge, $0) } }
        for role in pending.keys.sorted() {
            guard let document = pending[role] else { continue }
            status += requirements(of: role).map { self.status(of: document, $0) }
        }
        return status
    }

    private func status(of document: RoleDocument, _ signers: RoleSigners) -> SigningStatus {
        let signed = document.signed(by: signers.keys, verifier)
        return SigningStatus(
            role: document.role.string, version: document.version, threshold: signers.threshold, signed: signed,
            missing: signers.keys.filter { !signed.contains($0) })
    }

    /// The errors of `signingStatus`.
    var missingSignatures: [PublishingError] {
        signingStatus.filter { !$0.isComplete }.map {
            .missingSignatures(role: $0.role, present: $0.signed.count, threshold: $0.threshold)
        }
    }

    /// The keys that can sign what waits, and those of snapshot and timestamp, which every publishing needs.
    package var neededKeys: [MetadataKey] {
        let waiting = signingStatus.flatMap(\.missing)
        return waiting + [RoleName.snapshot, .timestamp].flatMap { topRoles[$0]?.keys ?? [] }
    }

    /// The waiting documents that were brought from somewhere else, by file name: their valid signatures are added to the
    /// same drafts here. The role of a product that has no draft here is taken over when its own keys have signed it up
    /// to their threshold: so a team brings its releases. Nothing else is believed. Gives the packages that are new.
    package mutating func merge(_ staged: [String: [UInt8]]) throws(PublishingError) -> [TargetFile] {
        var next = self
        var new: [TargetFile] = []
        let limits = MetadataLimits()
        if let bridge = next.bridge, let bytes = staged[MetadataFile.rootVersion(bridge.version).fileName] {
            let file = try Self.read(bytes, .root, limits.rootBytes)
            guard file.canonicalForm == bridge.canonicalForm else { throw .otherDraft(role: "root") }
            let keys = next.bridgeRequirements.flatMap(\.keys)
            _ = next.bridge?.merge(file, for: keys, verifier)
        }
        let roles = [RoleName.root, .targets] + products.keys.sorted().map { RoleName($0.text) }
        for role in roles {
            guard let bytes = staged[MetadataFile.targets(role).fileName] else { continue }
            let file = try Self.read(bytes, role, role == .root ? limits.rootBytes : limits.targetsBytes)
            if let draft = next.pending[role] {
                guard file.canonicalForm == draft.canonicalForm else {
                    new += try next.take(file, over: draft)
                    continue
                }
                let keys = next.requirements(of: role).flatMap(\.keys)
                _ = next.pending[role]?.merge(file, for: keys, verifier)
            } else if file.version > publishedVersion(role) {
                new += try next.take(file)
            }
        }
        self = next
        return new
    }

    /// Takes over a product's role that its team has signed; over a draft from here when nothing of it is lost.
    private mutating func take(
        _ file: SignedMetadata, over draft: RoleDocument? = nil
    ) throws(PublishingError) -> [TargetFile] {
        let role = file.role
        guard let product = products.keys.first(where: { $0.text == role.string }),
            let known = products[product], !stale.contains(role)
        else { throw .otherDraft(role: role.string) }
        guard file.version == publishedVersion(role) + 1 else { throw .outdatedDraft(role: role.string) }
        let document = RoleDocument(file)
        try document.check(known.signers, verifier)
        let targets: [JSONText: TargetFile]
        var packages: [Package] = []
        do throws(MetadataError) {
            let metadata = try TargetsMetadata(file, digester: digester)
            guard metadata.delegations == nil else {
                throw MetadataError(.malformedMetadata, role: role, "a product's role delegates to nobody")
            }
            targets = metadata.targets
            for target in targets.values { packages.append(try Package(target)) }
        } catch {
            throw .refusedByClient(error)
        }
        if draft != nil, known.targets.contains(where: { targets[$0.key] != $0.value }) {
            throw .otherDraft(role: role.string)
        }
        for package in packages where package.path.product != product { throw .invalidPackage(Self.outside(package)) }
        for (path, target) in targets {
            if let before = known.targets[path], before != target {
                throw .refusedByClient(
                    MetadataError(.malformedMetadata, role: role, "\(path) was published with other content"))
            }
        }
        let new = targets.values.filter { known.targets[$0.path] == nil }.sorted { $0.path < $1.path }
        for package in packages where new.contains(where: { $0.path == JSONText(package.path.description) }) {
            try CatalogRules(packages: packages).check(package)
        }
        products[product]?.targets = targets
        pending[role] = document
        return new
    }

    private static func outside(_ package: Package) -> ModelError {
        ModelError("package", package.path.description, "is of another product than its role")
    }

    private static func read(
        _ bytes: [UInt8], _ role: RoleName, _ limit: Int
    ) throws(PublishingError) -> SignedMetadata {
        do {
            return try SignedMetadata(bytes, role: role, maximumLength: limit)
        } catch {
            throw .unreadable(error)
        }
    }
}
