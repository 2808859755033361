internal import Compression

/// Makes the new content by the patch in file 3: a zstd frame whose prefix is the old content.
struct ApplyPatchJob {
    private let job: FillJob

    init(_ arguments: [String]) throws(ContentError) {
        job = try FillJob(arguments)
    }

    func run() throws {
        let decompressor = try ZstdDecompressor(windowLogLimit: job.windowLog)
        try job.run(headerLength: PatchHeader.length) { frame, old, new, progress in
            try decompressor.unpackPatch(frame, prefix: old, into: new, progress: progress)
        }
    }
}
