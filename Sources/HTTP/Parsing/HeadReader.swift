/// Collects the start line and the header fields of one message from pieces of any size.
///
/// Lines end with CRLF and nothing else; a bare CR or LF, a folded line, white space before the colon and control
/// characters are refused, since two readers could disagree about them (RFC 9112 §2.2, §5).
struct HeadReader: Sendable {
    private let limits: HTTPLimits
    private var line: [UInt8] = []
    private var headerBytes = 0
    private var startLine: [UInt8]?
    private var headers = HTTPHeaders()
    private var emptyLinesSkipped = 0
    /// Trailers have no start line.
    private let hasStartLine: Bool

    init(limits: HTTPLimits, hasStartLine: Bool = true) {
        self.limits = limits
        self.hasStartLine = hasStartLine
    }

    /// Whether nothing of a message has been read yet.
    var isFresh: Bool {
        line.isEmpty && startLine == nil && headers.fields.isEmpty
    }

    /// Reads on; the head when its empty line has come, nil when more bytes are needed.
    mutating func read(
        _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> (startLine: [UInt8], headers: HTTPHeaders)? {
        while let line = try nextLine(bytes, at: &position) {
            if hasStartLine, startLine == nil {
                // RFC 9112 §2.2: an empty line before a request is a known habit of old clients; one is skipped.
                guard !line.isEmpty else {
                    emptyLinesSkipped += 1
                    guard emptyLinesSkipped <= 1 else { throw HTTPError(.malformed, "empty lines before a message") }
                    continue
                }
                startLine = line
            } else if line.isEmpty {
                return (startLine ?? [], headers)
            } else {
                try field(line)
            }
        }
        return nil
    }

    private mutating func nextLine(
        _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> [UInt8]? {
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == HTTPSyntax.lineFeed {
                guard line.last == HTTPSyntax.carriageReturn else {
                    throw HTTPError(.malformed, "a line that ends without CR")
                }
                let whole = Array(line.dropLast())
                line.removeAll(keepingCapacity: true)
                return whole
            }
            guard line.last != HTTPSyntax.carriageReturn else { throw HTTPError(.malformed, "a CR inside a line") }
            guard line.count < limits.lineBytes else {
                throw HTTPError(.headersTooLong, "a line of more than \(limits.lineBytes) bytes\(place)")
            }
            headerBytes += 1
            guard headerBytes <= limits.headerBytes else {
                throw HTTPError(.headersTooLong, "more than \(limits.headerBytes) bytes of headers\(place)")
            }
            line.append(byte)
        }
        return nil
    }

    /// The field that is being read, for people; the start line has no name.
    private var place: String {
        guard startLine != nil || !hasStartLine else { return " in the start line" }
        let name = line.prefix(64).prefix(while: HTTPSyntax.isToken)
        return name.isEmpty ? "" : ", the last one \(String(decoding: name, as: UTF8.self))"
    }

    private mutating func field(_ line: [UInt8]) throws(HTTPError) {
        guard headers.fields.count < limits.headerCount else {
            throw HTTPError(.headersTooLong, "more than \(limits.headerCount) header fields")
        }
        guard let first = line.first, first != HTTPSyntax.space, first != HTTPSyntax.tab else {
            throw HTTPError(.malformed, "a folded header line")
        }
        guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy(HTTPSyntax.isToken) else {
            throw HTTPError(.malformed, "a header line without a proper name")
        }
        let value = line[(colon + 1)...]
        guard value.allSatisfy(HTTPSyntax.isFieldValue) else {
            throw HTTPError(.malformed, "a control character in a header")
        }
        headers.append(String(decoding: line[..<colon], as: UTF8.self), bytes: HTTPSyntax.trimmed(value))
    }
}
