/// User names and passwords of servers, as a file in the form of netrc(5) and apt's auth.conf lists them:
///
/// ```
/// machine mirror.example.com login fleet password s3cret
/// machine mirror.example.com:8443 login other password s3cret
/// ```
/// An entry with a port goes before one without. `default`, macros and `account` are refused: a server that is not named is
/// told nothing. At most 64 KiB and 256 entries. In no text of it is a password.
package struct ServerCredentials: Sendable, Equatable, CustomStringConvertible {
    /// `HOST` or `HOST:PORT`, in small letters, to the value of `Authorization`.
    private var entries: [String: String] = [:]

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
            // Only the host and the port of it count.
            let place: URLReference
            do throws(HTTPError) { place = try URLReference("https://\(name)/") } catch {
                throw bad("a machine is named HOST or HOST:PORT")
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
            guard entries[key] == nil else { throw bad("\(key) is there twice") }
            guard entries.count < Self.most else { throw bad("there are more than \(Self.most) entries") }
            entries[key] = "Basic " + Base64.encode(Array("\(login):\(password)".utf8))
        }
    }

    /// The value of `Authorization` for a URL; nil for a server that is not listed.
    func authorization(for url: URLReference) -> String? {
        let host = url.host.contains(":") ? "[\(url.host.lowercased())]" : url.host.lowercased()
        return entries["\(host):\(url.port)"] ?? entries[host]
    }

    package var description: String { "credentials for \(entries.count) servers" }
}
