import COpenSSL

/// A `BIO` in memory: reads bytes that were given to it, or gathers bytes that OpenSSL writes.
///
/// The gathering kind is in OpenSSL's secret flavour, whose memory is cleared when it is freed.
final class MemoryBIO {
    let pointer: OpaquePointer
    /// The bytes being read; OpenSSL reads them in place.
    private let source: UnsafeMutableRawBufferPointer?

    /// An empty one, for OpenSSL to write to.
    init() throws(TLSError) {
        pointer = try ErrorQueue.require(.library, "no memory for a buffer") { BIO_new(BIO_s_secmem()) }
        source = nil
    }

    /// One to read `bytes` from.
    init(reading bytes: [UInt8]) throws(TLSError) {
        guard let length = Int32(exactly: bytes.count) else { throw TLSError(.malformed, "input is too large") }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
        copy.copyBytes(from: bytes)
        ErrorQueue.clear()
        guard let made = BIO_new_mem_buf(copy.baseAddress, length) else {
            copy.deallocate()
            throw ErrorQueue.error(.library, "no memory for a buffer")
        }
        pointer = made
        source = copy
    }

    deinit {
        BIO_free(pointer)
        if let source {
            OPENSSL_cleanse(source.baseAddress, source.count)
            source.deallocate()
        }
    }

    /// Runs `body` over what was written so far, without a copy.
    func withContents<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        var start: UnsafeMutablePointer<CChar>?
        let count = axle_bio_memory(pointer, &start)
        return try body(UnsafeRawBufferPointer(start: start, count: max(0, count)))
    }

    /// A copy of what was written so far.
    var contents: [UInt8] { withContents { [UInt8]($0) } }
}
