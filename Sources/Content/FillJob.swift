internal import System

/// What the limited children have in common that make a new content of file 3 (what came) and file 4 (the old content) in file 5; the child's half of
/// `ContentWorker.fillByPatch`. They say every MiB how far the new content is, as eight bytes on standard output.
struct FillJob {
    /// How far pages are taken ahead of the content, and how often is said how far it is.
    private static let ahead = 16 << 20
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
    /// Libraries are loaded before this is called: afterwards nothing can be opened any more.
    func run(
        headerLength: Int,
        fill: (
            _ body: UnsafeRawBufferPointer, _ old: UnsafeRawBufferPointer, _ new: UnsafeMutableRawBufferPointer,
            _ progress: (Int) -> Void
        ) throws -> Void
    ) throws {
        let came = try MakePatchJob.map(3, cameLength)
        let old = try MakePatchJob.map(4, oldLength)
        let new = try SharedFileMapping(FileDescriptor(takingOwnership: 5), length: Int(clamping: newLength))
        try Confinement.enter(.descriptors)
        let output = FileDescriptor(takingOwnership: 1)
        var said = 0
        var failure: SystemError?
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
        new.populate(to: Self.ahead)
        try came.withBytes { came in
            guard came.count >= headerLength else {
                throw ContentError(.truncated, "there is nothing behind the header")
            }
            let body = UnsafeRawBufferPointer(rebasing: came[headerLength...])
            try old.withBytes { old in
                try new.withBytes { new in try fill(body, old, new, progress) }
            }
        }
        if let failure { throw failure }
    }
}
