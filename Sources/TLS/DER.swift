import COpenSSL

/// Reading and writing DER through OpenSSL's `d2i_…`/`i2d_…` pairs.
enum DER {
    /// Parses the whole of `bytes`; trailing bytes are refused, and so is anything longer than `limit`.
    static func parse<Pointee>(
        _ bytes: [UInt8], limit: Int, _ what: String, free: (Pointee) -> Void,
        _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> Pointee?
    ) throws(TLSError) -> Pointee {
        guard bytes.count <= limit else {
            throw TLSError(.malformed, "\(what) of \(bytes.count) bytes is larger than \(limit)")
        }
        ErrorQueue.clear()
        var rest = 0
        let made = bytes.withUnsafeBufferPointer { buffer -> Pointee? in
            var cursor = buffer.baseAddress
            guard cursor != nil else { return nil }
            let made = decode(&cursor, buffer.count)
            if let start = buffer.baseAddress, let cursor { rest = buffer.count - (cursor - start) }
            return made
        }
        guard let made else { throw ErrorQueue.error(.malformed, "not a valid \(what)") }
        guard rest == 0 else {
            free(made)
            throw TLSError(.malformed, "\(rest) bytes follow the \(what)")
        }
        return made
    }

    /// Encodes with an `i2d_…` function.
    static func encode(
        _ what: String, _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) throws(TLSError) -> [UInt8] {
        ErrorQueue.clear()
        let length = Int(encode(nil))
        guard length > 0 else { throw ErrorQueue.error(.library, "cannot encode the \(what)") }
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var cursor = buffer.baseAddress
            count = Int(max(0, encode(&cursor)))
        }
    }
}
