internal import Content
internal import HTTP
internal import Model
internal import Storage
internal import System

/// Undoes what a server or a cache has packed on the way although nobody asked for it; in limited children, on the caller's queue.
struct PackedAnswers: Sendable {
    let worker: ContentWorker
    /// A folder for nameless files.
    let scratch: String

    /// Bytes that packing may add to a file: what a coding adds to one that cannot be made smaller, and more.
    static func room(for length: Int64) -> Int64 {
        length.addingReportingOverflow(length / 64 + (1 << 20)).partialValue
    }

    /// What is inside a small document that is packed; nil for one that is not. Throws `ContentError`.
    func content(of body: [UInt8], limit: Int) throws -> [UInt8]? {
        try worker.unpacked(body, limit: limit, scratch: scratch)
    }

    /// Downloads a file that comes packed, and gives what is inside, at most `length` bytes.
    ///
    /// - Throws: `HTTPError`, `StorageError`, `ContentError`, or what `output` throws.
    func fetch(
        _ address: URLReference, _ coding: HTTPDownload.ContentEncoding, length: Int64, _ settings: HTTPClientSettings,
        output: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPDownload.Outcome {
        let most = Self.room(for: length)
        let file = try ScratchFile.make(in: scratch, length: ByteCount(UInt64(clamping: most)))
        var end: Int64 = 0
        let outcome = try HTTPClient(settings).download(HTTPDownload(address, limit: most)) { _ in
        } write: { bytes in
            try file.write(bytes, at: end)
            end += Int64(bytes.count)
        }
        guard case .complete = outcome else { return outcome }
        try file.truncate(to: end)
        try worker.unpack(
            file, coding == .gzip ? .gzip : .zstd,
            limits: ContentLimits(length: UInt64(clamping: length), ratio: .max), output: output)
        return outcome
    }
}
