import Codec
import HTTP
import Identity
import Model
import System
import Trust

/// Where a bundle is made from. Nothing that it gives is believed.
protocol BundleSource {
    /// A metadata file by its name at the repository.
    func metadata(_ name: String, limit: Int) -> RefreshAnswer
    /// The bytes of a package from an offset on, piece by piece.
    func read(
        _ package: Package, consistentSnapshot: Bool, from offset: UInt64, _ write: ([UInt8]) throws -> Void
    ) throws
}

/// A hub, through its API.
struct HubBundleSource: BundleSource {
    let hub: HubConnection

    func metadata(_ name: String, limit: Int) -> RefreshAnswer {
        do {
            var bytes: [UInt8] = []
            while true {
                guard let piece = try hub.content(["catalog", "metadata", name], from: UInt64(bytes.count)) else {
                    return .notFound
                }
                guard piece.length <= UInt64(limit) else { return .tooLarge }
                bytes += piece.bytes
                if UInt64(bytes.count) >= piece.length { return .bytes(bytes) }
                guard !piece.bytes.isEmpty else { return .failed("the hub sends nothing of \(name)") }
            }
        } catch {
            return .failed("\(error)")
        }
    }

    func read(
        _ package: Package, consistentSnapshot: Bool, from offset: UInt64, _ write: ([UInt8]) throws -> Void
    ) throws {
        var offset = offset
        while offset < package.length {
            guard let piece = try hub.content(["packages", package.path.id, "content"], from: offset),
                !piece.bytes.isEmpty
            else { throw OperatorError("the hub does not give \(package.path)") }
            try write(piece.bytes)
            offset += UInt64(piece.bytes.count)
        }
    }
}

/// A published catalog on the web.
struct WebBundleSource: BundleSource {
    let base: URLReference
    private let client: HTTPClient

    init(_ url: String) throws {
        do {
            base = try URLReference(url)
        } catch {
            throw UsageError("--from: \(error)")
        }
        var settings = HTTPClientSettings()
        settings.deadline = nil
        client = HTTPClient(settings)
    }

    func metadata(_ name: String, limit: Int) -> RefreshAnswer {
        do {
            let response = try client.send(.init(.get, try base.appending("metadata/" + name)), limit: limit)
            switch response.status {
            case 200: return .bytes(response.body)
            case 403, 404, 410: return .notFound
            default: return .failed("\(base.host) answered \(response.status) for \(name)")
            }
        } catch let error as HTTPError {
            return error.code == .tooLarge ? .tooLarge : .failed(error.description)
        } catch {
            return .failed("\(error)")
        }
    }

    func read(
        _ package: Package, consistentSnapshot: Bool, from offset: UInt64, _ write: ([UInt8]) throws -> Void
    ) throws {
        let remote = package.target.remotePath(consistentSnapshot: consistentSnapshot).string
        let path = remote.split(separator: "/").map { PercentEncoding.encode($0) }.joined(separator: "/")
        let length = Int64(clamping: package.length)
        // A server without ranges begins anew: what is here is passed over.
        var skip = 0
        let outcome = try client.download(
            HTTPDownload(
                try base.appending("targets/" + path), offset: Int64(clamping: offset), limit: length, length: length)
        ) { start in
            skip = Int(clamping: Int64(clamping: offset) - start.offset)
        } write: { bytes in
            let skipped = min(skip, bytes.count)
            skip -= skipped
            if skipped < bytes.count { try write(Array(bytes[skipped...])) }
        }
        if case .status(let status, _) = outcome {
            throw OperatorError("\(base.host) answered \(status) for \(package.path)")
        }
    }
}

/// A published folder, or another bundle.
struct FolderBundleSource: BundleSource {
    let folder: BundleFolder

    func metadata(_ name: String, limit: Int) -> RefreshAnswer {
        folder.metadata(name, limit: limit)
    }

    func read(
        _ package: Package, consistentSnapshot: Bool, from offset: UInt64, _ write: ([UInt8]) throws -> Void
    ) throws {
        guard let file = try folder.open(package.path, package.sha256) else {
            throw OperatorError("\(folder.path) does not have \(package.path)")
        }
        var offset = offset
        while offset < package.length {
            let piece = try file.read(count: 1 << 20, at: Int64(offset))
            guard !piece.isEmpty else { throw OperatorError("\(package.path) is cut short in \(folder.path)") }
            try write(piece)
            offset += UInt64(piece.count)
        }
    }
}
