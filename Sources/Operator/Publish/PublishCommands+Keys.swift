import Codec
import Model
import System
import Trust

/// Who may sign what: products of their own teams, and keys that are replaced.
extension PublishCommands {
    /// Makes a product, or changes whose keys sign it.
    static func delegate(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        let product = try ProductName(session.invocation.requiredOperand(1))
        let known = repository.products[product]?.signers
        let signers = try signers(session, role: "product-\(product)", current: known)
        if known == nil {
            try repository.addProduct(product, signers: signers)
        } else if known != signers {
            try repository.setSigners(of: RoleName(product.text), signers)
        }
        try session.keep(&repository)
        session.changed("Product \(product) is signed by \(text(signers)).")
        remind(session)
        return 0
    }

    /// Replaces the keys of a role.
    static func rotate(_ session: inout PublishSession) throws -> Int32 {
        var repository = try session.repository()
        let name = try session.invocation.requiredOperand(1)
        let role = RoleName(name)
        let current: RoleSigners
        let prefix: String
        if let top = repository.topRoles[role] {
            (current, prefix) = (top, name)
        } else {
            let known = ["root", "targets", "snapshot", "timestamp"] + repository.products.keys.map(\.text)
            guard let signers = repository.products.first(where: { $0.key.text == name })?.value.signers else {
                throw OperatorError(
                    "there is no role \(name)",
                    next: Suggestion.nearest(to: name, among: known).map { "Did you mean \($0)?" }
                        ?? "Roles are root, targets, snapshot, timestamp and the products.")
            }
            (current, prefix) = (signers, "product-\(name)")
        }
        let signers = try signers(session, role: prefix, current: current)
        if signers != current { try repository.setSigners(of: role, signers) }
        try session.keep(&repository)
        session.changed("Role \(name) is signed by \(text(signers)) from the next catalog on.")
        if !session.isJSON, signers != current {
            session.context.streams.message(
                role == .root
                    ? "The old root keys must sign the new root too; keep them until it is published."
                    : "The old key signs nothing any more once this is published.")
        }
        remind(session)
        return 0
    }

    private static func remind(_ session: PublishSession) {
        guard !session.isJSON, !session.isDryRun else { return }
        session.context.streams.message(
            "Publish it with 'axle publish sign \(session.folder.path) --keys \(session.folder.keys)'.")
    }

    private static func text(_ signers: RoleSigners) -> String {
        let keys = signers.keys.map { PublishReport.Key($0).text }.joined(separator: ", ")
        return "\(signers.threshold) of \(keys)"
    }

    /// The signers that the options ask for: `--key` replaces all, `--add-key` and `--remove-key` change some; without any of
    /// them new keys are made here.
    private static func signers(
        _ session: PublishSession, role: String, current: RoleSigners?
    ) throws -> RoleSigners {
        let invocation = session.invocation
        let replaced = try invocation.values("key").map { try PublishKeys.publicKey($0) }
        let added = try invocation.values("add-key").map { try PublishKeys.publicKey($0) }
        let removed = invocation.values("remove-key")
        var keys = replaced.isEmpty ? current?.keys ?? [] : replaced
        let isOnlyThreshold = invocation.value("threshold") != nil && invocation.value("count") == nil && current != nil
        if replaced.isEmpty, added.isEmpty, removed.isEmpty, !isOnlyThreshold {
            let isOnline = PublishKeys.onlineRoles.contains(role)
            keys = []
            for number in 0..<(try session.number("count") ?? 1) {
                // In a dry run nothing takes the first name away.
                let name = session.isDryRun ? "\(role)-new-\(number)" : try session.keys.freeName(role)
                let made = try session.keys.make(name, session.keyKind, isOnline: isOnline)
                if !made.isEncrypted, !isOnline, !session.isDryRun {
                    warnOfPlainKeys(session.context, session.folder.keys)
                }
                keys.append(made.signer.key)
            }
        }
        for key in added where !keys.contains(where: { $0.publicKey == key.publicKey }) { keys.append(key) }
        for name in removed {
            let left = keys.filter { $0.name != name && !(name.count >= 8 && $0.id.string.hasPrefix(name)) }
            guard left.count < keys.count else {
                let names = keys.map { $0.name ?? String($0.id.string.prefix(8)) }
                throw OperatorError(
                    "no key named \(name) signs \(role)",
                    next: Suggestion.nearest(to: name, among: names).map { "Did you mean \($0)?" }
                        ?? "Its keys are \(names.joined(separator: ", ")).")
            }
            keys = left
        }
        let threshold = try session.number("threshold") ?? current?.threshold ?? 1
        guard threshold <= keys.count else {
            throw OperatorError(
                "\(keys.count) key\(keys.count == 1 ? "" : "s") cannot make \(threshold) signatures",
                next: "Give more keys, or a lower --threshold.")
        }
        return RoleSigners(keys: keys, threshold: threshold)
    }
}
