package import Codec
package import Model

/// Message 49, `completedReleases`. From hub to spoke: of each product that a share of the spoke
/// follows, the newest release of each line that a rollout completed, all of them.
///
/// The answer to `shares` where one of these follows rollouts, and a request of its own when it
/// changes. A product without a release is named too, so that the spoke knows that there is none.
/// On the wire products are a list, and releases are lists side by side: the product's place in
/// that list, the line, the release.
package struct CompletedReleases: MessageBody {
    package static let number: UInt64 = 49
    package static let name = "completedReleases"
    /// Products at most: as many as a spoke has shares.
    package static let productLimit = Shares.most
    /// Lines of each product at most.
    package static let lineLimit = 8

    package private(set) var products: [ProductName: [LineName: ReleaseName]]

    /// Leaves out what is over the limits, the last by name.
    package init(_ products: [ProductName: [LineName: ReleaseName]]) {
        let kept = products.sorted { $0.key < $1.key }.prefix(Self.productLimit)
        self.products = Dictionary(
            uniqueKeysWithValues: kept.map { product, lines in
                let lines = lines.sorted { $0.key < $1.key }.prefix(Self.lineLimit)
                return (product, Dictionary(uniqueKeysWithValues: lines.map { ($0.key, $0.value) }))
            })
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        let most = Self.productLimit * Self.lineLimit
        let names = try fields.texts(1, count: Self.productLimit, limit: ProtocolLimits.nameLength)
        let places = try fields.unsigneds(2, count: most)
        let lines = try fields.texts(3, count: most, limit: ProtocolLimits.nameLength)
        let releases = try fields.texts(4, count: most, limit: ProtocolLimits.nameLength)
        guard places.count == lines.count, places.count == releases.count else {
            throw .malformed("completedReleases: lists of different lengths")
        }
        var products: [ProductName: [LineName: ReleaseName]] = [:]
        do {
            let named = try names.map { try ProductName($0) }
            for product in named { products[product] = [:] }
            guard products.count == named.count else { throw MessageError.malformed("a product twice") }
            for index in places.indices {
                guard let place = Int(exactly: places[index]), named.indices.contains(place) else {
                    throw MessageError.malformed("a release of no product")
                }
                let known = products[named[place]]?
                    .updateValue(try ReleaseName(releases[index]), forKey: try LineName(lines[index]))
                guard known == nil else { throw MessageError.malformed("a line twice") }
            }
        } catch {
            throw .malformed("completedReleases: \(error)")
        }
        self.init(products)
    }

    package var cbor: [CBORPair] {
        let ordered = products.sorted { $0.key < $1.key }
        let rows = ordered.enumerated().flatMap { place, entry in
            entry.value.sorted { $0.key < $1.key }.map { (place: UInt64(place), line: $0.key, release: $0.value) }
        }
        return CBOR.fields([
            1: .array(ordered.map { .text($0.key.text) }),
            2: .array(rows.map { .unsigned($0.place) }),
            3: .array(rows.map { .text($0.line.text) }),
            4: .array(rows.map { .text($0.release.text) }),
        ])
    }
}
