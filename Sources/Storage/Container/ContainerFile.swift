import Model
import System

/// One open container; its descriptor is closed when the last reader lets go, and only then are the bytes of a removed one free.
final class ContainerFile: Sendable {
    let number: UInt64
    let path: String
    private let file: FileDescriptor
    private let closed = NativeLock<(@Sendable () -> Void)?>(nil)

    init(number: UInt64, path: String, file: consuming FileDescriptor) {
        self.number = number
        self.path = path
        self.file = file
    }

    deinit {
        closed.withLock { $0 }?()
    }

    static func name(_ number: UInt64) -> String {
        let hex = String(number, radix: 16)
        return String(repeating: "0", count: 16 - hex.utf8.count) + hex
    }

    /// The number in a file's name that ends in `suffix`; nil for a name that this program did not make.
    static func number(_ name: String, suffix: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let stem = name.dropLast(suffix.count)
        guard stem.utf8.count == 16, let number = UInt64(stem, radix: 16), self.name(number) == stem else {
            return nil
        }
        return number
    }

    /// What is called once the descriptor is closed.
    func whenClosed(_ body: @escaping @Sendable () -> Void) {
        closed.withLock { $0 = body }
    }

    func read(at offset: UInt64, count: Int) throws(StorageError) -> [UInt8] {
        do throws(SystemError) {
            return try file.read(count: count, at: Int64(clamping: offset))
        } catch {
            throw StorageError(error)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        do throws(SystemError) {
            try file.write(bytes, at: Int64(clamping: offset))
        } catch {
            throw StorageError(error)
        }
    }

    func truncate(to length: UInt64) throws(StorageError) {
        try storage { () throws(SystemError) in try file.truncate(to: Int64(clamping: length)) }
    }

    func synchronize() throws(StorageError) {
        try storage { () throws(SystemError) in try file.synchronizeData() }
    }

    var length: UInt64 {
        get throws(StorageError) {
            try storage { () throws(SystemError) in UInt64(max(0, try file.status().size)) }
        }
    }

    /// A record's stored bytes; nil if they are not as they were written.
    func payload(_ place: ChunkIndex.Place) throws(StorageError) -> [UInt8]? {
        let count = Int(place.header.storedLength)
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try file.read(
                count: count, at: Int64(clamping: place.offset + UInt64(ChunkHeader.length)))
        } catch {
            // A sector that cannot be read is damage like any other.
            if error.errno == .inputOutput { return nil }
            throw StorageError(error)
        }
        return bytes.count == count && Checksum.of(bytes) == place.header.payloadChecksum ? bytes : nil
    }
}
