/// What a parser accepts before it refuses; every limit is checked before memory is taken for more.
package struct HTTPLimits: Sendable {
    /// Bytes of one line: start line, header field, chunk size.
    package var lineBytes: Int
    /// Header fields in one message, trailers included.
    package var headerCount: Int
    /// Bytes of all header lines of one message together.
    package var headerBytes: Int
    /// Bytes of one body.
    package var bodyBytes: Int64

    package init(lineBytes: Int = 8192, headerCount: Int = 64, headerBytes: Int = 32768, bodyBytes: Int64 = 1 << 20) {
        self.lineBytes = lineBytes
        self.headerCount = headerCount
        self.headerBytes = headerBytes
        self.bodyBytes = bodyBytes
    }

    /// For a server of small documents.
    package static let server = HTTPLimits()
    /// For a client: the body's limit is the caller's own, and headers have 32 KiB in all, whatever is in them.
    package static let client = HTTPLimits(lineBytes: 32768, headerCount: 8192, bodyBytes: .max)
}
