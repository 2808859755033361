/// User names and passwords of servers, as a file in the form of netrc(5) and apt's auth.conf lists them:
///
/// ```
/// machine mirror.example.com login fleet password s3cret
/// machine mirror.example.com:8443 login other password s3cret
/// machine mirror.example.com/team login third password s3cret
/// ```
/// An entry with a path is for what lies below that path only. An entry with a port goes before one without, then the one
/// with the longest path. `default`, macros and `account` are refused: a server that is not named is
/// told nothing. At most 64 KiB and 256 entries. In no text of it is a password.
package struct ServerCredentials: Sendable, Equatable, CustomStringConvertible {
    /// The value of `Authorization` for what lies below a path; the path has no slash at its end.
    private struct Entry: Equatable {
        let path: String
        let authorization: String
    }

    /// `HOST` or `HOST:PORT`, in small letters, to its entries.
    private var entries: [String: [Entry]] = [:]
    private var count = 0

    package static let none = ServerCredentials()
    /// Bytes of a file.
    package static let limit = 65_536
    private static let most = 256

    private init() {}

    /// Reads a file's text; throws `badURL` with a reason in which no secret is.
    package init(_ text: String) throws(HTTPError) {
        func bad(_ why: String) -> HTTPError { HTTPError(.badURL, why) }
        var words: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) where !line.drop(while: \.isWhitespace).hasPrefix("#") {
            words += line.split(whereSeparator: \.isWhitespace)
        }
        var rest = words[...]
        while let word = rest.popFirst() {
            guard word == "machine", let name = rest.popFirst() else {
                throw bad("each entry begins with: machine HOST")
            }
            let place: URLReference
            do throws(HTTPError) { place = try URLReference("https://\(name)") } catch {
                throw bad("a machine is named HOST, HOST:PORT or HOST/PATH, without https://")
            }
            var path = place.target[...]
            while path.hasSuffix("/") { path.removeLast() }
            guard !path.contains("?"), !Self.hasDotSegment(path) else {
                throw bad("\(place.host): the path of a machine has no query and no . or ..")
            }
            var login: Substring?
            var password: Substring?
            while let key = rest.first, key != "machine" {
                rest = rest.dropFirst()
                guard let value = rest.popFirst() else { throw bad("\(place.host): a value is missing at the end") }
                switch key {
                case "login" where login == nil: login = value
                case "password" where password == nil: password = value
                default: throw bad("\(place.host): an entry has one login and one password, and nothing else")
                }
            }
            guard let login, let password, !login.contains(":") else {
                throw bad("\(place.host): an entry has one login without a colon and one password")
            }
            let key = place.authority.lowercased()
            guard entries[key, default: []].allSatisfy({ $0.path != path }) else {
                throw bad("\(key)\(path) is there twice")
            }
            guard count < Self.most else { throw bad("there are more than \(Self.most) entries") }
            count += 1
            entries[key, default: []].append(
                Entry(
                    path: String(path), authorization: "Basic " + Base64.encode(Array("\(login):\(password)".utf8))))
        }
    }

    /// Whether there is an entry for a URL.
    package func isKnown(_ url: URLReference) -> Bool { authorization(for: url) != nil }

    /// The value of `Authorization` for a URL; nil for a server or a path that is not listed.
    func authorization(for url: URLReference) -> String? {
        let host = url.host.contains(":") ? "[\(url.host.lowercased())]" : url.host.lowercased()
        let path = url.target.prefix { $0 != "?" }
        return entries["\(host):\(url.port)"].flatMap { Self.best(of: $0, for: path) }
            ?? entries[host].flatMap { Self.best(of: $0, for: path) }
    }

    private static func best(of entries: [Entry], for path: Substring) -> String? {
        // What a server makes of `..` may lie outside of the path.
        let isStraight = !hasDotSegment(path)
        return entries.filter { entry in
            entry.path.isEmpty || isStraight && (path == entry.path || path.hasPrefix(entry.path + "/"))
        }
        .max { $0.path.utf8.count < $1.path.utf8.count }?.authorization
    }

    /// Whether a path has `.` or `..`, however they are escaped; also if its escapes are no text.
    private static func hasDotSegment(_ path: Substring) -> Bool {
        guard let decoded = PercentEncoding.decode(path) else { return true }
        return decoded.split(whereSeparator: { $0 == "/" || $0 == "\\" }).contains { $0 == "." || $0 == ".." }
    }

    package var description: String { "credentials for \(count) places" }
}
