package import Model
internal import System

/// Links to the programs of installed products in one folder, which people have on their path.
///
/// A link points through the product's `current`, so that it is made once and follows every update. Only links that
/// point into the product's own folder are ever replaced or removed; whatever else has the name stays. Blocks; one
/// thread at a time.
package struct ProgramLinks: Sendable {
    private let folder: String
    private let installer: TreeInstaller

    package init(folder: String, installer: TreeInstaller) {
        self.folder = folder
        self.installer = installer
    }

    /// Makes the link of a product what its current release says; tells what is in the way, if anything is.
    @discardableResult
    package func settle(_ product: ProductName) throws -> String? {
        let target = try target(of: product)
        let name = target.flatMap { $0.split(separator: "/").last }.map(String.init)
        let own = Directory.join(installer.products, product.text) + "/"
        if try File.status(folder) != nil {
            for entry in try Directory.list(folder) where entry != name {
                let path = Directory.join(folder, entry)
                guard try File.linkTarget(path)?.hasPrefix(own) == true else { continue }
                try File.remove(path)
            }
        }
        guard let target, let name else { return nil }
        let path = Directory.join(folder, name)
        if try File.status(path, followLinks: false) != nil {
            let there = try File.linkTarget(path)
            if there == target { return nil }
            guard there?.hasPrefix(own) == true else {
                return "\(path) is not a link to \(product): it stays, and the program is at \(target)"
            }
        }
        try Directory.create(folder, mode: 0o755)
        try File.swapLink(path, to: target)
        return nil
    }

    /// Settles every product; tells what is in the way.
    package func settleAll() throws -> [String] {
        try installer.installed().compactMap { try settle($0.product) }
    }

    /// The program of the release that is current, through the link `current`; nil where there is none.
    private func target(of product: ProductName) throws -> String? {
        guard let release = try installer.current(product),
            let program = try installer.receipt(product, release)?.package.metadata.install.program
        else { return nil }
        return Directory.join(Directory.join(installer.products, product.text), "current/" + program)
    }
}
