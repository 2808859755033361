/// A request method: case-sensitive, an RFC 9110 token.
package struct HTTPMethod: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    /// Nil when the name is no token of at most 32 characters.
    package init?(_ name: String) {
        guard (1...32).contains(name.utf8.count), name.utf8.allSatisfy(HTTPSyntax.isToken) else { return nil }
        self.name = name
    }

    private init(known name: String) {
        self.name = name
    }

    package static let get = HTTPMethod(known: "GET")
    package static let head = HTTPMethod(known: "HEAD")
    package static let post = HTTPMethod(known: "POST")
    package static let put = HTTPMethod(known: "PUT")
    package static let patch = HTTPMethod(known: "PATCH")
    package static let delete = HTTPMethod(known: "DELETE")

    package var description: String {
        name
    }
}
