// Chunk deltas: whatever the bytes, an error or exactly the promised length; and what is made of two contents gives the second one again.

@Sendable func fuzzChunks(_ input: [UInt8]) {
    if let header = try? ChunkDeltaHeader(input) {
        precondition((try? ChunkDeltaHeader(header.encoded())) == header, "a chunk delta's header does not come back")
        precondition(header.encoded().elementsEqual(input.prefix(ChunkDeltaHeader.length)), "two headers mean the same")
    }
    guard let kind = input.first else { return }
    let bytes = Array(input.dropFirst())
    if kind & 1 == 0 { readDelta(bytes, length: Int(kind) * 64, isPacked: kind & 2 != 0) } else { makeDelta(bytes) }
}

/// A body from outside, against the content that every patch of the fuzzer is against.
private func readDelta(_ body: [UInt8], length: Int, isPacked: Bool) {
    var output = [UInt8](repeating: 0, count: length)
    var last = 0
    output.withUnsafeMutableBytes { output in
        reference.withUnsafeBytes { old in
            body.withUnsafeBytes { body in
                let count = output.count
                var assembler = ChunkAssembler(old: old, new: output)
                func progress(_ done: Int) {
                    precondition(done >= last && done <= count, "progress goes back or too far")
                    last = done
                }
                // Errors are one of the two right answers.
                do {
                    if isPacked, let unpacker = try? ZstdDecompressor(windowLogLimit: 20) {
                        try unpacker.unpackWhole(body) { (piece) throws(ContentError) in
                            try assembler.take(piece, progress: progress)
                        }
                    } else {
                        // In two pieces, which must not matter.
                        let cut = body.count / 3
                        try assembler.take(UnsafeRawBufferPointer(rebasing: body[..<cut]), progress: progress)
                        try assembler.take(UnsafeRawBufferPointer(rebasing: body[cut...]), progress: progress)
                    }
                    try assembler.finish()
                    precondition(last == count, "a whole delta leaves bytes open")
                } catch {}
            }
        }
    }
}

/// Two contents of the input, with much in common where it has much in common.
private func makeDelta(_ input: [UInt8]) {
    let old = Array(input.prefix(input.count / 2))
    let new = Array(input.dropFirst(input.count / 2))
    var body: [UInt8] = []
    var made = [UInt8](repeating: 0, count: new.count)
    do {
        try old.withUnsafeBytes { old in
            try new.withUnsafeBytes { new in
                var writer = ChunkDeltaWriter(new: new)
                try ChunkMatcher(old: old, new: new).run { try writer.add($0, at: $1) { body += $0 } }
                try writer.finish { body += $0 }
            }
            try made.withUnsafeMutableBytes { made in
                var assembler = ChunkAssembler(old: old, new: made)
                try body.withUnsafeBytes { body in try assembler.take(body) { _ in } }
                try assembler.finish()
            }
        }
    } catch {
        preconditionFailure("what was made cannot be read: \(error)")
    }
    precondition(made == new, "another content came out")
}
