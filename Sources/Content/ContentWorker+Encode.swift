internal import Model
package import System

extension ContentWorker {
    /// Packs content by a recipe and gives the published file again, piece by piece.
    ///
    /// - Parameters:
    ///   - content: an open file, read from its beginning.
    ///   - expected: the published file as it was signed; anything else is `hashMismatch`, said after the last piece.
    package func encode(
        _ content: borrowing FileDescriptor, by recipe: Recipe, expected: ContentIdentity, deadline: Duration,
        cancellation: Cancellation? = nil, output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var meter = ContentMeter()
        try pack(content, by: recipe, deadline: deadline, cancellation: cancellation) { bytes in
            meter.add(bytes)
            guard meter.length <= expected.length else { throw Self.another }
            try output(bytes)
        }
        guard try meter.finish() == expected else { throw Self.another }
    }

    private static var another: ContentError {
        ContentError(.hashMismatch, "the content does not give the published file again; fetch that file as it is")
    }

    /// Packs and gives what comes out, which nobody has compared yet.
    func pack(
        _ content: borrowing FileDescriptor, by recipe: Recipe, deadline: Duration, cancellation: Cancellation?,
        output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard case .gzip(let level, let header) = recipe.method else {
            let hex = recipe.encoded().map { (byte: UInt8) in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }.joined()
            var child = child([ContentJob.encode.rawValue, hex], deadline: deadline)
            // The highest levels look far back.
            child.ownMemory = 2 << 30
            child.addressSpace = 6 << 30
            return try run(child, "packing", files: [content.number], cancellation: cancellation, output: output)
        }
        // Another program reads from where the file stands, so it gets an open file of its own.
        let input = try FileDescriptor.open("/proc/self/fd/\(content.number)")
        let child = ConfinedChild(command: ["gzip", "-n", "-c", "-\(level)"], deadline: deadline)
        var swap = HeaderSwap(header)
        let outcome = try child.run(input: input.number, cancellation: cancellation) { try swap.take($0, output) }
        try Self.check(outcome, "packing")
    }
}

/// Replaces the ten bytes of header that the program gzip writes.
private struct HeaderSwap {
    private let header: [UInt8]
    private var skipped = 0

    init(_ header: [UInt8]) { self.header = header }

    mutating func take(
        _ bytes: UnsafeRawBufferPointer, _ output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let skip = min(bytes.count, 10 - skipped)
        if skipped == 0 { try header.withUnsafeBytes(output) }
        skipped += skip
        if skip < bytes.count { try output(UnsafeRawBufferPointer(rebasing: bytes[skip...])) }
    }
}
