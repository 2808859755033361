package import Model

/// An error as the API answers it (RFC 9457, `application/problem+json`): what is wrong and what to do next.
package struct Problem: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// The media type.
    package static let contentType = "application/problem+json"

    /// `urn:axle:problem:CODE`.
    package var type: String
    /// The code's meaning; the same for every occurrence.
    package var title: String
    /// The HTTP status.
    package var status: Int
    /// What is wrong this time.
    package var detail: String
    /// Stable; what programs act on.
    package var code: ProblemCode
    /// What to do next, one sentence.
    package var next: String

    /// A problem; without `next` the code's own is said.
    package init(_ code: ProblemCode, _ detail: String, next: String? = nil) {
        type = "urn:axle:problem:\(code.rawValue)"
        title = code.title
        status = code.status
        self.detail = Event.singleLine(detail, limit: 2048)
        self.code = code
        self.next = next ?? code.next
    }

    /// The problem of a value that Model refused.
    package init(_ error: ModelError) { self.init(.invalid, error.description) }

    package var description: String { detail }
}

/// What can go wrong at the API, as stable codes, each with its HTTP status; this is the one place where they are mapped.
package struct ProblemCode: OpenCode {
    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    package static var noun: String { "problem code" }

    package static let malformedBody = Self(known: "malformedBody")
    package static let badQuery = Self(known: "badQuery")
    package static let unauthorized = Self(known: "unauthorized")
    package static let forbidden = Self(known: "forbidden")
    package static let notFound = Self(known: "notFound")
    package static let methodNotAllowed = Self(known: "methodNotAllowed")
    /// The state of the resource does not allow it, or it exists already.
    package static let conflict = Self(known: "conflict")
    /// The same key was used for another request.
    package static let keyReused = Self(known: "keyReused")
    package static let tooLarge = Self(known: "tooLarge")
    package static let unsupportedMediaType = Self(known: "unsupportedMediaType")
    /// Well-formed, with a value that cannot be.
    package static let invalid = Self(known: "invalid")
    package static let tooManyRequests = Self(known: "tooManyRequests")
    package static let internalError = Self(known: "internalError")
    package static let catalogUnreachable = Self(known: "catalogUnreachable")
    package static let catalogRefused = Self(known: "catalogRefused")
    package static let unavailable = Self(known: "unavailable")
    package static let diskFull = Self(known: "diskFull")

    /// Every code of this release.
    package static let all: [ProblemCode] = [
        .malformedBody, .badQuery, .unauthorized, .forbidden, .notFound, .methodNotAllowed, .conflict, .keyReused,
        .tooLarge, .unsupportedMediaType, .invalid, .tooManyRequests, .internalError, .catalogUnreachable,
        .catalogRefused, .unavailable, .diskFull,
    ]

    private var parts: (status: Int, title: String, next: String) {
        switch self {
        case .malformedBody: (400, "The body could not be read", "Correct what was sent and try again.")
        case .badQuery: (400, "A parameter of the address is wrong", "Correct the parameter.")
        case .unauthorized:
            (401, "The token is missing or wrong", "Give the admin token, with --token-file or AXLE_TOKEN_FILE.")
        case .forbidden: (403, "The token does not permit this", "Ask someone whose token permits it.")
        case .notFound: (404, "There is no such thing", "List what there is, and check the name or id.")
        case .methodNotAllowed: (405, "The method does not fit the resource", "See the API's description.")
        case .conflict: (409, "Its state does not allow this now", "Look at its present state, then decide.")
        case .keyReused: (409, "The key was used for another request", "Use a new key for a new request.")
        case .tooLarge: (413, "The body is too large", "Send less at once.")
        case .unsupportedMediaType: (415, "The body is of the wrong kind", "Send application/json.")
        case .invalid: (422, "A value cannot be taken", "Correct the value and try again.")
        case .tooManyRequests: (429, "Too many requests", "Wait and try again.")
        case .internalError: (500, "The hub failed", "Look at the hub's log; the request may be repeated.")
        case .catalogUnreachable:
            (502, "The catalog cannot be fetched", "Check the catalog's address and the hub's connection.")
        case .catalogRefused:
            (502, "The catalog was fetched and is not to be trusted", "Look at the activity log for the failed check.")
        case .unavailable: (503, "The hub is busy or going down", "Try again in a moment.")
        case .diskFull: (507, "The hub's disk is full", "Free disk space on the hub; nothing was lost.")
        default: (500, "A problem that this release does not know", "Update axle to learn more.")
        }
    }

    /// The HTTP status.
    package var status: Int { parts.status }
    /// What the code means.
    package var title: String { parts.title }
    /// What to do next, if the problem itself does not say better.
    package var next: String { parts.next }
}
