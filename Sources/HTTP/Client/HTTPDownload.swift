import System

/// A file to fetch, possibly from its middle on.
package struct HTTPDownload: Sendable {
    package var url: URLReference
    /// Bytes that the caller already has; only what follows is asked for.
    package var offset: Int64
    /// The most bytes of the whole file; more is `tooLarge`.
    package var limit: Int64
    /// The exact length of the whole file, when known: a server that has another is refused as `wrongLength`, at once
    /// where it announces it, while a cut is `truncated` as ever.
    package var length: Int64?
    /// The strong validator (an `ETag`) that the server gave with the bytes that are here: what follows is taken only if the
    /// file is still the same. Without one, the caller's own hash of the whole has to tell.
    package var validator: String?
    package var headers: HTTPHeaders

    package init(
        _ url: URLReference, offset: Int64 = 0, validator: String? = nil, limit: Int64, length: Int64? = nil,
        headers: HTTPHeaders = [:]
    ) {
        self.url = url
        self.offset = max(0, offset)
        self.validator = validator
        self.limit = limit
        self.length = length
        self.headers = headers
    }

    /// What follows, told before its first byte.
    package struct Beginning: Equatable, Sendable {
        /// Where in the file the first byte belongs: where it was asked from, or 0 when the server sends all of it again.
        package let offset: Int64
        /// The file's strong validator, to resume by; nil if the server gives none.
        package let validator: String?
        /// Whether this is known to be another file than the one that `validator` named: then it begins at 0, and what is
        /// here is of no use.
        package let isChanged: Bool
        /// The coding that the server says is on the bytes (`Content-Encoding`), though none was asked for, if it can be undone.
        /// Many servers say so of files that are stored that way: the bytes come as they are, and the caller's hash tells what
        /// they are.
        package let coding: ContentEncoding?
    }

    /// The server announces a length that the file has not, and a coding that explains it: thrown before a byte is taken.
    package struct Packed: Error, Hashable, Sendable, CustomStringConvertible {
        package let coding: ContentEncoding

        package var description: String { "the server packs the file with \(coding) though nobody asked for it" }
    }

    /// A content coding by which a server may have changed the bytes (RFC 9110 §8.4.1).
    package enum ContentEncoding: Hashable, Sendable {
        case gzip
        case zstd

        /// The one coding of these that a head names. Words that name none that is known change nothing that could be undone:
        /// `identity`, `aws-chunked` (which only marks an upload), and what people write there by mistake.
        static func undoable(by head: HTTPResponseHead) -> ContentEncoding? {
            let words = head.headers.values("Content-Encoding").flatMap { $0.split(separator: ",") }
            let named: [ContentEncoding] = words.prefix(8).compactMap { word in
                switch HTTPSyntax.trimmed(word).lowercased() {
                case "gzip", "x-gzip": .gzip
                case "zstd": .zstd
                default: nil
                }
            }
            return named.count == 1 ? named.first : nil
        }
    }

    /// How a fetch ended that did not throw.
    package enum Outcome: Equatable, Sendable {
        /// Everything to the end was given to the sink; the file has this many bytes.
        case complete(length: Int64, etag: String?)
        /// The server has not what was asked: 304, 404, 416, 503, …; nothing went to the sink.
        case status(Int, retryAfterSeconds: Int64?)
    }
}

extension HTTPClient {
    /// Fetches a file, from `offset` on where the server can.
    ///
    /// With a validator the request is conditional (`If-Range`, RFC 9110 §13.1.5): a file that has changed is sent from its
    /// beginning, and a part of one that names another validator is refused as `changed`, never joined to what is here.
    ///
    /// - Parameters:
    ///   - begin: called once before any byte.
    ///   - write: called with each piece, in order.
    /// - Throws: `HTTPError`, `HTTPDownload.Packed`, or what the callbacks throw.
    package func download(
        _ download: HTTPDownload, begin: (HTTPDownload.Beginning) throws -> Void,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPDownload.Outcome {
        var headers = download.headers
        if download.offset > 0 {
            headers.set("Range", "bytes=\(download.offset)-")
            if let validator = download.validator { headers.set("If-Range", validator) }
        }
        var end: Int64 = 0
        var isContent = false
        var announced: Int64?
        let head = try send(
            Request(.get, download.url, headers: headers), limit: download.limit,
            onHead: { head in
                guard let start = try Self.start(of: head, for: download) else { return false }
                isContent = true
                if head.status == 206 { announced = Self.total(of: head) }
                end = start
                let validator = Self.validator(of: head)
                let isChanged =
                    start == 0 && download.offset > 0 && download.validator != nil && validator != download.validator
                try begin(
                    HTTPDownload.Beginning(
                        offset: start, validator: validator, isChanged: isChanged,
                        coding: HTTPDownload.ContentEncoding.undoable(by: head)))
                return true
            },
            onBody: { bytes in
                guard end <= (download.length ?? download.limit) - Int64(bytes.count) else {
                    throw HTTPError(.tooLarge, "\(download.url.host) sends more than the file has")
                }
                end += Int64(bytes.count)
                try write(bytes)
            })
        guard isContent else {
            let now = SystemClock.nowMilliseconds / 1000
            return .status(head.status, retryAfterSeconds: head.headers.retryAfterSeconds(now: now))
        }
        guard end >= download.length ?? announced ?? end else {
            // A whole answer with its own length is what the server has; anything else may have been cut.
            let isWhole =
                head.status == 200
                && (head.headers.contains("Content-Length") || head.headers.contains("Transfer-Encoding"))
            if isWhole, let length = download.length { throw Self.wrongLength(download, end, length) }
            throw HTTPError(.truncated, "\(download.url.host) sends less than the file has")
        }
        return .complete(length: end, etag: head.headers["ETag"])
    }

    /// Where the body of a response begins in the file; nil when it is no content of the file.
    private static func start(of head: HTTPResponseHead, for download: HTTPDownload) throws -> Int64? {
        switch head.status {
        case 200:
            if let length = download.length, let text = head.headers["Content-Length"],
                let announced = HTTPSyntax.decimal(text.utf8), announced != length
            {
                // Packed on the way: the caller may ask for all of it and unpack it.
                if let coding = HTTPDownload.ContentEncoding.undoable(by: head) {
                    throw HTTPDownload.Packed(coding: coding)
                }
                throw wrongLength(download, announced, length)
            }
            return 0
        case 206:
            guard download.offset > 0, let range = contentRange(head), range.first == download.offset else {
                throw HTTPError(.malformed, "\(download.url.host) sends another range than was asked for")
            }
            if let length = download.length, let total = range.total, total != length {
                throw wrongLength(download, total, length)
            }
            if let expected = download.validator, let found = head.headers["ETag"], found != expected {
                throw HTTPError(.changed, "\(download.url.host) has another file now than when this download began")
            }
            return range.first
        default: return nil
        }
    }

    private static func wrongLength(_ download: HTTPDownload, _ found: Int64, _ expected: Int64) -> HTTPError {
        HTTPError(.wrongLength, "\(download.url.host) has \(found) bytes where \(expected) were expected")
    }

    private static func total(of head: HTTPResponseHead) -> Int64? {
        contentRange(head)?.total
    }

    /// `bytes FIRST-LAST/TOTAL` (RFC 9110 §14.4); the total may be `*`.
    private static func contentRange(_ head: HTTPResponseHead) -> (first: Int64, total: Int64?)? {
        let values = head.headers.values("Content-Range")
        guard values.count == 1, let value = values.first, value.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = HTTPSyntax.decimal(ends[0].utf8),
            let last = HTTPSyntax.decimal(ends[1].utf8),
            first <= last
        else { return nil }
        if parts[1] == "*" { return (first, nil) }
        guard let total = HTTPSyntax.decimal(parts[1].utf8), last < total else { return nil }
        return (first, total)
    }

    /// A strong entity tag (RFC 9110 §8.8.3) of at most 256 bytes; a weak one does not say that bytes are equal.
    private static func validator(of head: HTTPResponseHead) -> String? {
        let values = head.headers.values("ETag")
        // One that is not text could not be sent back as it came.
        guard values.count == 1, !head.headers.isBinary("ETag"), let tag = values.first,
            (2...256).contains(tag.utf8.count), tag.hasPrefix("\""),
            tag.hasSuffix("\""), !tag.dropFirst().dropLast().contains("\"")
        else { return nil }
        return tag
    }
}
