/// A way to store chunks in fewer bytes; handed to a container pool, which works without any.
///
/// Each stored chunk says by its coding byte how it was stored, so that a pool reads what was written with another setting. Thread rule: any thread.
package protocol ChunkCoding: Sendable {
    /// The coding byte: 1 is zstd; 0 means "as it is" and belongs to nobody.
    var code: UInt8 { get }

    /// The chunk in fewer bytes; nil where that does not pay.
    func encode(_ chunk: UnsafeRawBufferPointer) -> [UInt8]?

    /// The chunk again, exactly `length` bytes (at most `ChunkLimits.longest`); nil for bytes that are none of this coding. What comes is checked by its hash.
    func decode(_ stored: [UInt8], length: Int) -> [UInt8]?
}

/// A coding made of two functions.
package struct ChunkFunctions: ChunkCoding {
    package let code: UInt8
    private let encoder: @Sendable (UnsafeRawBufferPointer) -> [UInt8]?
    private let decoder: @Sendable ([UInt8], Int) -> [UInt8]?

    package init(
        code: UInt8, encode: @escaping @Sendable (UnsafeRawBufferPointer) -> [UInt8]?,
        decode: @escaping @Sendable ([UInt8], Int) -> [UInt8]?
    ) {
        self.code = code
        encoder = encode
        decoder = decode
    }

    package func encode(_ chunk: UnsafeRawBufferPointer) -> [UInt8]? { encoder(chunk) }
    package func decode(_ stored: [UInt8], length: Int) -> [UInt8]? { decoder(stored, length) }
}
