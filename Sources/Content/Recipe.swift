internal import Codec
package import Compression

/// How a published file is made again from its content, byte for byte.
///
/// A library of another version may make other bytes: who uses a recipe always compares the result with the published hash, and keeps the
/// published file where no recipe was found. Written as deterministic CBOR (docs/formats/recipe.cddl).
package struct Recipe: Hashable, Sendable {
    /// What packs.
    package enum Method: Hashable, Sendable {
        case zstd(ZstdCompressor.Settings)
        case xz(XZCompressor.Settings)
        /// zlib at a level, behind this gzip header.
        case zlib(level: Int, header: [UInt8])
        /// The program gzip at a level, with its header replaced by this one.
        case gzip(level: Int, header: [UInt8])
    }

    package let method: Method
    /// Version of what packed when the recipe was found, for people.
    package let version: String

    /// A gzip header is not longer than this.
    static let headerLimit = 1024
    private static let limits = CBORLimits(bytes: 2048, items: 32, depth: 2)

    package init(_ method: Method, version: String) {
        self.method = method
        self.version = version
    }

    package func encoded() -> [UInt8] {
        var pairs = [CBORPair(.unsigned(1), .text(version))]
        func set(_ key: UInt64, _ value: CBOR) { pairs.append(CBORPair(.unsigned(key), value)) }
        func number(_ value: Int) -> CBOR { .unsigned(UInt64(clamping: value)) }
        switch method {
        case .zstd(let settings):
            set(0, .unsigned(1))
            set(2, number(settings.level))
            if let log = settings.windowLog { set(3, number(log)) }
            if let length = settings.contentLength { set(4, .unsigned(length)) }
            set(5, .bool(settings.isLong))
            set(6, .bool(settings.hasChecksum))
            set(7, .bool(settings.inJobs))
        case .xz(let settings):
            set(0, .unsigned(2))
            set(2, number(settings.preset))
            set(3, .bool(settings.isExtreme))
            set(4, number(settings.check))
            if let size = settings.blockSize { set(5, .unsigned(size)) }
        case .zlib(let level, let header):
            set(0, .unsigned(3))
            set(2, number(level))
            set(3, .bytes(header))
        case .gzip(let level, let header):
            set(0, .unsigned(4))
            set(2, number(level))
            set(3, .bytes(header))
        }
        return CBOREncoder.encode(.map(pairs))
    }

    package init(_ bytes: [UInt8]) throws(ContentError) {
        let fields: RecipeFields
        do throws(CBORError) {
            fields = RecipeFields(try CBORDecoder(limits: Self.limits).decode(bytes))
        } catch {
            throw ContentError(.malformed, "the recipe is malformed: \(error)")
        }
        version = try fields.text(1)
        let level = try fields.number(2, 0...22)
        switch try fields.number(0, 1...4) {
        case 1:
            var settings = ZstdCompressor.Settings(level: level)
            settings.windowLog = fields[3] == nil ? nil : try fields.number(3, 10...31)
            settings.contentLength = try fields.optionalLength(4)
            settings.isLong = try fields.bool(5)
            settings.hasChecksum = try fields.bool(6)
            settings.inJobs = try fields.bool(7)
            method = .zstd(settings)
        case 2:
            var settings = XZCompressor.Settings(preset: min(level, 9))
            settings.isExtreme = try fields.bool(3)
            settings.check = try fields.number(4, 0...15)
            settings.blockSize = try fields.optionalLength(5)
            method = .xz(settings)
        case 3: method = .zlib(level: min(level, 9), header: try fields.header(3))
        default: method = .gzip(level: min(level, 9), header: try fields.header(3))
        }
    }
}

/// The members of a recipe's map, each checked as it is taken.
private struct RecipeFields {
    private let pairs: [CBORPair]

    init(_ item: CBOR) {
        if case .map(let pairs) = item { self.pairs = pairs } else { pairs = [] }
    }

    subscript(_ key: UInt64) -> CBOR? { pairs.first { $0.key == .unsigned(key) }?.value }

    private func wrong(_ key: UInt64) -> ContentError {
        ContentError(.malformed, "the recipe's member \(key) is wrong")
    }

    func number(_ key: UInt64, _ range: ClosedRange<Int>) throws(ContentError) -> Int {
        guard case .unsigned(let value) = self[key], let number = Int(exactly: value), range.contains(number) else {
            throw wrong(key)
        }
        return number
    }

    func optionalLength(_ key: UInt64) throws(ContentError) -> UInt64? {
        switch self[key] {
        case nil: return nil
        case .unsigned(let value) where value <= PatchHeader.contentLimit: return value
        default: throw wrong(key)
        }
    }

    func bool(_ key: UInt64) throws(ContentError) -> Bool {
        guard case .bool(let value) = self[key] else { throw wrong(key) }
        return value
    }

    func text(_ key: UInt64) throws(ContentError) -> String {
        guard case .text(let value) = self[key], value.utf8.count <= 64 else { throw wrong(key) }
        return value
    }

    func header(_ key: UInt64) throws(ContentError) -> [UInt8] {
        guard case .bytes(let value) = self[key], (10...Recipe.headerLimit).contains(value.count) else {
            throw wrong(key)
        }
        return value
    }
}
