internal import HTTP
internal import Model
internal import Storage
internal import System

/// A package at the catalog's server, read in stretches for a repair; a server without ranges sends all that lies before a stretch too.
struct WebRepairSource: RepairSource {
    private let address: URLReference
    private let length: Int64
    private let settings: HTTPClientSettings
    private let sawPacked = NativeLock(false)

    /// Whether the server packs the file on the way, so that stretches of it cannot be read.
    var isPacked: Bool { sawPacked.withLock { $0 } }

    init(_ address: URLReference, length: Int64, settings: HTTPClientSettings) {
        self.address = address
        self.length = length
        self.settings = settings
    }

    /// What was asked for is here; the rest of the answer is not taken.
    private struct Enough: Error {}

    func read(_ digest: SHA256Digest, at offset: ByteCount, count: Int) throws -> [UInt8] {
        let wanted = Int64(clamping: offset.bytes)
        let download = HTTPDownload(address, offset: wanted, limit: length, length: length)
        var found: [UInt8] = []
        found.reserveCapacity(count)
        var skip: Int64 = 0
        do {
            let outcome = try HTTPClient(settings).download(download) { beginning in
                skip = wanted - beginning.offset
            } write: { bytes in
                let skipped = Int(min(skip, Int64(bytes.count)))
                skip -= Int64(skipped)
                found += bytes[skipped...].prefix(count - found.count)
                if found.count == count { throw Enough() }
            }
            if case .status(let status, _) = outcome {
                throw HTTPError(.unsupported, "\(address.host) answered \(status)")
            }
        } catch is Enough {
            // As asked.
        } catch let error as HTTPDownload.Packed {
            sawPacked.withLock { $0 = true }
            throw error
        }
        return found
    }
}
