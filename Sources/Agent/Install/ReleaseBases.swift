package import Content
package import Model
internal import System

/// The contents of installed releases, one file for each product, which the next release can be patched from: `FOLDER/PRODUCT/SHA256`.
///
/// A base is a convenience: nothing breaks without it, and a damaged one gives a content whose hash is wrong, which is refused. Blocks; the queue of
/// installs keeps them, the queue of downloads reads them.
package struct ReleaseBases: Sendable {
    /// A base that is here.
    package struct Base: Hashable, Sendable {
        package let identity: ContentIdentity
        package let path: String

        package init(identity: ContentIdentity, path: String) {
            self.identity = identity
            self.path = path
        }
    }

    private let folder: String
    /// How many hundredths of the free disk a base may take.
    private let share: UInt64
    private let worker: ContentWorker
    /// How long unpacking a published file for this may take.
    private static let deadline: Duration = .seconds(300)

    package init(folder: String, share: UInt64, worker: ContentWorker) {
        self.folder = folder
        self.share = min(share, 100)
        self.worker = worker
    }

    /// Whether a content is kept beside its release, when so much of the disk is free; pure.
    package static func isKept(_ content: ByteCount, free: ByteCount, share: UInt64) -> Bool {
        share > 0 && content.bytes <= free.bytes / 100 * min(share, 100)
    }

    /// The base of a product; nil without one.
    package func base(of product: ProductName) throws -> Base? {
        let place = Directory.join(folder, product.text)
        guard File.exists(place) else { return nil }
        for name in try Directory.list(place) {
            // Other names are what a cut left.
            guard let sha256 = try? SHA256Digest(name) else { continue }
            let path = Directory.join(place, name)
            guard let status = try File.status(path, followLinks: false), status.kind == .file else { continue }
            return Base(identity: ContentIdentity(length: UInt64(max(0, status.size)), sha256: sha256), path: path)
        }
        return nil
    }

    /// Keeps the content of a release that was installed out of these files, in the place of the one before, when there is ample room for it.
    ///
    /// May be done again after a cut. The files may be moved, unless they are to be left for another package of the same bytes.
    package func keep(_ files: PackageFiles, leavingFiles: Bool = false) throws {
        let package = files.package
        let content = package.content
        let place = Directory.join(folder, package.path.product.text)
        let path = Directory.join(place, content.sha256.hex)
        try Directory.create(place, mode: 0o700)
        for name in try Directory.list(place) where name != content.sha256.hex {
            try File.remove(Directory.join(place, name))
        }
        guard !File.exists(path), let archive = files.archive else { return }
        let free = ByteCount(try Directory.space(place).available)
        switch archive {
        case .content(let file),
            .published(let file) where content.coding == .none:
            guard Self.isKept(content.length, free: free + content.length, share: share) else { return }
            if leavingFiles { try File.link(file, to: path) } else { try File.rename(file, to: path) }
        case .published(let file):
            guard Self.isKept(content.length, free: free, share: share) else { return }
            try unpack(file, content, to: path)
        }
    }

    /// Removes the base of a product.
    package func remove(_ product: ProductName) throws {
        try Directory.removeTree(Directory.join(folder, product.text))
    }

    private func unpack(_ file: String, _ content: PackageContent, to path: String) throws {
        let published = try FileDescriptor.open(file, [.read, .noFollow])
        let temporary = AtomicFile.temporaryPath(in: Directory.parent(of: path))
        do {
            let output = try FileDescriptor.open(temporary, [.write, .create, .exclusive, .noFollow])
            try worker.decode(
                published, content.coding,
                limits: ContentLimits(length: content.length.bytes, deadline: Self.deadline),
                expected: ContentIdentity(length: content.length.bytes, sha256: content.sha256)
            ) { try output.write($0) }
            try File.rename(temporary, to: path)
        } catch {
            // The first error is the one to tell; what stays is removed with the next base.
            _ = try? File.remove(temporary)
            throw error
        }
    }
}
