package import System

extension ContentWorker {
    /// The level of patches: far repetitions, which are nearly all of a patch, are found alike at every level.
    static let patchLevel = 3

    /// Makes a patch that turns `old` into `new`, and gives it piece by piece.
    ///
    /// - Parameters:
    ///   - old, new: open files with exactly the contents that `header` names; who made the header has hashed them.
    ///   - progress: bytes of the new content that are done.
    ///   - output: takes the patch in order, its header first.
    /// - Throws: `wrongReference` when a file has another length than the header says.
    package func makePatch(
        _ header: PatchHeader, old: borrowing FileDescriptor, new: borrowing FileDescriptor,
        cancellation: Cancellation? = nil, progress: (UInt64) -> Void = { _ in },
        output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try Self.check(old, header.old)
        try Self.check(new, header.new)
        let bytes = header.encoded()
        try bytes.withUnsafeBytes(output)
        let job = [
            ContentJob.makePatch.rawValue, "\(header.windowLog)", "\(header.old.length)", "\(header.new.length)",
        ]
        let child = child(job, deadline: patchDeadline, mapped: header.old.length + header.new.length)
        var pieces = PatchPieces(limit: header.new.length)
        try run(child, "making a patch", files: [old.number, new.number], cancellation: cancellation) { bytes in
            try pieces.take(bytes, progress: progress, output: output)
        }
        try pieces.finish()
    }

    /// Turns `old` into the new content by a patch.
    ///
    /// The child writes the content into `output` through a mapping, so that neither content takes anonymous memory; here it is hashed as it comes.
    /// The file is neither synchronised nor trusted before this returns. With `taker` the file can be a scratch file that is thrown away afterwards:
    /// the bytes that were hashed are then the very bytes that were handed on.
    /// - Parameters:
    ///   - patch: an open file, the patch and nothing else.
    ///   - old: an open file of the old content; a wrong one gives `wrongReference` or `hashMismatch`, never a wrong result.
    ///   - expected: the old and the new content as they were signed.
    ///   - output: an empty file, open for reading and writing.
    ///   - taker: takes the new content in order.
    package func applyPatch(
        _ patch: borrowing FileDescriptor, old: borrowing FileDescriptor,
        expecting expected: (old: ContentIdentity, new: ContentIdentity), into output: borrowing FileDescriptor,
        cancellation: Cancellation? = nil, taker: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) throws {
        let patchLength: Int64
        let header: PatchHeader
        do {
            patchLength = try patch.status().size
            let bytes = try patch.read(count: PatchHeader.length, at: 0)
            header = try Self.header(bytes, expected)
            try Self.check(old, header.old)
            let length = Int64(clamping: header.new.length)
            try output.allocate(length)
            try output.truncate(to: length)
        } catch let error as SystemError {
            throw ContentError(error)
        }
        var meter = ContentMeter()
        var done = ProgressReader(limit: header.new.length)
        let job = [
            ContentJob.applyPatch.rawValue, "\(header.windowLog)", "\(header.old.length)", "\(header.new.length)",
            "\(patchLength)",
        ]
        let mapped = header.old.length + header.new.length + UInt64(clamping: patchLength)
        var piece = [UInt8](repeating: 0, count: ConfinedChild.pieceLength)
        let reader = try output.duplicate()
        try run(
            child(job, deadline: patchDeadline, mapped: mapped), "applying a patch",
            files: [patch.number, old.number, output.number], cancellation: cancellation
        ) { bytes in
            let end = try done.take(bytes)
            try Self.follow(reader, to: end, &meter, &piece, taker)
        }
        try Self.follow(reader, to: header.new.length, &meter, &piece, taker)
        guard try meter.finish() == header.new else {
            throw ContentError(.hashMismatch, "the patch does not give what was signed")
        }
    }

    private static func header(
        _ bytes: [UInt8], _ expected: (old: ContentIdentity, new: ContentIdentity)
    ) throws(ContentError) -> PatchHeader {
        let header = try PatchHeader(bytes)
        guard header.old == expected.old, header.new == expected.new else {
            throw ContentError(.wrongReference, "the patch is between other releases than the ones wanted")
        }
        return header
    }

    /// The file has the length of the content that it should be.
    private static func check(_ file: borrowing FileDescriptor, _ identity: ContentIdentity) throws(ContentError) {
        let size: Int64
        do throws(SystemError) { size = try file.status().size } catch { throw ContentError(error) }
        guard UInt64(exactly: size) == identity.length else {
            throw ContentError(.wrongReference, "a file has \(size) bytes and should have \(identity.length)")
        }
    }

    /// Hashes and hands on what was written up to `end`.
    private static func follow(
        _ file: borrowing FileDescriptor, to end: UInt64, _ meter: inout ContentMeter, _ piece: inout [UInt8],
        _ taker: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        while meter.length < end {
            let wanted = Int(min(UInt64(piece.count), end - meter.length))
            let offset = Int64(clamping: meter.length)
            try piece.withUnsafeMutableBytes { buffer in
                let count: Int
                do throws(SystemError) {
                    count = try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
                } catch {
                    throw ContentError(error)
                }
                guard count > 0 else { throw ContentError(.failed, "the output was cut shorter while it was made") }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                meter.add(bytes)
                try taker(bytes)
            }
        }
    }
}
