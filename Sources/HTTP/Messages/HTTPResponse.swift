/// A status line and its header fields.
package struct HTTPResponseHead: Equatable, Sendable {
    /// Three digits.
    package var status: Int
    package var minorVersion: Int
    package var headers: HTTPHeaders

    package init(status: Int, minorVersion: Int = 1, headers: HTTPHeaders = [:]) {
        self.status = status
        self.minorVersion = minorVersion
        self.headers = headers
    }

    /// Whether the server lets the connection carry another request.
    package var keepsAlive: Bool {
        if headers.lists("close", in: "Connection") { return false }
        return minorVersion >= 1 || headers.lists("keep-alive", in: "Connection")
    }
}

/// A whole response: what a handler returns, and what a client gets for a small document.
package struct HTTPResponse: Equatable, Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A JSON document.
    package static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "application/json", "Cache-Control": "no-store"], body: body)
    }

    /// Plain text.
    package static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
    }

    /// An error as RFC 9457 writes it (`application/problem+json`): title from the status, detail for the person and
    /// an own stable `code` for programs.
    package static func problem(_ status: Int, code: String, detail: String) -> HTTPResponse {
        let title = HTTPStatus.reason(status)
        let text =
            #"{"type":"about:blank","title":"# + JSONText.quoted(title) + #","status":"# + "\(status)" + #","code":"#
            + JSONText.quoted(code) + #","detail":"# + JSONText.quoted(detail) + "}\n"
        return HTTPResponse(
            status: status, headers: ["Content-Type": "application/problem+json", "Cache-Control": "no-store"],
            body: Array(text.utf8))
    }
}

/// Writes texts into the few JSON documents that HTTP makes by itself.
enum JSONText {
    /// The text between quotes, with quotes, backslashes and control characters escaped.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
