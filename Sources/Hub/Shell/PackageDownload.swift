internal import HTTP
internal import Model
internal import Storage
internal import System

/// One attempt to bring a package into the hub's pool, from where an earlier one broke off; on one queue.
///
/// What is here is gone on with only if the server's file is still the one that it came from, as far as the server's validator
/// tells; the hash of the whole is checked in any case before anything is visible.
final class PackageDownload {
    private let package: Package
    private let address: URLReference
    private let pool: any PackagePool
    private var reservation: Reservation
    private var position: Int64
    /// Bytes of the response that are here already: a server without ranges sends the whole file again.
    private var skip: Int64 = 0
    /// Of the bytes that are here; nil when the server gives none.
    private(set) var validator: String?
    /// Whether bytes were left for the next attempt.
    private(set) var isPartial = false

    init(
        _ package: Package, from address: URLReference, into pool: any PackagePool, validator: String?
    ) throws(StorageError) {
        self.package = package
        self.address = address
        self.pool = pool
        reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        position = Int64(clamping: reservation.resumeOffset.bytes)
        self.validator = position > 0 ? validator : nil
    }

    /// Downloads what is missing and publishes. `progress` hears at most once a second how much is here.
    ///
    /// - Throws: `HTTPError`, `StorageError`; the reservation has ended then, and what is of use is kept.
    func run(_ rules: DownloadRules, _ progress: (UInt64) -> Void) throws -> ImportOutcome {
        do {
            if position < Int64(clamping: package.length) || package.length == 0 {
                if let refusal = try fetch(rules, progress) {
                    end(keepingBytes: refusal.isResumable)
                    return refusal.outcome
                }
            }
            try pool.publish(reservation)
            return .imported
        } catch {
            end(keepingBytes: (error as? HTTPError)?.code != .changed)
            throw error
        }
    }

    private func end(keepingBytes: Bool) {
        pool.abandon(reservation, keepingBytes: keepingBytes)
        isPartial = keepingBytes
    }

    /// Why the server gave nothing.
    private struct Refusal {
        let outcome: ImportOutcome
        let isResumable: Bool
    }

    private func fetch(_ rules: DownloadRules, _ progress: (UInt64) -> Void) throws -> Refusal? {
        var settings = rules.settings
        settings.deadline = rules.packageDeadline
        let length = Int64(clamping: package.length)
        let download = HTTPDownload(address, offset: position, validator: validator, limit: length, length: length)
        var last = SystemClock.uptime
        let outcome = try HTTPClient(settings).download(download) { beginning in
            if beginning.isChanged { try startOver() }
            validator = beginning.validator
            skip = position - beginning.offset
        } write: { bytes in
            let skipped = Int(min(skip, Int64(bytes.count)))
            skip -= Int64(skipped)
            guard skipped < bytes.count else { return }
            let fresh = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
            try pool.write(reservation, at: ByteCount(UInt64(position)), RawSpan(_unsafeBytes: fresh))
            position += Int64(fresh.count)
            if SystemClock.uptime - last >= .seconds(1) {
                last = SystemClock.uptime
                progress(UInt64(position))
            }
        }
        guard case .status(let status, let retryAfter) = outcome else { return nil }
        return Refusal(
            outcome: .interrupted(
                "\(address.host) answered \(status) for \(package.path)",
                retryAfter: retryAfter.map { .seconds($0) }),
            // 416: its file is shorter than what is here, so that it is another one.
            isResumable: status != 416)
    }

    /// The server has another file now: what is here is of no use.
    private func startOver() throws {
        pool.abandon(reservation, keepingBytes: false)
        reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        position = Int64(clamping: reservation.resumeOffset.bytes)
    }
}
