package import Codec
package import Model

/// A repository as its publisher edits and signs it: root, targets, a delegated role per product, snapshot, timestamp.
///
/// A value without IO. Edits change what will be published; `sign` makes the next versions of the changed roles, signs
/// them, runs a client over the result, and gives the files to write. Roles that need more signers stay pending and can be
/// carried to another machine as `pendingFiles`. Whatever is thrown leaves the repository as it was.
///
/// A published package never changes, a role's version only rises, and a role that was once in a snapshot stays there,
/// since clients refuse all else.
package struct Repository: Sendable {
    /// A product's role.
    package struct Product: Sendable, Equatable {
        package var signers: RoleSigners
        /// By target path.
        package var targets: [JSONText: TargetFile]
    }

    /// Whether file names carry versions and hashes (§6).
    package let consistentSnapshot: Bool
    package var lifetimes: Lifetimes
    /// Root, timestamp, snapshot and targets.
    package internal(set) var topRoles: [RoleName: RoleSigners]
    package internal(set) var products: [ProductName: Product]
    /// Targets that lie outside of products, as another tool may have published them.
    var otherTargets: [JSONText: TargetFile] = [:]

    /// The files of the published state, by name.
    package internal(set) var files: [String: [UInt8]] = [:]
    /// What clients believe of the published state; nil before the first.
    var published: TrustedMetadata?
    /// Roles whose next version must be made.
    var stale: Set<RoleName>
    /// Next versions that lack signatures.
    var pending: [RoleName: RoleDocument] = [:]
    /// The root before the pending one that believes the old and the new keys of the other roles; see `bridgeMembers`.
    var bridge: RoleDocument?
    let verifier: any SignatureVerifier
    let digester: any Digester

    /// A new repository; nothing is published yet.
    package init(
        topRoles: [RoleName: RoleSigners], consistentSnapshot: Bool = true, lifetimes: Lifetimes = Lifetimes(),
        verifier: any SignatureVerifier, digester: any Digester
    ) throws(PublishingError) {
        for role in [RoleName.root, .timestamp, .snapshot, .targets] {
            guard let signers = topRoles[role] else { throw .invalidKeys(role: role.string) }
            try signers.validate(role)
        }
        self.topRoles = topRoles.filter { $0.key.isTopLevel }
        self.consistentSnapshot = consistentSnapshot
        self.lifetimes = lifetimes
        self.verifier = verifier
        self.digester = digester
        products = [:]
        stale = [.root, .targets]
    }

    /// Reads what was published, by file name, and documents that still lack signatures.
    ///
    /// Everything is verified as a client would from the oldest root on, but for expiry: an expired repository can be
    /// signed anew.
    package init(
        files: [String: [UInt8]], pending: [String: [UInt8]] = [:], lifetimes: Lifetimes = Lifetimes(),
        verifier: any SignatureVerifier, digester: any Digester
    ) throws(PublishingError) {
        self.lifetimes = lifetimes
        self.verifier = verifier
        self.digester = digester
        self.files = files
        topRoles = [:]
        products = [:]
        stale = []
        guard !files.isEmpty else {
            // Never published: the first root waits for its signatures.
            consistentSnapshot = try Self.firstRoot(pending, digester).consistentSnapshot
            try adopt(pending: pending)
            return
        }
        let trusted: TrustedMetadata
        do {
            trusted = try RepositoryClient.read(
                files, kept: [:], at: .distantPast, verifier: verifier, digester: digester)
        } catch {
            throw .unreadable(error)
        }
        consistentSnapshot = trusted.root.consistentSnapshot
        published = trusted
        try adopt(root: trusted.root)
        if let targets = trusted.targetsRole(.targets) { try adopt(targets: targets) }
        for product in products.keys {
            if let role = trusted.targetsRole(RoleName(product.text)) { products[product]?.targets = role.targets }
        }
        try adopt(pending: pending)
    }

    // MARK: Edits

    /// Adds a product with a role of its own, which speaks for `PRODUCT/*/*/*`.
    package mutating func addProduct(_ product: ProductName, signers: RoleSigners) throws(PublishingError) {
        let role = RoleName(product.text)
        // `5.root.json` is a root's file name in a repository without consistent snapshots.
        guard !role.isTopLevel, MetadataFile.targets(role).fileName == role.quoted + ".json" else {
            throw .reservedName(product)
        }
        guard products[product] == nil else { throw .productExists(product) }
        try signers.validate(role)
        products[product] = Product(signers: signers, targets: [:])
        touch(.targets)
        touch(role)
    }

    /// Removes a product, its packages and its delegation. Snapshots go on naming its role.
    package mutating func removeProduct(_ product: ProductName) throws(PublishingError) {
        guard products.removeValue(forKey: product) != nil else { throw .unknownProduct(product) }
        touch(.targets)
        stale.remove(RoleName(product.text))
        pending[RoleName(product.text)] = nil
    }

    /// Adds a package; adding the same again changes nothing.
    package mutating func add(_ package: Package) throws(PublishingError) {
        do {
            try package.validate()
        } catch {
            throw .invalidPackage(error)
        }
        let target = package.target
        do {
            // What a client would not read back as the same is not published.
            guard try Package(target) == package else {
                throw PublishingError.invalidPackage(
                    ModelError("package", package.path.description, "says what its catalog entry cannot hold"))
            }
        } catch let error as MetadataError {
            throw .refusedByClient(error)
        } catch {
            throw .invalidPackage(ModelError("package", package.path.description, "\(error)"))
        }
        guard let known = products[package.path.product] else { throw .unknownProduct(package.path.product) }
        if let before = known.targets[target.path] {
            guard before == target else { throw .packageDiffers(package.path) }
            return
        }
        products[package.path.product]?.targets[target.path] = target
        touch(RoleName(package.path.product.text))
    }

    /// Takes a package off the catalog.
    package mutating func remove(_ path: TargetPath) throws(PublishingError) {
        guard products[path.product] != nil else { throw .unknownProduct(path.product) }
        guard products[path.product]?.targets.removeValue(forKey: JSONText(path.description)) != nil else {
            throw .unknownPackage(path)
        }
        touch(RoleName(path.product.text))
    }

    /// Replaces the keys of a role, top-level or a product's.
    package mutating func setSigners(of role: RoleName, _ signers: RoleSigners) throws(PublishingError) {
        try signers.validate(role)
        if role.isTopLevel {
            topRoles[role] = signers
            touch(.root)
            if role == .targets { touch(.targets) }
            return
        }
        guard let product = products.keys.first(where: { $0.text == role.string }) else {
            throw .unknownRole(role.string)
        }
        products[product]?.signers = signers
        touch(.targets)
        touch(role)
    }

    /// Has a role signed anew, for a later expiry. Snapshot and timestamp are renewed by every `sign`.
    package mutating func renew(_ role: RoleName) throws(PublishingError) {
        let isProduct = products.keys.contains { $0.text == role.string }
        guard role == .root || role == .targets || isProduct else { throw .unknownRole(role.string) }
        touch(role)
    }

    /// The packages of a product, by ascending path.
    package func packages(of product: ProductName) -> [TargetFile] {
        (products[product]?.targets.values.map { $0 } ?? []).sorted { $0.path < $1.path }
    }

    /// The expiry of every published role, by role name.
    package var expiries: [RoleName: UnixTime] {
        guard let published else { return [:] }
        var expiries: [RoleName: UnixTime] = [.root: published.root.expires]
        expiries[.timestamp] = published.timestamp?.expires
        expiries[.snapshot] = published.snapshot?.expires
        for role in published.verifiedRoles { expiries[role] = published.targetsRole(role)?.expires }
        return expiries
    }

    /// Whether something was changed that is not published yet.
    package var hasChanges: Bool {
        !stale.isEmpty || !pending.isEmpty
    }

    /// Documents that lack signatures, by file name, to be kept or carried to another signer.
    package var pendingFiles: [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for (role, document) in pending { files[MetadataFile.targets(role).fileName] = document.bytes }
        if let bridge { files[MetadataFile.rootVersion(bridge.version).fileName] = bridge.bytes }
        return files
    }

    /// The next version must be made; signatures on a pending one are void.
    private mutating func touch(_ role: RoleName) {
        stale.insert(role)
        pending[role] = nil
        if role == .root { bridge = nil }
    }

    // MARK: Content of roles

    func signers(of role: RoleName) -> RoleSigners? {
        topRoles[role] ?? products.first { $0.key.text == role.string }?.value.signers
    }

    /// What a role's next version says beyond what all roles say.
    func members(of role: RoleName) -> [JSONObject.Member] {
        if role == .root { return rootMembers(topRoles) }
        if role == .targets { return [member(MetadataName.targets, targets: otherTargets), delegationsMember] }
        let product = products.first { $0.key.text == role.string }?.value
        return [member(MetadataName.targets, targets: product?.targets ?? [:])]
    }

    func rootMembers(_ roles: [RoleName: RoleSigners]) -> [JSONObject.Member] {
        [
            JSONObject.Member(MetadataName.consistentSnapshot, .bool(consistentSnapshot)),
            JSONObject.Member(MetadataName.keys, Self.keys(roles.values.flatMap(\.keys))),
            JSONObject.Member(
                MetadataName.roles,
                Self.object(
                    roles.map { JSONObject.Member($0.key, Self.object($0.value.members)) })),
        ]
    }

    /// What the root before the pending one says when keys of other roles are retired; nil when none are.
    ///
    /// A root that knew only the new keys would make the timestamp of before unbelievable until the next one is written, and a
    /// cut between the two would last. So the bridging root believes both, comes before the new files, and the root that
    /// retires the old keys comes after them.
    var bridgeMembers: [JSONObject.Member]? {
        guard let before = published?.root else { return nil }
        var roles = topRoles
        var isNeeded = false
        for role in [RoleName.timestamp, .snapshot, .targets] {
            guard let keys = before.roles[role], let new = topRoles[role] else { continue }
            let old = RoleSigners(keys, keys: before.keys)
            let added = new.keys.filter { key in !old.keys.contains { $0.publicKey == key.publicKey } }
            if old.keys.count + added.count > new.keys.count || new.threshold > old.threshold { isNeeded = true }
            let kept = old.keys.map { key in new.keys.first { $0.publicKey == key.publicKey } ?? key }
            roles[role] = RoleSigners(keys: kept + added, threshold: min(old.threshold, new.threshold))
        }
        return isNeeded ? rootMembers(roles) : nil
    }

    private var delegationsMember: JSONObject.Member {
        let sorted = products.sorted { $0.key < $1.key }
        let roles: [JSONValue] = sorted.map { product, content in
            Self.object(
                content.signers.members + [
                    JSONObject.Member(MetadataName.name, .string(JSONText(product.text))),
                    JSONObject.Member(MetadataName.paths, [.string(JSONText("\(product.text)/*/*/*"))]),
                    JSONObject.Member(MetadataName.terminating, true),
                ])
        }
        return JSONObject.Member(
            MetadataName.delegations,
            Self.object([
                JSONObject.Member(MetadataName.keys, Self.keys(sorted.flatMap(\.value.signers.keys))),
                JSONObject.Member(MetadataName.roles, .array(roles)),
            ]))
    }

    private func member(_ name: JSONText, targets: [JSONText: TargetFile]) -> JSONObject.Member {
        JSONObject.Member(name, Self.object(targets.values.map { JSONObject.Member($0.path, $0.value) }))
    }

    private static func keys(_ keys: [MetadataKey]) -> JSONValue {
        let unique = Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return object(unique.map { JSONObject.Member($0.key, .object($0.value.object)) })
    }

    /// An object of members with different names, sorted.
    static func object(_ members: [JSONObject.Member]) -> JSONValue {
        .object(JSONObject(members.sorted { $0.name < $1.name }) ?? JSONObject())
    }
}
