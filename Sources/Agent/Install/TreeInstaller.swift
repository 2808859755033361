package import Content
package import Model
package import System
internal import TLS

/// Installs packages of the kind `tree`: a tar unpacked into `PRODUCTS/PRODUCT/RELEASE/`, made current by one rename of the link `current`.
///
/// Layout of a product's folder: a folder per release with its receipt, `current` (a link to one of them), `.staging-ACTION` while one is being
/// unpacked, `.old-ACTION` while one is being replaced. Every verb may be repeated after a cut at any point of it and ends in the same state; after a
/// cut `current` is the old release or the new one. All is durable on return. Blocks; one thread at a time for each product.
package struct TreeInstaller: Sendable {
    /// The folder of all products.
    package let products: String
    /// The kinds of packages that it installs.
    package static let kinds: [PackageKind] = [.tree]

    private let child: UnpackChild

    package init(products: String, child: UnpackChild) {
        self.products = products
        self.child = child
    }

    // MARK: Looking

    /// The folder of one release.
    package func folder(_ product: ProductName, _ release: ReleaseName) -> String {
        Directory.join(folder(product), release.text)
    }

    /// The release that `current` points to; nil if there is none. Throws `storeDamaged` for a link to anything but a release.
    package func current(_ product: ProductName) throws -> ReleaseName? {
        guard let target = try File.linkTarget(link(product)) else { return nil }
        do {
            return try ReleaseName(target)
        } catch {
            throw AgentError(.storeDamaged, "\(link(product)) points to no release")
        }
    }

    /// The receipt of a release that is there.
    package func receipt(_ product: ProductName, _ release: ReleaseName) throws -> Receipt? {
        try Receipt.read(folder(product, release))
    }

    /// What is current of every product; one whose link or receipt is damaged is left out, and told by the step that meets it.
    package func installed() throws -> [InstalledPackage] {
        guard File.exists(products) else { return [] }
        var result: [InstalledPackage] = []
        for name in try Directory.list(products) {
            // Folders of other names are not the agent's.
            guard let product = try? ProductName(name) else { continue }
            do {
                guard let release = try current(product), let receipt = try receipt(product, release) else { continue }
                result.append(receipt.installed)
            } catch let error as AgentError where error.code == .storeDamaged {
                continue
            }
        }
        return result
    }

    // MARK: Steps forward

    /// Hashes the archive and unpacks it, out of one and the same descriptor, into the staging folder.
    ///
    /// Throws `hashMismatch` before a byte is unpacked when the file is not the one that was signed.
    package func stage(_ package: Package, action: ActionID, archive: PackageFiles.Archive) throws {
        guard Self.kinds.contains(package.metadata.kind) else {
            throw AgentError(
                .unsupportedPackage, "packages of the kind \(package.metadata.kind.name) are not supported")
        }
        let staging = staging(package.path.product, action)
        try Directory.removeTree(staging)
        try Directory.create(staging)
        let file: FileDescriptor
        let packed: PackageContent?
        switch archive {
        case .published(let path):
            file = try FileDescriptor.open(path, [.read, .noFollow])
            try Self.verify(file, package)
            packed = package.metadata.content
        case .content(let path):
            file = try FileDescriptor.open(path, [.read, .noFollow])
            let content = package.content
            try Self.verify(
                file, ContentIdentity(length: content.length.bytes, sha256: content.sha256), of: package.path)
            packed = nil
        }
        try child.unpack(file, into: staging, limits: TarLimits(for: package), content: packed)
        try Receipt(package: package, action: action).write(staging)
    }

    /// Makes the staged release the folder of its name; one of that name from before is replaced. Refuses to replace what is current.
    package func place(_ package: Package, action: ActionID) throws {
        let product = package.path.product
        let final = folder(product, package.path.release)
        let staging = staging(product, action)
        let old = Directory.join(folder(product), ".old-\(action)")
        guard File.exists(staging) else {
            guard try Receipt.read(final)?.action == action else {
                throw AgentError(.storeDamaged, "\(staging) is gone before it was placed")
            }
            try Directory.removeTree(old)
            return
        }
        guard try current(product) != package.path.release else {
            throw AgentError(.storeDamaged, "\(final) is in use and may not be replaced")
        }
        if File.exists(final) {
            try Directory.removeTree(old)
            try File.rename(final, to: old)
        }
        try File.rename(staging, to: final)
        try Directory.removeTree(old)
    }

    /// Points `current` at a release that is there.
    package func switchTo(_ product: ProductName, _ release: ReleaseName) throws {
        guard try receipt(product, release) != nil else {
            throw AgentError(.nothingToRestore, "\(product) \(release) is not on this machine")
        }
        guard try current(product) != release else { return try Directory.synchronize(folder(product)) }
        try File.swapLink(link(product), to: release.text)
    }

    // MARK: Steps back and away

    /// Points `current` back at the release before, or takes it away when there was none.
    package func switchBack(_ product: ProductName, to previous: ReleaseName?) throws {
        if let previous { return try switchTo(product, previous) }
        guard File.exists(folder(product)) else { return }
        try File.remove(link(product))
        try Directory.synchronize(folder(product))
    }

    /// Removes a release that is not current, and what an action left while it was staged.
    package func discard(_ product: ProductName, release: ReleaseName?, action: ActionID) throws {
        try Directory.removeTree(staging(product, action))
        try Directory.removeTree(Directory.join(folder(product), ".old-\(action)"))
        guard let release else { return }
        guard try current(product) != release else {
            throw AgentError(.storeDamaged, "\(product) \(release) is in use and may not be removed")
        }
        try Directory.removeTree(folder(product, release))
    }

    /// Removes all releases of a product but the current one and `previous`, and everything that was left half-way.
    package func prune(_ product: ProductName, keeping previous: ReleaseName?) throws {
        guard File.exists(folder(product)) else { return }
        let kept = [try current(product)?.text, previous?.text, "current"].compactMap { $0 }
        for name in try Directory.list(folder(product)) where !kept.contains(name) {
            try Directory.removeTree(Directory.join(folder(product), name))
        }
    }

    /// Removes a product with all its releases.
    package func uninstall(_ product: ProductName) throws {
        guard File.exists(folder(product)) else { return }
        try switchBack(product, to: nil)
        try Directory.removeTree(folder(product))
        try Directory.synchronize(products)
    }

    // MARK: Paths and bytes

    private func folder(_ product: ProductName) -> String { Directory.join(products, product.text) }
    private func link(_ product: ProductName) -> String { Directory.join(folder(product), "current") }
    private func staging(_ product: ProductName, _ action: ActionID) -> String {
        Directory.join(folder(product), ".staging-\(action)")
    }

    /// Hashes an open file; it must have exactly the length and hash that were signed.
    package static func verify(_ file: borrowing FileDescriptor, _ package: Package) throws {
        try verify(file, ContentIdentity(length: package.length, sha256: package.sha256), of: package.path)
    }

    /// Hashes an open file; it must be exactly this.
    package static func verify(
        _ file: borrowing FileDescriptor, _ wanted: ContentIdentity, of path: TargetPath? = nil
    ) throws {
        let name = path.map { "the file of \($0)" } ?? "the file"
        let wrong = AgentError(.hashMismatch, "\(name) is not the one that was signed")
        guard try file.status().size == Int64(exactly: wanted.length) else { throw wrong }
        file.advise(.sequential)
        var hash = SHA256()
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        var offset: Int64 = 0
        while true {
            let count = try piece.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
            guard count > 0 else { break }
            piece.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
        guard offset == Int64(exactly: wanted.length), hash.finish() == wanted.sha256.bytes else { throw wrong }
    }
}
