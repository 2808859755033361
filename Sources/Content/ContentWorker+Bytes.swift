internal import Model
internal import System

extension ContentWorker {
    /// What is inside bytes that bear the mark of gzip, zstd or xz, unpacked by a limited child; nil for all other bytes.
    ///
    /// - Parameters:
    ///   - limit: bytes of the content; more is `tooLarge`.
    ///   - scratch: a folder for a nameless file.
    /// - Throws: `ContentError`.
    package func unpacked(_ bytes: [UInt8], limit: Int, scratch: String) throws -> [UInt8]? {
        guard let coding = ContentCoding(mark: bytes), coding != .deb else { return nil }
        do {
            let file = try FileDescriptor.unnamed(in: scratch)
            try file.write(bytes)
            var content: [UInt8] = []
            try unpack(
                file, coding, limits: ContentLimits(length: UInt64(clamping: limit), deadline: .seconds(60))
            ) { content += $0 }
            return content
        } catch let error as SystemError {
            throw ContentError(error)
        }
    }
}
