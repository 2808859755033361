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
        try make(
            .patch(header), "making a patch", old: old, new: new, cancellation: cancellation, progress: progress,
            output: output)
    }

    /// Makes a chunk delta that turns `old` into `new`, as `makePatch` does: of contents of any length, and without libzstd where `header` says that it is not packed.
    package func makeChunks(
        _ header: ChunkDeltaHeader, old: borrowing FileDescriptor, new: borrowing FileDescriptor,
        cancellation: Cancellation? = nil, progress: (UInt64) -> Void = { _ in },
        output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try make(
            .chunks(header), "making a chunk delta", old: old, new: new, cancellation: cancellation,
            progress: progress, output: output)
    }

    private func make(
        _ file: PatchFile, _ what: String, old: borrowing FileDescriptor, new: borrowing FileDescriptor,
        cancellation: Cancellation?, progress: (UInt64) -> Void, output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try Self.check(old, file.old)
        try Self.check(new, file.new)
        try file.encoded.withUnsafeBytes(output)
        let child = child(file.makeJob, deadline: patchDeadline, mapped: file.old.length + file.new.length)
        var pieces = PatchPieces(limit: file.new.length)
        try run(child, what, files: [old.number, new.number], cancellation: cancellation) { bytes in
            try pieces.take(bytes, progress: progress, output: output)
        }
        try pieces.finish()
    }

    /// Turns `old` into the new content by a patch or a chunk delta and hands it on as it comes; the taker hashes it, as a pool does, so that each byte is hashed once.
    ///
    /// `output` can be a scratch file that is thrown away afterwards: the bytes that the taker gets are those that count. Parameters as `fillByPatch`.
    package func makeByPatch(
        _ patch: borrowing FileDescriptor, old: borrowing FileDescriptor,
        expecting expected: (old: ContentIdentity, new: ContentIdentity), into output: borrowing FileDescriptor,
        cancellation: Cancellation? = nil, taker: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var taken: UInt64 = 0
        var piece = [UInt8](repeating: 0, count: ConfinedChild.pieceLength)
        let reader = try output.duplicate()
        try fillByPatch(patch, old: old, expecting: expected, into: output, cancellation: cancellation) { end in
            try Self.follow(reader, to: end, &taken, &piece, taker)
        }
    }

    /// Has the child fill `output` in place with what a patch or a chunk delta makes of `old`; nobody has looked at the result when this returns.
    ///
    /// The child maps the old content, and the new one as it grows (`GrowingFile`), so that neither takes anonymous memory. Who hashes the file does it
    /// after this has returned: then the child is gone, and with it whoever could still change a byte. The file is not synchronised.
    /// - Parameters:
    ///   - patch: an open file, the patch or chunk delta and nothing else; it says itself which.
    ///   - old: an open file of the old content; a wrong one gives `wrongReference` or other bytes than wanted.
    ///   - expected: the old and the new content as they were signed; a patch between others is `wrongReference`, before anything is made of it.
    ///   - output: a file that may be empty, open for reading and writing.
    ///   - progress: hears how many bytes from the file's beginning the child says are done, never fewer than before, and at the end of all of them.
    package func fillByPatch(
        _ patch: borrowing FileDescriptor, old: borrowing FileDescriptor,
        expecting expected: (old: ContentIdentity, new: ContentIdentity), into output: borrowing FileDescriptor,
        cancellation: Cancellation? = nil, progress: (UInt64) throws -> Void = { _ in }
    ) throws {
        let patchLength: Int64
        let header: PatchFile
        do {
            patchLength = try patch.status().size
            let bytes = try patch.read(count: PatchFile.headerLength, at: 0)
            header = try Self.header(bytes, expected)
            try Self.check(old, header.old)
            let length = Int64(clamping: header.new.length)
            try output.allocate(length)
            try output.truncate(to: length)
        } catch let error as SystemError {
            throw ContentError(error)
        }
        var done = ProgressReader(limit: header.new.length)
        let mapped = header.old.length + header.new.length + UInt64(clamping: patchLength)
        var child = child(header.applyJob(length: patchLength), deadline: patchDeadline, mapped: mapped)
        child.fileSize = header.new.length
        try run(
            child, "applying a patch", files: [patch.number, old.number, output.number], cancellation: cancellation
        ) { try progress(try done.take($0)) }
        try progress(header.new.length)
    }

    private static func header(
        _ bytes: [UInt8], _ expected: (old: ContentIdentity, new: ContentIdentity)
    ) throws(ContentError) -> PatchFile {
        let header = try PatchFile(bytes)
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

    /// Hands on what was written up to `end`.
    private static func follow(
        _ file: borrowing FileDescriptor, to end: UInt64, _ taken: inout UInt64, _ piece: inout [UInt8],
        _ taker: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        while taken < end {
            let wanted = Int(min(UInt64(piece.count), end - taken))
            let offset = Int64(clamping: taken)
            taken += try piece.withUnsafeMutableBytes { buffer in
                let count: Int
                do throws(SystemError) {
                    count = try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
                } catch {
                    throw ContentError(error)
                }
                guard count > 0 else { throw ContentError(.failed, "the output was cut shorter while it was made") }
                try taker(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                return UInt64(count)
            }
        }
    }
}
