package import Model
package import System

extension ContentWorker {
    /// Unpacks a published file and gives what is inside, piece by piece, hashed as it passes.
    ///
    /// - Parameters:
    ///   - file: open for reading; read from its beginning, its position does not matter.
    ///   - expected: what was signed; anything else is `hashMismatch`, said after the last piece.
    ///   - output: takes the content in order; what it throws ends the work and is thrown on.
    /// - Returns: what the content was.
    @discardableResult
    package func decode(
        _ file: borrowing FileDescriptor, _ coding: ContentCoding, limits: ContentLimits,
        expected: ContentIdentity? = nil, cancellation: Cancellation? = nil,
        output: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) throws -> ContentIdentity {
        var meter = ContentMeter()
        try unpack(file, coding, limits: limits, cancellation: cancellation) { piece in
            meter.add(piece)
            try output(piece)
        }
        let found = try meter.finish()
        guard expected == nil || expected == found else {
            throw ContentError(.hashMismatch, "the file holds \(found), not what was signed")
        }
        return found
    }

    /// As `decode`, and leaves the hashing to a taker that hashes what it gets, such as a pool: each byte is hashed once.
    package func unpack(
        _ file: borrowing FileDescriptor, _ coding: ContentCoding, limits: ContentLimits,
        cancellation: Cancellation? = nil, output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var length: UInt64 = 0
        let job = [ContentJob.decode.rawValue, coding.name, "\(limits.length)", "\(limits.ratio)"]
        try run(
            child(job, deadline: limits.deadline), "unpacking", files: [file.number], cancellation: cancellation
        ) { piece in
            length += UInt64(piece.count)
            // The child keeps the limit; this is for one that does not.
            guard length <= limits.length else { throw limits.tooLong }
            try output(piece)
        }
    }
}
