internal import Model
internal import Storage

extension MemoryPool {
    /// Puts bytes that were made here into the pool, behind what an attempt before left of them; the error if that fails, nil too if they are here already.
    func bring(_ digest: SHA256Digest, _ bytes: [UInt8]) -> StorageError? {
        do throws(StorageError) {
            let reservation = try reserve(digest, length: ByteCount(UInt64(bytes.count)))
            do throws(StorageError) {
                let rest = bytes.dropFirst(Int(clamping: reservation.resumeOffset.bytes))
                try write(reservation, at: reservation.resumeOffset, Array(rest).span.bytes)
                try publish(reservation)
            } catch {
                abandon(reservation, keepingBytes: false)
                throw error
            }
            return nil
        } catch {
            if case .alreadyHeld = error { return nil }
            return error
        }
    }
}
