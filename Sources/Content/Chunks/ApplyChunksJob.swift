internal import Compression
internal import System

/// Applies the chunk delta in file 3 to file 4 (old) and fills file 5; the child's half of `ContentWorker.fillByPatch`.
struct ApplyChunksJob {
    /// How far pages are taken ahead of the content, and how often is said how far it is.
    private static let ahead = 16 << 20
    private static let wordEvery = 1 << 20

    /// Of the frame; 0 for a body as it is.
    private let windowLog: Int
    private let oldLength: UInt64
    private let newLength: UInt64
    private let deltaLength: UInt64

    init(_ arguments: [String]) throws(ContentError) {
        windowLog = Int(clamping: try ContentJob.number(arguments, 0))
        oldLength = try ContentJob.number(arguments, 1)
        newLength = try ContentJob.number(arguments, 2)
        deltaLength = try ContentJob.number(arguments, 3)
    }

    func run() throws {
        let unpacker = windowLog > 0 ? try ZstdDecompressor(windowLogLimit: windowLog) : nil
        let delta = try MakePatchJob.map(3, deltaLength)
        let old = try MakePatchJob.map(4, oldLength)
        let new = try SharedFileMapping(FileDescriptor(takingOwnership: 5), length: Int(clamping: newLength))
        try Confinement.enter(.descriptors)
        let output = FileDescriptor(takingOwnership: 1)
        var said = 0
        var failure: SystemError?
        new.populate(to: Self.ahead)
        try delta.withBytes { delta in
            guard delta.count >= ChunkDeltaHeader.length else {
                throw ContentError(.truncated, "the chunk delta has no body")
            }
            let body = UnsafeRawBufferPointer(rebasing: delta[ChunkDeltaHeader.length...])
            try old.withBytes { old in
                try new.withBytes { bytes in
                    var assembler = ChunkAssembler(old: old, new: bytes)
                    func progress(_ done: Int) {
                        new.populate(to: done + Self.ahead)
                        guard done - said >= Self.wordEvery, failure == nil else { return }
                        said = done
                        do throws(SystemError) {
                            try output.write(LittleEndian.bytes(UInt64(done), count: 8))
                        } catch {
                            failure = error
                        }
                    }
                    if let unpacker {
                        try unpacker.unpackWhole(body) { (piece) throws(ContentError) in
                            try assembler.take(piece, progress: progress)
                        }
                    } else {
                        try assembler.take(body, progress: progress)
                    }
                    try assembler.finish()
                }
            }
        }
        if let failure { throw failure }
    }
}
