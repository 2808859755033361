package import Model

/// A folder of the spoke's machine that shows a release of a product.
///
/// Shares are the machine's own: they are set with `axle-spoke share` and nothing that comes from the hub can name a folder.
package struct Share: Codable, Hashable, Sendable {
    /// Releases that are kept in the folder where nothing else is said: clients may still run from the one before.
    package static let usualKeep = 2
    package static let keepRange = 1...20

    package var name: NodeName
    package var product: ProductName
    /// Nil: whichever platform the product's packages are for, as long as there is only one.
    package var platform: PlatformName?
    /// Nil: all lines.
    package var line: LineName?
    /// An absolute path.
    package var folder: String
    package var keep: Int
    /// Which release it shows.
    package var shows: ShareRule

    package init(
        name: NodeName, product: ProductName, platform: PlatformName? = nil, line: LineName? = nil, folder: String,
        keep: Int = usualKeep, shows: ShareRule = .newest
    ) {
        self.name = name
        self.product = product
        self.platform = platform
        self.line = line
        self.folder = folder
        self.keep = keep
        self.shows = shows
    }

    /// One that an earlier release has written shows the newest release.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(NodeName.self, forKey: .name)
        product = try values.decode(ProductName.self, forKey: .product)
        platform = try values.decodeIfPresent(PlatformName.self, forKey: .platform)
        line = try values.decodeIfPresent(LineName.self, forKey: .line)
        folder = try values.decode(String.self, forKey: .folder)
        keep = try values.decode(Int.self, forKey: .keep)
        shows = try values.decodeIfPresent(ShareRule.self, forKey: .shows) ?? .newest
    }
}
