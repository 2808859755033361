package import Model

/// Room in a pool for one package in transfer; made by `PackagePool.reserve`.
///
/// It ends by `publish` or `abandon`; when its last reference goes away without either, the pool releases the room and keeps the bytes for resuming.
package final class Reservation: Sendable {
    /// The package's hash.
    package let digest: SHA256Digest
    /// Its whole length.
    package let length: ByteCount
    /// Where the first write belongs: the bytes before it are here already and have been hashed.
    package let resumeOffset: ByteCount
    let id: UInt64
    private let pool: any PackagePool

    init(id: UInt64, digest: SHA256Digest, length: ByteCount, resumeOffset: ByteCount, pool: any PackagePool) {
        self.id = id
        self.digest = digest
        self.length = length
        self.resumeOffset = resumeOffset
        self.pool = pool
    }

    deinit {
        pool.reservationWasDropped(id)
    }
}
