internal import Compression
internal import System

/// Applies the patch in file 3 to file 4 (old) and fills file 5; the child's half of `ContentWorker.applyPatch`.
struct ApplyPatchJob {
    /// How far pages are taken ahead of the content, and how often is said how far it is.
    private static let ahead = 16 << 20
    private static let wordEvery = 1 << 20

    private let windowLog: Int
    private let oldLength: UInt64
    private let newLength: UInt64
    private let patchLength: UInt64

    init(_ arguments: [String]) throws(ContentError) {
        windowLog = Int(clamping: try ContentJob.number(arguments, 0))
        oldLength = try ContentJob.number(arguments, 1)
        newLength = try ContentJob.number(arguments, 2)
        patchLength = try ContentJob.number(arguments, 3)
    }

    func run() throws {
        let decompressor = try ZstdDecompressor(windowLogLimit: windowLog)
        let patch = try MakePatchJob.map(3, patchLength)
        let old = try MakePatchJob.map(4, oldLength)
        let new = try SharedFileMapping(FileDescriptor(takingOwnership: 5), length: Int(clamping: newLength))
        try Confinement.enter(.descriptors)
        let output = FileDescriptor(takingOwnership: 1)
        var said = 0
        var failure: SystemError?
        new.populate(to: Self.ahead)
        try patch.withBytes { patch in
            guard patch.count >= PatchHeader.length else { throw ContentError(.truncated, "the patch has no frame") }
            let frame = UnsafeRawBufferPointer(rebasing: patch[PatchHeader.length...])
            try old.withBytes { old in
                try new.withBytes { bytes in
                    try decompressor.unpackPatch(frame, prefix: old, into: bytes) { done in
                        new.populate(to: done + Self.ahead)
                        guard done - said >= Self.wordEvery, failure == nil else { return }
                        said = done
                        do throws(SystemError) {
                            try output.write(LittleEndian.bytes(UInt64(done), count: 8))
                        } catch {
                            failure = error
                        }
                    }
                }
            }
        }
        if let failure { throw failure }
    }
}
