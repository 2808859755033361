import Glibc
import Storage

/// zstd as a coding for measurements: the system's library, loaded where it is.
struct Zstd: ChunkCoding {
    private typealias Compress =
        @convention(c) (
            UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int, CInt
        ) -> Int
    private typealias Decompress = @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int

    let code: UInt8 = 1
    private let level: CInt
    private let compress: Compress
    private let decompress: Decompress

    /// Nil where the library is not there.
    init?(level: Int32) {
        guard let library = dlopen("libzstd.so.1", RTLD_NOW), let compress = dlsym(library, "ZSTD_compress"),
            let decompress = dlsym(library, "ZSTD_decompress")
        else { return nil }
        self.level = level
        self.compress = unsafeBitCast(compress, to: Compress.self)
        self.decompress = unsafeBitCast(decompress, to: Decompress.self)
    }

    func encode(_ chunk: UnsafeRawBufferPointer) -> [UInt8]? {
        // Room for less than the chunk: what does not get shorter is an error of zstd's and stored as it is.
        var length = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: chunk.count) { buffer, used in
            length = compress(buffer.baseAddress, buffer.count - 1, chunk.baseAddress, chunk.count, level)
            used = 0 < length && length < chunk.count ? length : 0
        }
        return bytes.isEmpty ? nil : bytes
    }

    func decode(_ stored: [UInt8], length: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, used in
            used =
                stored.withUnsafeBytes { decompress(buffer.baseAddress, length, $0.baseAddress, $0.count) } == length
                ? length : 0
        }
        return bytes.count == length ? bytes : nil
    }
}
