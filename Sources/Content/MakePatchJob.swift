internal import Compression
internal import System

/// Makes a patch from files 3 (old) and 4 (new); the child's half of `ContentWorker.makePatch`.
struct MakePatchJob {
    private let windowLog: Int
    private let oldLength: UInt64
    private let newLength: UInt64

    init(_ arguments: [String]) throws(ContentError) {
        windowLog = Int(clamping: try ContentJob.number(arguments, 0))
        oldLength = try ContentJob.number(arguments, 1)
        newLength = try ContentJob.number(arguments, 2)
    }

    func run() throws {
        try CodecLibrary.zstd.require()
        let old = try Self.map(3, oldLength)
        let new = try Self.map(4, newLength)
        try Confinement.enter(.descriptors)
        let output = FileDescriptor(takingOwnership: 1)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        try buffer.withUnsafeMutableBytes { buffer in
            try old.withBytes { old in
                try new.withBytes { new in
                    try ZstdCompressor.packPatch(
                        new, prefix: old, level: ContentWorker.patchLevel, windowLog: windowLog, buffer: buffer
                    ) { done, piece in
                        try output.write(
                            LittleEndian.bytes(UInt64(done), count: 8)
                                + LittleEndian.bytes(UInt64(piece.count), count: 4))
                        try output.write(piece)
                    }
                }
            }
        }
    }

    /// Maps a file that must still have its length.
    static func map(_ number: Int32, _ length: UInt64) throws -> MappedFile {
        let mapped = try MappedFile(FileDescriptor(takingOwnership: number))
        guard UInt64(mapped.count) == length else {
            throw ContentError(.wrongReference, "a file has \(mapped.count) bytes and should have \(length)")
        }
        return mapped
    }
}
