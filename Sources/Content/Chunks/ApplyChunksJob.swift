internal import Compression

/// Makes the new content by the chunk delta in file 3.
struct ApplyChunksJob {
    private let job: FillJob

    init(_ arguments: [String]) throws(ContentError) {
        job = try FillJob(arguments)
    }

    func run() throws {
        let unpacker = job.windowLog > 0 ? try ZstdDecompressor(windowLogLimit: job.windowLog) : nil
        try job.run(headerLength: ChunkDeltaHeader.length) { body, old, new, progress in
            var assembler = ChunkAssembler(old: old, new: new)
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
