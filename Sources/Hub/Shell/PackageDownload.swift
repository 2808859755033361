internal import Content
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
    /// The coding that the server says is on the bytes, for when they are not those that were signed.
    private var coding: HTTPDownload.ContentEncoding?
    /// Whether the bytes begin as that coding does, while the file that was signed is of another one.
    private var isMarked = false
    private let unpacking: PackedAnswers?

    init(
        _ package: Package, from address: URLReference, into pool: any PackagePool, validator: String?,
        unpacking: PackedAnswers?
    ) throws(StorageError) {
        self.unpacking = unpacking
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
            if let packed = error as? HTTPDownload.Packed { coding = packed.coding }
            guard let coding, let unpacking, areOtherBytes(error) else {
                end(keepingBytes: (error as? HTTPError)?.code != .changed)
                throw error
            }
            return try runPacked(coding, unpacking, rules, after: error)
        }
    }

    /// Whether a server that names a coding may have packed the bytes on the way, instead of having them so.
    private func areOtherBytes(_ error: any Error) -> Bool {
        switch error {
        case is HTTPDownload.Packed: true
        // Fewer bytes than were signed may be a cut as well, unless they look packed.
        case let error as HTTPError: [.tooLarge, .wrongLength].contains(error.code) || Self.isCut(error) && isMarked
        case StorageError.hashMismatch: true
        default: false
        }
    }

    private static func isCut(_ error: any Error) -> Bool { (error as? HTTPError)?.code == .truncated }

    /// Fetches the whole again, undoes the coding and publishes if that gives what was signed.
    private func runPacked(
        _ coding: HTTPDownload.ContentEncoding, _ unpacking: PackedAnswers, _ rules: DownloadRules,
        after cause: any Error
    ) throws -> ImportOutcome {
        do {
            try startOver()
            position = 0
            var settings = rules.settings
            settings.deadline = rules.packageDeadline
            let outcome = try unpacking.fetch(
                address, coding, length: Int64(clamping: package.length), settings
            ) { bytes in
                try pool.write(reservation, at: ByteCount(UInt64(position)), RawSpan(_unsafeBytes: bytes))
                position += Int64(bytes.count)
            }
            if case .status(let status, let retryAfter) = outcome {
                end(keepingBytes: false)
                return refusal(status, retryAfter, rules, at: address).outcome
            }
            try pool.publish(reservation)
            return .imported
        } catch {
            end(keepingBytes: false)
            validator = nil
            // It was a cut, whatever it looked like.
            if Self.isCut(cause) { throw cause }
            guard let error = error as? ContentError else { throw error }
            switch error.code {
            case .malformed, .truncated, .tooLarge:
                return .mismatch(
                    "\(address.host) calls \(package.path) \(coding), and neither its bytes nor what is inside is what the "
                        + "catalog signs: \(error.message)")
            default: return .interrupted("\(package.path) came packed and could not be unpacked: \(error)")
            }
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
        var isBeginning = false
        let client = HTTPClient(settings)
        let outcome = try client.download(download) { beginning in
            coding = beginning.coding
            if beginning.isChanged { try startOver() }
            validator = beginning.validator
            skip = position - beginning.offset
            isBeginning = beginning.offset == 0
        } write: { bytes in
            if isBeginning, let coding {
                let own: ContentCoding = coding == .gzip ? .gzip : .zstd
                isMarked =
                    ContentCoding(mark: Array(bytes.prefix(ContentCoding.markLength))) == own
                    && package.metadata.content?.coding != own
            }
            isBeginning = false
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
        return refusal(status, retryAfter, rules, at: client.lastURL ?? address)
    }

    /// `place` is who answered, which is another server after a redirect.
    private func refusal(
        _ status: Int, _ retryAfter: Int64?, _ rules: DownloadRules, at place: URLReference
    ) -> Refusal {
        Refusal(
            outcome: .interrupted(
                "\(place) answered \(status)\(rules.advice(status, at: place))",
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
