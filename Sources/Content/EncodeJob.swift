internal import Compression
internal import System

/// Packs file 3 by a recipe (argument 0, in hexadecimal) to standard output; the child's half of `ContentWorker.encode`.
struct EncodeJob {
    private let recipe: Recipe

    init(_ arguments: [String]) throws(ContentError) {
        guard let text = arguments.first, text.utf8.count % 2 == 0 else {
            throw ContentError(.failed, "the job has no recipe")
        }
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue ?? 16 }
        guard digits.allSatisfy({ $0 < 16 }) else { throw ContentError(.failed, "the recipe is not hexadecimal") }
        recipe = try Recipe(
            stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
    }

    func run() throws {
        let input = FileDescriptor(takingOwnership: 3)
        let output = FileDescriptor(takingOwnership: 1)
        var pump = CodecPump()
        switch recipe.method {
        case .zstd(let settings): try pack(&pump, try ZstdCompressor(settings), input, output)
        case .xz(let settings): try pack(&pump, try XZCompressor(settings), input, output)
        case .zlib(let level, let header):
            let deflater = try DeflateCompressor(level: level)
            try output.write(header)
            try pack(&pump, deflater, input, output)
            try output.write(
                LittleEndian.bytes(UInt64(deflater.checksum), count: 4) + LittleEndian.bytes(deflater.length, count: 4))
        case .gzip: throw ContentError(.failed, "the program gzip packs by itself")
        }
    }

    private func pack(
        _ pump: inout CodecPump, _ compressor: any Compressor, _ input: borrowing FileDescriptor,
        _ output: borrowing FileDescriptor
    ) throws {
        let writer = try output.duplicate()
        // The codecs that cut their work into jobs start a thread.
        try Confinement.enter(.descriptorsAndThreads)
        try pump.run(input) { input, isLast, output throws(CompressionError) in
            try compressor.step(input, isLast: isLast, into: output)
        } output: { _, _, bytes in
            try writer.write(bytes)
        }
    }
}
