/// Finds the bytes of one body in pieces of any size, without copying them.
struct BodyReader: Sendable {
    /// How a body ends (RFC 9112 §6).
    enum Framing: Equatable, Sendable {
        case none
        case length(Int64)
        case chunked
        /// A response only: the body ends with the connection.
        case untilClose
    }

    enum Step: Equatable {
        /// These places of the given bytes are body.
        case bytes(Range<Int>)
        case end
    }

    private enum Phase {
        case counted(Int64)
        case chunkSize
        case chunk(Int64)
        case chunkEnd
        case trailers
        case untilClose
        case ended
    }

    private let limits: HTTPLimits
    private var phase: Phase
    private var total: Int64 = 0
    private var sizeLine: [UInt8] = []
    private var trailers: HeadReader

    init(_ framing: Framing, limits: HTTPLimits) throws(HTTPError) {
        self.limits = limits
        trailers = HeadReader(limits: limits, hasStartLine: false)
        switch framing {
        case .none: phase = .counted(0)
        case .length(let length):
            guard length <= limits.bodyBytes else { throw HTTPError(.tooLarge, "the body is too large") }
            phase = .counted(length)
        case .chunked: phase = .chunkSize
        case .untilClose: phase = .untilClose
        }
    }

    /// The next piece of the body, its end, or nil when more bytes are needed.
    mutating func read(_ bytes: borrowing Span<UInt8>, at position: inout Int) throws(HTTPError) -> Step? {
        while true {
            switch phase {
            case .counted(let left):
                guard left > 0 else {
                    phase = .ended
                    return .end
                }
                guard let range = try take(left, bytes, at: &position) else { return nil }
                phase = .counted(left - Int64(range.count))
                return .bytes(range)
            case .chunk(let left):
                guard let range = try take(left, bytes, at: &position) else { return nil }
                phase = left == Int64(range.count) ? .chunkEnd : .chunk(left - Int64(range.count))
                return .bytes(range)
            case .untilClose:
                guard let range = try take(.max, bytes, at: &position) else { return nil }
                return .bytes(range)
            case .chunkSize:
                guard let size = try chunkSize(bytes, at: &position) else { return nil }
                guard size <= limits.bodyBytes - total else { throw HTTPError(.tooLarge, "the body is too large") }
                phase = size == 0 ? .trailers : .chunk(size)
            case .chunkEnd:
                guard let line = try line(bytes, at: &position) else { return nil }
                guard line.isEmpty else { throw HTTPError(.malformed, "a chunk is longer than it said") }
                phase = .chunkSize
            case .trailers:
                guard try trailers.read(bytes, at: &position) != nil else { return nil }
                phase = .ended
                return .end
            case .ended:
                return .end
            }
        }
    }

    /// The connection ended: true when that ends the body properly.
    var mayEndWithConnection: Bool {
        switch phase {
        case .untilClose, .ended: true
        default: false
        }
    }

    private mutating func take(
        _ wanted: Int64, _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let count = Int(min(Int64(bytes.count - position), wanted))
        guard Int64(count) <= limits.bodyBytes - total else { throw HTTPError(.tooLarge, "the body is too large") }
        total += Int64(count)
        let range = position..<(position + count)
        position += count
        return range
    }

    /// `HEX [;extension] CRLF`; extensions are read and ignored.
    private mutating func chunkSize(
        _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> Int64? {
        guard let line = try line(bytes, at: &position) else { return nil }
        let digits = line.prefix { HTTPSyntax.hexValue($0) != nil }
        let rest = line[digits.endIndex...]
        guard (1...15).contains(digits.count), rest.first == nil || rest.first == 0x3B,
            rest.allSatisfy(HTTPSyntax.isFieldValue)
        else { throw HTTPError(.malformed, "a chunk without a proper size") }
        return digits.reduce(Int64(0)) { $0 << 4 | Int64(HTTPSyntax.hexValue($1) ?? 0) }
    }

    /// A line within the body's framing: at most 256 bytes, ended by CRLF.
    private mutating func line(
        _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> [UInt8]? {
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == HTTPSyntax.lineFeed {
                guard sizeLine.last == HTTPSyntax.carriageReturn else {
                    throw HTTPError(.malformed, "a chunk line that ends without CR")
                }
                let whole = Array(sizeLine.dropLast())
                sizeLine.removeAll(keepingCapacity: true)
                return whole
            }
            guard sizeLine.last != HTTPSyntax.carriageReturn else {
                throw HTTPError(.malformed, "a CR inside a chunk line")
            }
            guard sizeLine.count < 256 else { throw HTTPError(.malformed, "a chunk line is too long") }
            sizeLine.append(byte)
        }
        return nil
    }
}

extension BodyReader.Framing {
    /// The framing that header fields announce; everything that two readers could understand differently is refused
    /// (RFC 9112 §6.3, request smuggling): both lengths and codings, several of either, any coding but `chunked`.
    static func announced(_ headers: HTTPHeaders, minorVersion: Int) throws(HTTPError) -> BodyReader.Framing? {
        let lengths = headers.values("Content-Length")
        let codings = headers.values("Transfer-Encoding")
        if !codings.isEmpty {
            guard lengths.isEmpty else {
                throw HTTPError(.malformed, "both Content-Length and Transfer-Encoding")
            }
            guard minorVersion >= 1 else { throw HTTPError(.malformed, "Transfer-Encoding in HTTP/1.0") }
            guard codings.count == 1, let coding = codings.first, coding.lowercased() == "chunked" else {
                throw HTTPError(.unsupported, "a transfer coding other than chunked")
            }
            return .chunked
        }
        guard !lengths.isEmpty else { return nil }
        guard lengths.count == 1, let text = lengths.first, let length = HTTPSyntax.decimal(text.utf8) else {
            throw HTTPError(.malformed, "a Content-Length that is no single number")
        }
        return .length(length)
    }
}
