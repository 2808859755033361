internal import API
internal import HTTP
internal import Identity
internal import Model
internal import Storage
internal import System
internal import Trust

/// What travels on a medium: the catalog's files and the packages' bytes, out of a hub and into one.
///
/// Bytes go in pieces of at most 1 MiB, so that neither side holds more in memory: downwards by `Range`, upwards by `offset`.
/// What comes in is believed by TUF's workflow or not at all.
extension HubResources {
    static func addBundles(to router: inout Router<Work>) {
        router.add(.get, "/v1/catalog/metadata/{name}") { hub, request, names in
            let name = names["name"] ?? ""
            let pinned = name == "root.json" ? try await hub.reader.read({ try $0.catalog()?.root }) : nil
            let bytes: [UInt8]?
            if let pinned { bytes = pinned } else { bytes = try await hub.shell.catalog.file(named: name) }
            guard let bytes else { throw Problem(.notFound, "the catalog has no file \(name)") }
            return try piece(of: UInt64(bytes.count), request) { offset, count in
                Array(bytes[Int(offset)..<(Int(offset) + count)])
            }
        }
        router.add(.put, "/v1/catalog/import/{name}") { hub, request, names in
            let offset = try offset(of: request)
            let held = try await hub.shell.disk.run { [incoming = hub.shell.catalog.incoming] in
                try incoming.write(names["name"] ?? "", at: Int(clamping: offset), request.body)
            }
            let name = names["name"] ?? ""
            return try json(PackageUpload(id: name, held: UInt64(held), length: UInt64(held), isImported: false))
        }
        router.add(.post, "/v1/catalog/import") { hub, request, _ in
            guard let root = try await hub.reader.read({ try $0.catalog()?.root }) else { throw Catalog.notSet }
            let contents: CatalogContents
            do {
                contents = try await hub.shell.catalog.importBundle(root: root, now: hub.shell.clock.now)
            } catch let error as MetadataError {
                _ = try await hub.perform(.catalog(.refuseBundle(error.description)), request) { _, _ in [] }
                throw Problem(
                    .invalid, "the bundle's metadata is refused: \(error)",
                    next: "Nothing was changed. " + nextStep(error))
            }
            return try await hub.perform(.catalog(.takeCatalog(contents)), request, catalogBody)
        }
        router.add(.get, "/v1/packages/{package}/content") { hub, request, names in
            let path = try path(names)
            let record = try await hub.reader.read { try $0.package(path) }
            guard let record else { throw unknown(path) }
            guard record.state == .imported else {
                throw Problem(.conflict, "\(path) is not in the hub's pool: it is \(record.state.name)")
            }
            let digest = record.package.sha256
            return try await hub.shell.reading.run { [pool = hub.shell.pool] in
                let reader = try pool.open(digest)
                return try piece(of: reader.length.bytes, request) { offset, count in
                    try reader.read(at: ByteCount(offset), count: count)
                }
            }
        }
        router.add(.post, "/v1/packages/{package}/content") { hub, request, names in
            try await hub.upload(try path(names), at: nil, request)
        }
        router.add(.put, "/v1/packages/{package}/content") { hub, request, names in
            try await hub.upload(try path(names), at: try offset(of: request), request)
        }
    }

    /// Takes a piece of a package, or without an offset only reserves its room.
    private func upload(_ path: TargetPath, at offset: UInt64?, _ request: HTTPRequest) async throws -> HTTPResponse {
        guard let record = try await reader.read({ try $0.package(path) }), record.state != .retired else {
            throw Problem(
                .notFound, "the catalog that this hub trusts does not name \(path)",
                next: "Bring the metadata first: axle bundle import does.")
        }
        let package = record.package
        func answer(_ held: UInt64, _ isImported: Bool) throws -> HTTPResponse {
            try Self.json(
                PackageUpload(id: path.id, held: held, length: package.length, isImported: isImported))
        }
        guard record.state != .imported else { return try answer(package.length, true) }
        do {
            let (held, isWhole) = try await shell.disk.run {
                [uploads = shell.uploads] () throws -> (held: UInt64, isWhole: Bool) in
                guard let offset else {
                    let held = try uploads.begin(package)
                    // An empty rest still has to be verified.
                    return held == package.length
                        ? try uploads.write(package, at: held, []) : (held: held, isWhole: false)
                }
                return try uploads.write(package, at: offset, request.body)
            }
            guard isWhole else { return try answer(held, false) }
        } catch StorageError.alreadyHeld {
            // Here already, by another way or before a cut: only the note is missing.
        } catch StorageError.hashMismatch {
            let why = "\(path): the bytes have another hash than the catalog signs; they were removed"
            _ = try await perform(.catalog(.refuseBundle(why)), request) { _, _ in [] }
            throw Problem(.invalid, why, next: "Make the bundle again: the medium or the file is damaged, or altered.")
        }
        shell.tellPlaces(of: [package.sha256])
        shell.tell(.pool(.changed(PoolFigures(shell.pool))))
        return try await perform(.catalog(.takePackage(path, package.sha256)), request) { _, _ in
            try JSONCoding.encode(
                PackageUpload(id: path.id, held: package.length, length: package.length, isImported: true))
        }
    }

    private static func nextStep(_ error: MetadataError) -> String {
        switch error.attack {
        case .rollback: "The bundle is older than what this hub trusts; bring a newer one."
        case .freeze: "It has expired; export a fresh one."
        default:
            error.code == .missingMetadata
                ? "The bundle lacks a file; export it again." : "Export it again, and look at how it travelled."
        }
    }

    private static func offset(of request: HTTPRequest) throws -> UInt64 {
        guard let text = request.query["offset"] else { return 0 }
        guard let offset = UInt64(text) else { throw Problem(.badQuery, "offset must be a number") }
        return offset
    }

    /// A piece of content as `Range` asks for it, at most `ContentPiece.limit` bytes of it; without `Range` the whole, if it is
    /// no longer than that. A shorter piece than asked for is allowed (RFC 9110 §15.3.7): `Content-Range` says which it is.
    private static func piece(
        of length: UInt64, _ request: HTTPRequest, _ read: (UInt64, Int) throws -> [UInt8]
    ) throws -> HTTPResponse {
        let limit = UInt64(ContentPiece.limit)
        let headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream", "Cache-Control": "no-store", "Accept-Ranges": "bytes",
        ]
        guard let range = request.headers["Range"] else {
            guard length <= limit else {
                throw Problem(.tooLarge, "this has \(length) bytes", next: "Ask for ranges of at most \(limit) bytes.")
            }
            return HTTPResponse(status: 200, headers: headers, body: try read(0, Int(length)))
        }
        let bounds =
            range.hasPrefix("bytes=") ? range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false) : []
        guard bounds.count == 2, let first = UInt64(bounds[0]) else {
            throw Problem(.badQuery, "Range must be bytes=FIRST-LAST or bytes=FIRST-")
        }
        let last = bounds[1].isEmpty ? UInt64.max : UInt64(bounds[1]) ?? 0
        guard first < length, last >= first else {
            var response = HTTPResponse(status: 416, headers: headers)
            response.headers.set("Content-Range", "bytes */\(length)")
            return response
        }
        let count = min(last - first, length - first - 1, limit - 1) + 1
        let bytes = try read(first, Int(count))
        var response = HTTPResponse(status: 206, headers: headers, body: bytes)
        response.headers.set("Content-Range", "bytes \(first)-\(first + UInt64(bytes.count) - 1)/\(length)")
        return response
    }
}
