package import Model

/// Why a pool refused or failed, told apart by what can be done about it.
package enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    // Full: try again when there is space.
    /// The quota has no room for the reservation.
    case quotaExceeded(needed: ByteCount, available: ByteCount)
    /// The disk has no room, whatever the quota says.
    case diskFull
    /// The disk has no room for a scratch file, which what was wanted needs for a while.
    case scratchFull(needed: ByteCount, available: ByteCount)
    /// The quota asked for is below what is on disk and reserved.
    case quotaBelowUse(ByteCount)
    /// None of several pools takes the package; what each of them lacks.
    case noPool(PoolChoice)

    // The bytes are wrong: they are gone, fetch them again or not at all.
    /// The bytes received do not have the hash of the reservation; `resumed` says that some were there before a restart.
    case hashMismatch(resumed: Bool)
    /// A published package no longer equals its hash; it is marked, no longer visible, and can be repaired.
    case corrupt(SHA256Digest)

    // The question was wrong.
    /// The package is published already.
    case alreadyHeld(SHA256Digest)
    /// Another reservation for the same package is open.
    case inTransfer(SHA256Digest)
    /// The pool does not hold the package.
    case notHeld(SHA256Digest)
    /// The package is being read and is not evicted now.
    case inUse(SHA256Digest)
    /// Bytes come in order only; `expected` is the next offset.
    case wrongOffset(expected: ByteCount)
    /// More bytes than were reserved; none of them was taken.
    case tooLong(reserved: ByteCount)
    /// Fewer bytes than were reserved; what is there stays for resuming.
    case incomplete(written: ByteCount, length: ByteCount)
    /// The reservation was published or abandoned, or belongs to another pool.
    case reservationEnded

    /// The package is marked and not given to anybody.
    case withheld(SHA256Digest, PackageMark)
    /// The pool takes no changes, or none and no reads either.
    case noAccess(PoolAccess)

    // What is needed is not here.
    /// A chunk is stored in a coding that this program or machine cannot read.
    case codingMissing(UInt8)
    /// The source of a repair did not give what was asked for.
    case sourceFailed(String)

    // The disk or the folder is at fault.
    /// The folder is not a pool of a kind and version that this program knows.
    case foreignFolder(String)
    /// Reading or writing failed.
    case io(String)

    /// Whether waiting for space may help.
    package var isFull: Bool {
        switch self {
        case .quotaExceeded, .diskFull, .scratchFull, .noPool: true
        default: false
        }
    }

    /// How much is lacking, and in which of several pools least is; nil where the quota is not the reason.
    package var lacking: (bytes: ByteCount, pool: NodeName?)? {
        switch self {
        case .quotaExceeded(let needed, let available): (needed - available, nil)
        case .noPool(let choice): choice.least.map { ($0.lacking, $0.name) }
        default: nil
        }
    }

    package var description: String {
        switch self {
        case .quotaExceeded(let needed, let available): "the quota has \(available) left, \(needed) are needed"
        case .diskFull: "the disk is full"
        case .scratchFull(let needed, let available):
            "the disk has \(available) free, a scratch file needs \(needed); make room on it"
        case .noPool(let choice): choice.refusal
        case .quotaBelowUse(let used): "the quota would be below the \(used) that are stored and reserved"
        case .hashMismatch(let resumed):
            resumed ? "the bytes have another hash (some were there before a restart)" : "the bytes have another hash"
        case .corrupt(let digest): "package \(digest) no longer equals its hash and is withheld until it is repaired"
        case .alreadyHeld(let digest): "package \(digest) is here already"
        case .inTransfer(let digest): "package \(digest) is being transferred already"
        case .notHeld(let digest): "package \(digest) is not here"
        case .inUse(let digest): "package \(digest) is being read"
        case .wrongOffset(let expected): "bytes out of order, \(expected.bytes) is the next offset"
        case .tooLong(let reserved): "more than the \(reserved.bytes) bytes that were reserved"
        case .incomplete(let written, let length): "\(written.bytes) of \(length.bytes) bytes are here"
        case .reservationEnded: "the reservation has ended"
        case .withheld(let digest, let mark): "package \(digest) is marked \(mark.rawValue) and not given to anybody"
        case .noAccess(.readOnly): "the pool is set to read-only; set it to readWrite first"
        case .noAccess(let access): "the pool is set to \(access.name)"
        case .codingMissing(let coding):
            coding == 1
                ? "the bytes are stored compressed with zstd, which is not here; install the package libzstd1"
                : "the bytes are stored in coding \(coding), which this release does not know; use a newer one"
        case .sourceFailed(let why): "the source of the repair failed: \(why)"
        case .foreignFolder(let why): "not a pool of this program: \(why)"
        case .io(let text): text
        }
    }
}
