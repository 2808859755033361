internal import API
internal import HTTP
internal import Model
internal import Rollout
internal import SQLite
internal import Storage
internal import System
internal import TLS

/// The hub's API `/v1`: resources as nouns, JSON in and out, problem+json for every error, the admin token on every call.
///
/// Reads go to a read-only store; changes are commands of the core. A change may carry `Idempotency-Key`: repeated with the
/// same key it has one effect and the same answer.
final class HubResources: Sendable {
    typealias Work = @Sendable (HubResources, HTTPRequest, [String: String]) async throws -> HTTPResponse

    /// Items of a page where nothing is said, and at the most.
    static let pageSize = 100
    static let pageLimit = 1000

    let settings: HubState.Settings
    let shell: HubShell
    let reader: HubReader
    let version: String
    let started: UnixTime
    private let token: [UInt8]
    private let router: Router<Work>
    private let refusals = NativeLock(TokenRefusals())

    init(
        folder: String, settings: HubState.Settings, shell: HubShell, version: String, started: UnixTime
    ) throws {
        self.settings = settings
        self.shell = shell
        self.version = version
        self.started = started
        reader = try HubReader(path: HubState.database(folder), now: started) { shell.endIfLost($0) }
        let file = try File.read(HubState.adminToken(folder), limit: 4096)
        token = SHA256.hash(file.filter { $0 > 0x20 })
        var router = Router<Work>()
        Self.addStatus(to: &router)
        Self.addTokens(to: &router)
        Self.addSpokes(to: &router)
        Self.addClients(to: &router)
        Self.addPools(to: &router)
        Self.addCatalog(to: &router)
        Self.addPackages(to: &router)
        Self.addBundles(to: &router)
        Self.addRollouts(to: &router)
        Self.addEvents(to: &router)
        Self.addAuthorities(to: &router)
        self.router = router
    }

    /// Whether the head carries the admin token.
    func knows(_ head: HTTPRequestHead) -> Bool {
        guard let bearer = head.bearerToken else { return false }
        return ConstantTime.equal(SHA256.hash(Array(bearer.utf8)), token)
    }

    /// Answers any request; never throws, every error is a problem document.
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        do {
            guard knows(request.head) else {
                tellRefusal(of: request)
                var response = Self.answer(Problem(.unauthorized, "the request carries no valid token"))
                response.headers.set("WWW-Authenticate", "Bearer")
                return response
            }
            switch router.match(request.method, path: request.path) {
            case .found(let work, let parameters):
                return try await work(self, request, parameters)
            case .notFound:
                throw Problem(.notFound, "there is nothing at \(request.path)")
            case .methodNotAllowed(let methods):
                let names = methods.map(\.name).joined(separator: ", ")
                var response = Self.answer(Problem(.methodNotAllowed, "\(request.path) allows \(names)"))
                response.headers.set("Allow", names)
                return response
            }
        } catch {
            return Self.answer(Self.problem(of: error))
        }
    }

    /// Leaves a line in the journal about a request without the token, within bounds.
    private func tellRefusal(of request: HTTPRequest) {
        let what = "\(request.method.name) \(request.path)"
        let line = refusals.withLock {
            $0.line(
                from: request.peer, what, hasToken: request.headers["Authorization"] != nil, at: SystemClock.uptime)
        }
        if let line { shell.messages(line) }
    }

    // MARK: - Answers

    static func json(_ value: some Encodable, status: Int = 200) throws -> HTTPResponse {
        .json(try JSONCoding.encode(value), status: status)
    }

    static func answer(_ problem: Problem) -> HTTPResponse {
        // A problem is made of strings and numbers, which always encode.
        let body = (try? JSONCoding.encode(problem)) ?? []
        return HTTPResponse(
            status: problem.status,
            headers: ["Content-Type": Problem.contentType, "Cache-Control": "no-store"], body: body)
    }

    /// The one place where errors become problems.
    static func problem(of error: any Error) -> Problem {
        switch error {
        case let problem as Problem: problem
        case let error as ModelError: Problem(error)
        case let refusal as HubRefusal:
            switch refusal {
            case .notFound(let why): Problem(.notFound, why)
            case .conflict(let why): Problem(.conflict, why)
            case .invalid(let why): Problem(.invalid, why)
            }
        case let error as HubAuthorityError: Problem(.invalid, "\(error)")
        case let error as TLSError: Problem(.invalid, "\(error)")
        case let error as StorageError:
            switch error {
            case .diskFull: Problem(.diskFull, error.description)
            case .quotaExceeded:
                Problem(
                    .diskFull, "the pool has no room: \(error)",
                    next: "Give the pool more with axle pool set POOL --quota SIZE, or remove what is not needed.")
            case .inTransfer: Problem(.conflict, error.description, next: "Wait until the hub's own download ends.")
            default: Problem(.internalError, error.description)
            }
        case PackageUploads.Refusal.tooMany:
            Problem(.unavailable, "\(PackageUploads.limit) packages are being brought already")
        case PackageUploads.Refusal.wrongOffset(let expected):
            Problem(.conflict, "the next byte is \(expected)", next: "Go on from there.")
        case IncomingMetadata.Refusal.wrongOffset(let expected):
            Problem(.conflict, "the next byte is \(expected)", next: "Go on from there.")
        case IncomingMetadata.Refusal.wrongName(let name): Problem(.invalid, "\(name) is no name of metadata")
        case IncomingMetadata.Refusal.tooLarge(let name):
            Problem(.tooLarge, "\(name) would be more metadata than a catalog may have")
        case let error as SystemError where error.isFull: Problem(.diskFull, error.description)
        case let error as RolloutError: Problem(.invalid, "\(error)")
        case let error as SQLiteError where error.kind == .diskFull: Problem(.diskFull, error.message)
        default: Problem(.internalError, "\(error)")
        }
    }

    // MARK: - Requests

    /// The body as a value; only JSON is taken.
    static func body<Value: Decodable>(_ type: Value.Type, of request: HTTPRequest) throws -> Value {
        if let kind = request.headers["Content-Type"], !kind.lowercased().hasPrefix("application/json"),
            !kind.lowercased().hasPrefix("application/json5")
        {
            throw Problem(.unsupportedMediaType, "the body is of type \(kind)")
        }
        return try JSONCoding.decode(type, from: request.body)
    }

    /// `limit` of the query.
    static func limit(of request: HTTPRequest) throws -> Int {
        guard let text = request.query["limit"] else { return pageSize }
        guard let limit = Int(text), (1...pageLimit).contains(limit) else {
            throw Problem(.badQuery, "limit must be 1 to \(pageLimit)")
        }
        return limit
    }

    /// `after` of the query where pages are numbered.
    static func ordinal(of request: HTTPRequest) throws -> Int64 {
        guard let text = request.query["after"] else { return 0 }
        guard let after = Int64(text), after >= 0 else { throw Problem(.badQuery, "after must be a number") }
        return after
    }

    /// A page of what was asked for with one item too many: whether there is more is known without counting.
    static func page<Item, Resource: Codable & Sendable>(
        _ items: [Item], limit: Int, cursor: (Item) -> String, _ resource: (Item) throws -> Resource
    ) throws -> ListPage<Resource> {
        let shown = items.prefix(limit)
        let next = items.count > limit ? shown.last.map(cursor) : nil
        return ListPage(items: try shown.map(resource), next: next)
    }

    /// Does a command and answers with what it gave; the same `Idempotency-Key` brings the same answer again.
    func perform(
        _ command: HubCommand, _ request: HTTPRequest, status: Int = 200,
        _ body: @escaping @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8]
    ) async throws -> HTTPResponse {
        let key = request.headers["Idempotency-Key"]
        if let key, !(1...255).contains(key.utf8.count) {
            throw Problem(.invalid, "Idempotency-Key must have 1 to 255 characters")
        }
        let mark = SHA256.hash(Array("\(request.method.name) \(request.head.target)\n".utf8) + request.body)
        let answer = try await shell.command(command, key: key, mark: mark, status: status, render: body)
        return .json(answer.body, status: answer.status)
    }
}
