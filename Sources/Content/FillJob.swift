internal import System

/// What the limited children have in common that make a new content of file 3 (what came) and file 4 (the old content) in file 5; the child's half of
/// `ContentWorker.fillByPatch`. They say every MiB how much of the new content is in the file, as eight bytes on standard output.
struct FillJob {
    /// How often is said how much is in the file.
    private static let wordEvery = 1 << 20

    /// Of the frame in what came; 0 where it is not packed.
    let windowLog: Int
    private let oldLength: UInt64
    private let newLength: UInt64
    private let cameLength: UInt64

    init(_ arguments: [String]) throws(ContentError) {
        windowLog = Int(clamping: try ContentJob.number(arguments, 0))
        oldLength = try ContentJob.number(arguments, 1)
        newLength = try ContentJob.number(arguments, 2)
        cameLength = try ContentJob.number(arguments, 3)
    }

    /// Maps the files, gives up every right, and has `fill` make the content; `body` is what came behind its header.
    ///
    /// Libraries are loaded before this is called: afterwards nothing can be opened any more. `fill` stores in order, says after each `GrowingFile.room`
    /// bytes at the latest how far it is, and does not go on when that throws.
    func run(
        headerLength: Int,
        fill: (
            _ body: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer, _ new: UnsafeMutableRawBufferPointer,
            _ progress: (Int) throws(ContentError) -> Void
        ) throws -> Void
    ) throws {
        let came = try MakePatchJob.map(3, cameLength)
        let old = try MakePatchJob.map(4, oldLength)
        let new = try GrowingFile(FileDescriptor(takingOwnership: 5), length: Int(clamping: newLength))
        try Confinement.enter(.descriptors)
        let output = FileDescriptor(takingOwnership: 1)
        var said = 0
        func progress(_ done: Int) throws(ContentError) {
            do throws(SystemError) {
                try new.advance(to: done)
                // What is in the file; the window's bytes are nobody else's yet.
                guard new.written - said >= Self.wordEvery else { return }
                said = new.written
                try output.write(LittleEndian.bytes(UInt64(said), count: 8))
            } catch {
                throw ContentError(error)
            }
        }
        try came.withBytes { came in
            guard came.count >= headerLength else {
                throw ContentError(.truncated, "there is nothing behind the header")
            }
            let body = UnsafeRawBufferPointer(rebasing: came[headerLength...])
            try old.withBytes { old in
                try new.withBytes { new in try fill(body, old, new, progress) }
            }
        }
        try new.finish()
    }
}
