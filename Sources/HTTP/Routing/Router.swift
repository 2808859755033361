/// Finds the handler of a request by its method and path.
///
/// A pattern is a path whose segments are words or names in braces: `/v1/clients/{name}`. Segments are compared after
/// percent-decoding; a word wins over a name; an empty segment matches nothing, so `/v1/` is not `/v1`.
package struct Router<Handler: Sendable>: Sendable {
    /// What a path leads to.
    package enum Match {
        case found(Handler, parameters: [String: String])
        case notFound
        /// The path exists, the method does not; these do.
        case methodNotAllowed([HTTPMethod])
    }

    private enum Segment: Hashable, Sendable {
        case word(String)
        case name(String)
    }

    private struct Route: Sendable {
        let method: HTTPMethod
        let segments: [Segment]
        let handler: Handler
    }

    private var routes: [Route] = []

    package init() {}

    package mutating func add(_ method: HTTPMethod, _ pattern: String, _ handler: Handler) {
        let segments = pattern.split(separator: "/").map { part -> Segment in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .name(String(part.dropFirst().dropLast())) : .word(String(part))
        }
        routes.append(Route(method: method, segments: segments, handler: handler))
    }

    /// Looks a request up; HEAD finds what GET finds.
    package func match(_ method: HTTPMethod, path: String) -> Match {
        var words: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let word = PercentEncoding.decode(part), !word.isEmpty || path == "/" else { return .notFound }
            if !word.isEmpty { words.append(word) }
        }
        var best: (route: Route, parameters: [String: String])?
        var allowed: [HTTPMethod] = []
        for route in routes {
            guard let parameters = Self.parameters(route.segments, words) else { continue }
            if !allowed.contains(route.method) { allowed.append(route.method) }
            guard route.method == method || (method == .head && route.method == .get) else { continue }
            guard let current = best else {
                best = (route, parameters)
                continue
            }
            if parameters.count < current.parameters.count { best = (route, parameters) }
        }
        if let best { return .found(best.route.handler, parameters: best.parameters) }
        guard !allowed.isEmpty else { return .notFound }
        if allowed.contains(.get) { allowed.append(.head) }
        return .methodNotAllowed(allowed.sorted { $0.name < $1.name })
    }

    private static func parameters(_ segments: [Segment], _ words: [String]) -> [String: String]? {
        guard segments.count == words.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, word) in zip(segments, words) {
            switch segment {
            case .word(let expected): guard expected == word else { return nil }
            case .name(let name): parameters[name] = word
            }
        }
        return parameters
    }
}

/// What a route does: the request and the names of its pattern in, a response out.
package typealias RouteHandler = @Sendable (HTTPRequest, [String: String]) async -> HTTPResponse

extension Router where Handler == RouteHandler {
    /// Answers a request: by its handler, or 404, or 405 with `Allow`.
    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        switch match(request.method, path: request.path) {
        case .found(let handler, let parameters):
            return await handler(request, parameters)
        case .notFound:
            return .problem(404, code: "notFound", detail: "There is nothing at \(request.path).")
        case .methodNotAllowed(let methods):
            let names = methods.map(\.name).joined(separator: ", ")
            var response = HTTPResponse.problem(
                405, code: "methodNotAllowed", detail: "\(request.path) allows \(names).")
            response.headers.set("Allow", names)
            return response
        }
    }
}
