extension CodecLibrary {
    /// A new decompressor of this library with the usual limits; throws `unavailable` where the library is not there.
    package func decompressor() throws(CompressionError) -> any Decompressor {
        switch self {
        case .zstd: try ZstdDecompressor()
        case .xz: try XZDecompressor()
        case .gzip: try GzipDecompressor()
        }
    }
}
