package import Content
package import Model
package import System

/// Brings the content of a published file into a pool, by unpacking the file or by patching another content: reserve, make in a limited child, publish.
///
/// The pool's `publish` is the check: a content counts only with its signed hash, and each byte of it is hashed once. A failure leaves nothing but
/// what a later attempt goes on from. Verbs block for as long as the work takes: call them on a queue of their own; any thread.
package struct ContentIntake: Sendable {
    private let worker: ContentWorker
    /// Where scratch files are made, by pools that have no file of a package's own.
    private let scratch: String

    package init(worker: ContentWorker, scratch: String) {
        self.worker = worker
        self.scratch = scratch
    }

    /// Unpacks a published file that `source` holds; what an attempt before left is gone on from.
    ///
    /// - Throws: `StorageError` (full, a wrong hash: `hashMismatch(resumed: false)`), or `ContentError` (cancelled, a child that died, no library,
    ///   bytes that are not what the coding says).
    package func unpack(
        _ published: SHA256Digest, _ coding: ContentCoding, to content: ContentIdentity, from source: any PackagePool,
        into pool: any PackagePool, cancellation: Cancellation? = nil
    ) throws {
        try bring(content, into: pool) { reservation in
            let reader = try source.open(published)
            let file = try reader.file(scratch: scratch)
            try withExtendedLifetime(reader) {
                var taker = Taker(pool, reservation)
                try worker.unpack(
                    file, coding, limits: ContentLimits(length: content.length), cancellation: cancellation
                ) { try taker.take($0) }
            }
        }
    }

    /// Turns a base that the pool holds into the content by a patch that `source` holds.
    ///
    /// A pool that lends its file has it filled in place. What the patch gives is not believed. `reserved` is the room for the
    /// content where the pool has reserved it already.
    /// - Throws: as `unpack`; `ContentError.wrongReference` for a patch between other contents.
    package func patch(
        _ base: ContentIdentity, by patch: SHA256Digest, to content: ContentIdentity, from source: any PackagePool,
        into pool: any PackagePool, reserved: Reservation? = nil, cancellation: Cancellation? = nil
    ) throws {
        try bring(content, into: pool, reserved: reserved) { reservation in
            let (patchReader, baseReader) = (try source.open(patch), try pool.open(base.sha256))
            let patch = try patchReader.file(scratch: scratch)
            let old = try baseReader.file(scratch: scratch)
            try withExtendedLifetime((patchReader, baseReader)) {
                if let file = try pool.lend(reservation) {
                    var begun: UInt64 = 0
                    try worker.fillByPatch(
                        patch, old: old, expecting: (base, content), into: file, cancellation: cancellation
                    ) { done in
                        guard done - begun >= Self.writebackStep else { return }
                        file.startWriteback(offset: Int64(clamping: begun), length: Int64(clamping: done - begun))
                        begun = done
                    }
                } else {
                    let output = try ScratchFile.make(in: scratch, length: ByteCount(content.length))
                    var taker = Taker(pool, reservation)
                    try worker.makeByPatch(
                        patch, old: old, expecting: (base, content), into: output, cancellation: cancellation
                    ) { try taker.take($0) }
                }
            }
        }
    }

    /// Bytes after which the disk is told to begin.
    private static let writebackStep: UInt64 = 32 << 20

    /// Reserves, makes, publishes. What an attempt before left and turns out to be wrong is made anew, once.
    private func bring(
        _ content: ContentIdentity, into pool: any PackagePool, reserved: Reservation? = nil,
        make: (Reservation) throws -> Void
    ) throws {
        do {
            try bringOnce(content, into: pool, reserved: reserved, make: make)
        } catch StorageError.hashMismatch(resumed: true) {
            try bringOnce(content, into: pool, make: make)
        }
    }

    private func bringOnce(
        _ content: ContentIdentity, into pool: any PackagePool, reserved: Reservation? = nil,
        make: (Reservation) throws -> Void
    ) throws {
        let length = ByteCount(content.length)
        guard reserved != nil || pool.length(of: content.sha256) == nil else { return }
        let reservation = try reserved ?? pool.reserve(content.sha256, length: length)
        do {
            if reservation.resumeOffset < length { try make(reservation) }
            try pool.publish(reservation)
        } catch StorageError.incomplete(let written, _) {
            pool.abandon(reservation, keepingBytes: false)
            throw ContentError(.hashMismatch, "what came out are \(written.bytes) bytes, \(content.length) were signed")
        } catch {
            pool.abandon(reservation, keepingBytes: true)
            throw error
        }
    }
}

/// Hands a content that is made from its beginning to a pool that may have its first bytes already.
private struct Taker {
    private let pool: any PackagePool
    private let reservation: Reservation
    /// Bytes that were made.
    private var made: UInt64 = 0

    init(_ pool: any PackagePool, _ reservation: Reservation) {
        self.pool = pool
        self.reservation = reservation
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        let held = reservation.resumeOffset.bytes
        let skipped = Int(min(UInt64(bytes.count), held - min(held, made)))
        let rest = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
        if !rest.isEmpty {
            try pool.write(
                reservation, at: ByteCount(made + UInt64(skipped)), RawSpan(_unsafeBytes: rest))
        }
        made += UInt64(bytes.count)
    }
}
