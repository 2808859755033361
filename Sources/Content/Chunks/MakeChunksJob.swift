internal import Compression
internal import System

/// Makes the body of a chunk delta from files 3 (old) and 4 (new); the child's half of `ContentWorker.makeChunks`.
struct MakeChunksJob {
    /// The bytes that are written out are few, are packed once and sent often.
    private static let level = 9

    /// Of the frame; 0 for a body as it is.
    private let windowLog: Int
    private let oldLength: UInt64
    private let newLength: UInt64

    init(_ arguments: [String]) throws(ContentError) {
        windowLog = Int(clamping: try ContentJob.number(arguments, 0))
        oldLength = try ContentJob.number(arguments, 1)
        newLength = try ContentJob.number(arguments, 2)
    }

    func run() throws {
        let packer = windowLog > 0 ? try BodyPacker(level: Self.level, windowLog: windowLog) : nil
        let old = try MakePatchJob.map(3, oldLength)
        let new = try MakePatchJob.map(4, newLength)
        try Confinement.enter(.descriptors)
        let words = PieceWriter()
        try old.withBytes { old in
            try new.withBytes { new in
                let matcher = ChunkMatcher(old: old, new: new)
                var writer = ChunkDeltaWriter(new: new)
                var done = 0
                func output(_ bytes: UnsafeRawBufferPointer) throws {
                    guard let packer else { return try words.write(bytes, done: done) }
                    try packer.add(bytes) { try words.write($0, done: done) }
                }
                try matcher.run { instruction, at in
                    done = at + Int(clamping: instruction.literal) + Int(clamping: instruction.copy)
                    try writer.add(instruction, at: at, output)
                }
                try writer.finish(output)
                try packer?.finish { try words.write($0, done: done) }
            }
        }
    }
}

/// Writes what `PatchPieces` reads.
private struct PieceWriter: ~Copyable {
    private let output = FileDescriptor(takingOwnership: 1)

    func write(_ bytes: UnsafeRawBufferPointer, done: Int) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(PatchPieces.pieceLimit)
            try output.write(
                LittleEndian.bytes(UInt64(done), count: 8) + LittleEndian.bytes(UInt64(piece.count), count: 4))
            try output.write(UnsafeRawBufferPointer(rebasing: piece))
            rest = rest.dropFirst(piece.count)
        }
    }
}

/// Packs a body as one zstd frame.
private final class BodyPacker {
    private let compressor: ZstdCompressor
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    init(level: Int, windowLog: Int) throws(CompressionError) {
        var settings = ZstdCompressor.Settings(level: level)
        settings.windowLog = windowLog
        settings.isLong = true
        compressor = try ZstdCompressor(settings)
    }

    func add(_ bytes: UnsafeRawBufferPointer, _ output: (UnsafeRawBufferPointer) throws -> Void) throws {
        var used = 0
        while used < bytes.count {
            used += try step(UnsafeRawBufferPointer(rebasing: bytes[used...]), isLast: false, output).consumed
        }
    }

    func finish(_ output: (UnsafeRawBufferPointer) throws -> Void) throws {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        while !(try step(nothing, isLast: true, output).isComplete) {}
    }

    private func step(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool, _ output: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> CodecStep {
        try buffer.withUnsafeMutableBytes { buffer in
            let step = try compressor.step(bytes, isLast: isLast, into: buffer)
            if step.produced > 0 { try output(UnsafeRawBufferPointer(rebasing: buffer[..<step.produced])) }
            return step
        }
    }
}
