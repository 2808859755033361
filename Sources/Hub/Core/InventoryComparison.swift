package import Model

/// What an agent says is installed, beside what the hub knew and what it ordered.
package enum InventoryComparison {
    /// The changes that no order explains, one line each, by product; at most `limit`.
    ///
    /// A change of a product is explained by an action of this client that was ordered and leads to that release, or that went back.
    package static func unexplained(
        known: [InstalledPackage], reported: [InstalledPackage], actions: [ActionRecord], limit: Int = 16
    ) -> [String] {
        let before = Dictionary(known.map { (Key($0), $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(reported.map { (Key($0), $0) }, uniquingKeysWith: { first, _ in first })
        var lines: [String] = []
        for key in Set(before.keys).union(after.keys).sorted() where lines.count < limit {
            let (old, new) = (before[key], after[key])
            guard old?.release != new?.release || old?.sha256 != new?.sha256 else { continue }
            let ordered = actions.filter { $0.path.product == key.product && $0.sequence != nil }
            if ordered.contains(where: { explains($0, new) }) { continue }
            lines.append(text(key.product, old, new))
        }
        return lines
    }

    private struct Key: Hashable, Comparable {
        let product: ProductName
        let source: UInt8

        init(_ package: InstalledPackage) {
            product = package.product
            source = package.source.rawValue
        }

        static func < (left: Self, right: Self) -> Bool {
            (left.product, left.source) < (right.product, right.source)
        }
    }

    private static func explains(_ action: ActionRecord, _ new: InstalledPackage?) -> Bool {
        switch action.state {
        case .rollingBack, .rolledBack, .rollbackFailed, .failed: return true
        default: break
        }
        guard let new, action.path.release == new.release else { return false }
        return new.sha256 == nil || new.sha256 == action.digest
    }

    private static func text(_ product: ProductName, _ old: InstalledPackage?, _ new: InstalledPackage?) -> String {
        switch (old, new) {
        case (nil, let new?): "\(product) \(new.release) is there, which nobody ordered"
        case (let old?, nil): "\(product) \(old.release) is gone, which nobody ordered"
        case (let old?, let new?) where old.release == new.release:
            "\(product) \(new.release) has other bytes than before, which nobody ordered"
        case (let old?, let new?):
            "\(product) went from \(old.release) to \(new.release), which nobody ordered"
        case (nil, nil): ""
        }
    }
}
