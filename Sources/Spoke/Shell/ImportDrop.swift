internal import Codec
internal import System

/// How `axle-spoke import` asks a spoke that runs to take a bundle: two small files in the state folder, which only the
/// spoke's own user can reach.
///
/// ```
/// STATE/import/request.json   {"id": …, "bundle": PATH}     there until the bundle is done, so a restart takes it up again
/// STATE/import/ID.json        SpokeImportReport             written anew for each package; removed by whoever asked
/// ```
/// Files are replaced whole. Blocks; any thread.
struct ImportDrop: Sendable {
    struct Request: Codable, Sendable, Equatable {
        let id: String
        /// Absolute.
        let bundle: String
    }

    private static let limit = 16 << 20
    let folder: String

    private var requestFile: String { Directory.join(folder, "request.json") }

    private func reportFile(_ id: String) -> String { Directory.join(folder, id + ".json") }

    /// What is asked for; nil when nothing is. A request that cannot be read is removed.
    func request() throws -> Request? {
        guard let bytes = try read(requestFile) else { return nil }
        guard let request = try? JSONCoder.decode(Request.self, from: bytes),
            request.id.utf8.count == 32, request.id.utf8.allSatisfy({ (0x30...0x66).contains($0) })
        else {
            try remove()
            return nil
        }
        return request
    }

    func ask(_ request: Request) throws {
        try Directory.create(folder, mode: 0o700)
        try write(request, to: requestFile)
    }

    /// The request is done with.
    func remove() throws {
        try File.remove(requestFile)
    }

    func report(_ id: String) throws -> SpokeImportReport? {
        // A report that cannot be read is one that is not there yet.
        try read(reportFile(id)).flatMap { try? JSONCoder.decode(SpokeImportReport.self, from: $0) }
    }

    func put(_ report: SpokeImportReport, _ id: String) throws {
        try write(report, to: reportFile(id))
    }

    func removeReport(_ id: String) throws {
        try File.remove(reportFile(id))
    }

    private func read(_ path: String) throws -> [UInt8]? {
        guard File.exists(path) else { return nil }
        return try File.read(path, limit: Self.limit)
    }

    private func write(_ value: some Encodable, to path: String) throws {
        try AtomicFile.write(try JSONCoder.encode(value), to: path)
    }
}
