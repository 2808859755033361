import Glibc

// Patches and packed files: whatever the bytes, an error or a result within the limits. The libraries are those of this machine.

/// The content that every patch of the fuzzer is against.
let reference: [UInt8] = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }

@Sendable func fuzzPatch(_ input: [UInt8]) {
    if let header = try? PatchHeader(input) {
        precondition((try? PatchHeader(header.encoded())) == header, "a patch header does not come back")
        precondition(header.encoded().elementsEqual(input.prefix(PatchHeader.length)), "two headers mean the same")
    }
    _ = ZstdFrame(input)
    guard let decompressor = try? ZstdDecompressor(windowLogLimit: 20) else { return }
    // As a child does: straight into an output of the promised length, which here is the first byte's.
    var output = [UInt8](repeating: 0, count: Int(input.first ?? 0) * 64)
    let frame = Array(input.dropFirst())
    var last = 0
    frame.withUnsafeBytes { frame in
        reference.withUnsafeBytes { prefix in
            output.withUnsafeMutableBytes { output in
                let count = output.count
                // Errors are one of the two right answers.
                try? decompressor.unpackPatch(frame, prefix: prefix, into: output) { done in
                    precondition(done >= last && done <= count, "progress goes back or too far")
                    precondition(done - last <= ZstdDecompressor.blockLimit, "more than a block at once")
                    last = done
                }
            }
        }
    }
}

@Sendable func fuzzPacked(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let bytes = Array(input.dropFirst())
    fuzzDeb(bytes)
    let made: (any Decompressor)? =
        switch kind % 3 {
        case 0: try? ZstdDecompressor(windowLogLimit: 20)
        case 1: try? XZDecompressor(memoryLimit: 8 << 20)
        default: try? GzipDecompressor()
        }
    guard let decompressor = made else { return }
    var buffer = [UInt8](repeating: 0, count: 4096)
    var (offset, given) = (0, 0)
    let piece = 1 + Int(kind / 3)
    while given < 4 << 20 {
        let end = min(offset + piece, bytes.count)
        let step = try? bytes.withUnsafeBytes { input in
            try buffer.withUnsafeMutableBytes {
                try decompressor.step(
                    UnsafeRawBufferPointer(rebasing: input[offset..<end]), isLast: end == bytes.count, into: $0)
            }
        }
        guard let step else { return }
        precondition(step.consumed <= end - offset && step.produced <= buffer.count, "more than there was")
        offset += step.consumed
        given += step.produced
        if step.consumed == 0, step.produced == 0 { return }
    }
}

/// A Debian package gives an error, or a content within the limit that is its own content.
private func fuzzDeb(_ bytes: [UInt8]) {
    let limit: UInt64 = 1 << 20
    func content(_ bytes: [UInt8]) -> [UInt8]? {
        var decoder = DebDecoder(limits: ContentLimits(length: limit, ratio: 2000))
        var content: [UInt8] = []
        do {
            try decoder.run({ buffer, offset in
                let rest = bytes.dropFirst(Int(offset)).prefix(buffer.count)
                buffer.copyBytes(from: rest)
                return rest.count
            }) { piece in
                content += piece
                precondition(content.count <= limit, "more than was allowed")
            }
        } catch {
            // One of the two right answers.
            return nil
        }
        return content
    }
    guard let once = content(bytes) else { return }
    precondition(content(once) == once, "the content of a package is not its own")
}
