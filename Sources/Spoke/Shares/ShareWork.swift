internal import Content
internal import Model
internal import Storage
internal import System
internal import TLS

/// Puts a package from the pool into a share's folder: a tree unpacked by a limited child, any other kind as its file. What is read is hashed on the way and
/// shown only when it is what was signed.
///
/// Blocks: call on a queue of its own.
struct ShareWork {
    let pool: any PackagePool
    let worker: ContentWorker
    /// Where scratch files are made by pools that have no file of a package's own.
    let scratch: String
    /// This spoke, as folders are marked with.
    let owner: String
    let messages: @Sendable (String) -> Void
    /// The pool's object is damaged.
    let damaged: @Sendable (SHA256Digest) -> Void

    private static let pieceLength = 1 << 20

    /// No form of the package that can be shown is here.
    private struct NoForm: Error {}

    /// Sees to the share: `package` is what it is to show, nil for what it shows already.
    func tend(_ share: Share, _ package: Package?) -> ShareOutcome {
        let folder = ShareFolder(share: share, owner: owner, messages: messages)
        do {
            guard let package else { return .done(try folder.tidy()) }
            let size = max(package.metadata.unpackedSize.bytes, package.content.length.bytes)
            let view = try folder.publish(ShareView.name(of: package), needed: ByteCount(size)) { place in
                guard let form = form(of: package) else { throw NoForm() }
                try fill(place, package, form)
            }
            return .done(view)
        } catch is NoForm {
            return .needsPublishedFile
        } catch let error as ShareFolder.Problem {
            return .failed(error.description)
        } catch let error as SystemError {
            return .failed(sentence(error, share))
        } catch let error as ContentError where error.code == .full {
            return .failed("\(share.folder) has no room for the new release: make room, it is tried again by itself")
        } catch let error as ContentError {
            return .failed("the package could not be unpacked into \(share.folder): \(error)")
        } catch {
            return .failed("\(share.folder): \(error)")
        }
    }

    private func sentence(_ error: SystemError, _ share: Share) -> String {
        switch error.errno {
        case .noSpace, .quotaExceeded:
            "\(share.folder) has no room for the new release: make room, it is tried again by itself"
        case .readOnlyFileSystem:
            "\(share.folder) is mounted read-only for the spoke: mount it writable, or name it in ReadWritePaths of the spoke's unit (\(error))"
        case .notPermitted:
            "this machine refuses the spoke to write to \(share.folder), whoever owns it: look for an immutable folder or a filter of the spoke's unit (\(error))"
        case .permission:
            "the spoke may not write to \(share.folder): give the folder to the spoke's user (\(error))"
        default: "\(share.folder): \(error)"
        }
    }

    // MARK: - Bytes

    /// An object of the pool, and what is inside it.
    private struct Form {
        let object: SHA256Digest
        let length: ByteCount
        /// As it was signed; coding `none` for one that is its own content.
        let content: PackageContent
    }

    /// The form of the package that can be shown and is here: of a tree its content, which needs no unpacking, or its file; of another kind the published
    /// file, or for a Debian package its content, which is one as well.
    private func form(of package: Package) -> Form? {
        let content = package.content
        let published = Form(object: package.sha256, length: ByteCount(package.length), content: content)
        let inside = Form(
            object: content.sha256, length: content.length,
            content: PackageContent(coding: .none, length: content.length, sha256: content.sha256))
        let forms = package.metadata.kind == .tree ? [inside, published] : [published, inside]
        return forms.first { form in
            guard pool.length(of: form.object) != nil else { return false }
            return form.object == package.sha256 || package.metadata.kind == .tree || content.coding == .deb
        }
    }

    private func fill(_ place: String, _ package: Package, _ form: Form) throws {
        let reader = try pool.open(form.object)
        do {
            try withExtendedLifetime(reader) {
                if package.metadata.kind == .tree {
                    let unpacked = package.metadata.unpackedSize.bytes
                    let limits = TarLimits(bytes: Int64(clamping: unpacked > 0 ? unpacked : form.content.length.bytes))
                    try worker.unpackTree(
                        try reader.file(scratch: scratch), into: place, limits: limits, content: form.content)
                } else {
                    try copy(reader, form, to: Directory.join(place, package.path.file.text))
                }
            }
        } catch let error as ContentError where error.code == .hashMismatch {
            // The pool has other bytes than it was given: it is told so, and repairs them.
            do throws(StorageError) {
                try pool.verify(form.object)
            } catch {
                if case .corrupt(let object) = error { damaged(object) }
            }
            throw error
        }
    }

    private func copy(_ reader: any PackageReader, _ form: Form, to path: String) throws {
        let file = try FileDescriptor.open(path, [.write, .create, .exclusive, .noFollow], mode: 0o644)
        var hash = SHA256()
        var offset = ByteCount.zero
        while true {
            let piece = try reader.read(at: offset, count: Self.pieceLength)
            guard !piece.isEmpty else { break }
            hash.update(piece)
            try file.write(piece)
            offset += ByteCount(UInt64(piece.count))
        }
        guard offset == form.length, hash.finish() == form.object.bytes else {
            throw ContentError(.hashMismatch, "the pool's bytes are not the ones that were signed")
        }
        try file.synchronize()
        try file.close()
        try File.setMode(path, 0o644)
        try Directory.synchronize(Directory.parent(of: path))
    }
}
