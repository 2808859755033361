internal import Content
package import Model
package import Storage
internal import System
internal import TLS

/// Makes patches and chunk deltas between releases and keeps them in a pool of their own; one piece of work after the other, on a queue of its own.
///
/// What is packed is unpacked into the hub's pool first. Contents come from outside, so that limited children alone look at them. Any thread.
package final class PatchMaker: Sendable {
    /// What the pool of patches holds until an operator sets a quota.
    static let defaultQuota = ByteCount(4_000_000_000)
    private static let pieceLength = 1 << 20

    /// The pool of patches.
    package let patches: any PackagePool
    /// The hub's pool.
    private let packages: any PackagePool
    private let worker: ContentWorker
    private let intake: ContentIntake
    private let scratch: String
    private let queue = NamedQueue("hub.patch")
    private let cancellation = Cancellation()

    /// - Parameters:
    ///   - folder: where the pool of patches is, or is made.
    ///   - program: this program, for its limited children.
    ///   - scratch: a folder for nameless files.
    package init(
        folder: String, quota: ByteCount, packages: any PackagePool, program: String, scratch: String
    ) throws(StorageError) {
        patches = try PoolFolder.open(folder, quota: quota, new: .file)
        self.packages = packages
        self.scratch = scratch
        worker = ContentWorker(program: program)
        intake = ContentIntake(worker: worker, scratch: scratch)
    }

    /// What the core is told at the start.
    package var contents: HubPatchPool {
        HubPatchPool(
            held: Set(patches.list().map(\.digest)), figures: PoolFigures(patches.account()),
            hasLibrary: ContentWorker.canPatch)
    }

    /// Ends what is under way and takes no more; what was not told is begun again after the next start.
    package func stop() async {
        cancellation.cancel()
        await queue.run {}
    }

    // MARK: - Making

    /// Why a patch is of no use, whenever it is made.
    private struct Useless: Error {
        let why: String
    }

    /// Makes a patch; tells how it ended unless the hub is stopping.
    package func make(_ job: PatchJob, _ told: @escaping @Sendable (PatchResult) -> Void) {
        submit {
            var evicted: [SHA256Digest] = []
            guard let outcome = self.outcome(of: job, &evicted) else { return }
            let held = [job.old, job.new].filter { package in
                package.content.coding != .none && self.packages.length(of: package.content.sha256) != nil
            }
            told(
                PatchResult(
                    key: job.key, outcome: outcome, contents: Set(held.map(\.content.sha256)), evicted: evicted))
        }
    }

    /// Nil when it was cancelled.
    private func outcome(of job: PatchJob, _ evicted: inout [SHA256Digest]) -> PatchOutcome? {
        do {
            try unpack(job.old)
            try unpack(job.new)
            let (digest, length) = try make(job, &evicted)
            return .made(digest, length: length)
        } catch let error as Useless {
            return .useless(error.why)
        } catch StorageError.hashMismatch {
            return .useless("what is inside a published file is not what was signed")
        } catch let error as ContentError {
            switch error.code {
            case .cancelled: return nil
            // What needs no library for itself cannot be unpacked without it.
            case .unavailable: return job.means == .plainChunks ? .useless(error.message) : .unavailable(error.message)
            default: return error.isFinal ? .useless(error.message) : .failed(error.message)
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private static func identity(_ package: Package) -> ContentIdentity {
        ContentIdentity(length: package.content.length.bytes, sha256: package.content.sha256)
    }

    /// Puts the content into the hub's pool where the file is packed and it is not there.
    private func unpack(_ package: Package) throws {
        guard package.content.coding != .none else { return }
        do {
            try intake.unpack(
                package.sha256, package.content.coding, to: Self.identity(package), from: packages, into: packages,
                cancellation: cancellation)
        } catch let error as ContentError where error.code == .unavailable && package.content.coding != .zstd {
            // Patches need libzstd alone, so that others can still be made.
            throw Useless(why: error.message)
        }
    }

    /// Makes the patch in a nameless file, since its hash names it, and puts it into its pool.
    private func make(_ job: PatchJob, _ evicted: inout [SHA256Digest]) throws -> (SHA256Digest, UInt64) {
        let (oldReader, newReader) = (try packages.open(job.key.old), try packages.open(job.key.new))
        // Neither may be evicted while the child reads it.
        defer { withExtendedLifetime((oldReader, newReader)) {} }
        let old = try oldReader.file(scratch: scratch)
        let new = try newReader.file(scratch: scratch)
        let file = try ScratchFile.make(in: scratch, length: .zero)
        let (digest, length) = try write(job, from: old, to: new, into: file)
        guard let reservation = try room(for: digest, ByteCount(length), job.evictable, &evicted) else {
            return (digest, length)
        }
        do {
            var offset = reservation.resumeOffset.bytes
            while offset < length {
                let piece = try file.read(count: Self.pieceLength, at: Int64(clamping: offset))
                try pool(write: piece, at: offset, reservation)
                offset += UInt64(piece.count)
            }
            try patches.publish(reservation)
        } catch {
            patches.abandon(reservation, keepingBytes: false)
            throw error
        }
        return (digest, length)
    }

    /// Writes the patch into an empty file; its hash and length.
    private func write(
        _ job: PatchJob, from old: borrowing FileDescriptor, to new: borrowing FileDescriptor,
        into file: borrowing FileDescriptor
    ) throws -> (SHA256Digest, UInt64) {
        var hash = SHA256()
        var length: UInt64 = 0
        let writer = try file.duplicate()
        func take(_ bytes: UnsafeRawBufferPointer) throws {
            guard UInt64(bytes.count) <= job.limit - length else {
                throw Useless(why: "it would save less than a tenth of the file")
            }
            hash.update(bytes)
            try writer.write(bytes, at: Int64(clamping: length))
            length += UInt64(bytes.count)
        }
        let (base, wanted) = (Self.identity(job.old), Self.identity(job.new))
        if job.means == .patch {
            let header = try PatchHeader(from: base, to: wanted)
            try worker.makePatch(header, old: old, new: new, cancellation: cancellation, output: take)
        } else {
            let header = try ChunkDeltaHeader(from: base, to: wanted, isPacked: job.means == .chunks)
            try worker.makeChunks(header, old: old, new: new, cancellation: cancellation, output: take)
        }
        return (try SHA256Digest(bytes: hash.finish()), length)
    }

    private func pool(write piece: [UInt8], at offset: UInt64, _ reservation: Reservation) throws {
        guard !piece.isEmpty else { throw ContentError(.failed, "the patch was cut shorter while it was read") }
        try piece.withUnsafeBytes { bytes in
            try patches.write(reservation, at: ByteCount(offset), RawSpan(_unsafeBytes: bytes))
        }
    }

    /// Reserves room, dropping other patches where it has to; nil if the patch is here already.
    private func room(
        for digest: SHA256Digest, _ length: ByteCount, _ evictable: [SHA256Digest], _ evicted: inout [SHA256Digest]
    ) throws -> Reservation? {
        let quota = patches.account().quota
        guard length <= quota else { throw Useless(why: "it has \(length), the pool of patches \(quota)") }
        let known = Set(evictable)
        var rest = (patches.list().map(\.digest).filter { !known.contains($0) && $0 != digest } + evictable)[...]
        while true {
            switch Result(catching: { () throws(StorageError) in try patches.reserve(digest, length: length) }) {
            case .success(let reservation): return reservation
            case .failure(.alreadyHeld): return nil
            case .failure(let error):
                guard error.isFull, let next = rest.popFirst() else { throw error }
                if try evict(next) { evicted.append(next) }
            }
        }
    }

    /// False for one that is being read.
    private func evict(_ digest: SHA256Digest) throws -> Bool {
        do {
            try patches.evict(digest)
            return true
        } catch StorageError.inUse {
            return false
        } catch StorageError.notHeld {
            return true
        }
    }

    // MARK: - Keeping

    /// Reads a patch again, and removes it where it is damaged; tells why it is gone.
    package func check(_ digest: SHA256Digest, lost: @escaping @Sendable (String) -> Void) {
        submit { [patches] in
            do throws(StorageError) {
                try patches.verify(digest)
            } catch {
                // What is being read is marked, and gives its place to the next one with this hash.
                try? patches.evict(digest)
                lost("the patch was damaged in its pool (\(error))")
            }
        }
    }

    /// Removes patches; one that is being read stays until the next start.
    package func drop(_ digests: [SHA256Digest], done: @escaping @Sendable (PoolFigures) -> Void) {
        submit { [patches] in
            // As said above.
            for digest in digests { try? patches.evict(digest) }
            done(PoolFigures(patches.account()))
        }
    }

    /// Removes unpacked contents from the hub's pool; one that is being read stays until the next start.
    package func dropContents(_ digests: [SHA256Digest], done: @escaping @Sendable (PoolFigures) -> Void) {
        submit { [packages] in
            // As said above.
            for digest in digests { try? packages.evict(digest) }
            done(PoolFigures(packages.account()))
        }
    }

    /// Changes the quota, behind what is to be dropped before it.
    package func setQuota(_ quota: ByteCount, done: @escaping @Sendable (PoolFigures, (any Error)?) -> Void) {
        submit { [patches] in
            var failure: (any Error)?
            do {
                try patches.setQuota(quota)
            } catch {
                failure = error
            }
            done(PoolFigures(patches.account()), failure)
        }
    }

    private func submit(_ work: @escaping @Sendable () -> Void) {
        queue.submit { [cancellation] in
            if !cancellation.isCancelled { work() }
        }
    }
}

extension ContentError {
    /// Whether the same bytes would fail again.
    fileprivate var isFinal: Bool {
        switch code {
        case .malformed, .truncated, .tooLarge, .hashMismatch, .wrongReference: true
        default: false
        }
    }
}
