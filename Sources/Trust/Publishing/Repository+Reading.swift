import Codec
import Model

/// Takes over what was published and what waits for signatures.
extension Repository {
    static func firstRoot(
        _ pending: [String: [UInt8]], _ digester: any Digester
    ) throws(PublishingError) -> RootMetadata {
        do throws(MetadataError) {
            guard let bytes = pending[MetadataFile.targets(.root).fileName] else {
                throw MetadataError(.noTrustedRoot, role: .root, "no root file is there")
            }
            let file = try SignedMetadata(bytes, role: .root, maximumLength: MetadataLimits().rootBytes)
            return try RootMetadata(file, digester: digester)
        } catch {
            throw .unreadable(error)
        }
    }

    mutating func adopt(root: RootMetadata) throws(PublishingError) {
        for (role, keys) in root.roles { topRoles[role] = RoleSigners(keys, keys: root.keys) }
    }

    mutating func adopt(targets: TargetsMetadata) throws(PublishingError) {
        otherTargets = targets.targets
        guard let delegations = targets.delegations else { return }
        guard case .listed(let roles) = delegations.roles else {
            throw .unreadable(
                MetadataError(.malformedMetadata, role: .targets, "bins are not a delegation per product"))
        }
        for role in roles {
            // Any reason why it is no product's role comes to the same.
            guard let product = try? ProductName(role.name.string),
                role.scope == .paths([PathPattern(JSONText("\(product.text)/*/*/*"))])
            else {
                throw .unreadable(
                    MetadataError(.malformedMetadata, role: role.name, "the delegation is not of a product"))
            }
            let targets = products[product]?.targets ?? [:]
            products[product] = Product(
                signers: RoleSigners(role.signers, keys: delegations.keys), targets: targets)
        }
    }

    /// Takes over documents that wait. What was published since then is passed over when it is the same, refused when not.
    mutating func adopt(pending files: [String: [UInt8]]) throws(PublishingError) {
        let limits = MetadataLimits()
        // Targets before products, since it says which there are.
        if let file = try waiting(.root, in: files, limit: limits.rootBytes) {
            try adopting(.root) { (next) throws(MetadataError) in
                try next.take(root: try RootMetadata(file, digester: next.digester))
            }
            pending[.root] = RoleDocument(file)
            let name = MetadataFile.rootVersion(file.version - 1).fileName
            if file.version == publishedVersion(.root) + 2, let bytes = files[name] {
                try adopting(.root) { (next) throws(MetadataError) in
                    next.bridge = RoleDocument(
                        try SignedMetadata(bytes, role: .root, maximumLength: limits.rootBytes))
                }
            }
        }
        if let file = try waiting(.targets, in: files, limit: limits.targetsBytes) {
            try adopting(.targets) { (next) throws(MetadataError) in
                let delegated = try TargetsMetadata(file, digester: next.digester)
                next.products = next.products.filter {
                    delegated.delegations?.signers(of: RoleName($0.key.text)) != nil
                }
                try next.take(targets: delegated)
            }
            pending[.targets] = RoleDocument(file)
        }
        for product in products.keys {
            let role = RoleName(product.text)
            guard let file = try waiting(role, in: files, limit: limits.targetsBytes) else {
                // Delegated in a draft whose other half was cut off: its role is made with the next signing.
                if publishedVersion(role) == 0, pending[role] == nil { stale.insert(role) }
                continue
            }
            try adopting(role) { (next) throws(MetadataError) in
                let targets = try TargetsMetadata(file, digester: next.digester).targets
                next.products[product]?.targets = targets
            }
            pending[role] = RoleDocument(file)
        }
    }

    /// A waiting document that is still to come; nil when there is none or it has been published.
    private func waiting(
        _ role: RoleName, in files: [String: [UInt8]], limit: Int
    ) throws(PublishingError) -> SignedMetadata? {
        guard let bytes = files[MetadataFile.targets(role).fileName] else { return nil }
        let file: SignedMetadata
        do {
            file = try SignedMetadata(bytes, role: role, maximumLength: limit)
        } catch {
            throw .unreadable(error)
        }
        let published = publishedVersion(role)
        guard file.version <= published else { return file }
        let name = MetadataFile.remoteName(role, version: file.version, consistent: consistentSnapshot)
        // A published file that does not parse would have been refused before.
        let known = self.files[name].flatMap { try? SignedMetadata($0, role: role, maximumLength: limit) }
        guard known?.canonicalForm == file.canonicalForm else { throw .outdatedDraft(role: role.string) }
        return nil
    }

    private mutating func adopting(
        _ role: RoleName, _ body: (inout Repository) throws(MetadataError) -> Void
    ) throws(PublishingError) {
        do throws(MetadataError) {
            try body(&self)
        } catch {
            throw .unreadable(error)
        }
    }

    private mutating func take(root: RootMetadata) throws(MetadataError) {
        do {
            try adopt(root: root)
        } catch {
            throw MetadataError(.malformedMetadata, role: .root, error.description)
        }
    }

    private mutating func take(targets: TargetsMetadata) throws(MetadataError) {
        do {
            try adopt(targets: targets)
        } catch {
            throw MetadataError(.malformedMetadata, role: .targets, error.description)
        }
    }
}
