package import Model

/// A folder of the spoke's machine that shows the newest release of a product.
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
    /// Nil: whichever line has the newest release.
    package var line: LineName?
    /// An absolute path.
    package var folder: String
    package var keep: Int

    package init(
        name: NodeName, product: ProductName, platform: PlatformName? = nil, line: LineName? = nil, folder: String,
        keep: Int = usualKeep
    ) {
        self.name = name
        self.product = product
        self.platform = platform
        self.line = line
        self.folder = folder
        self.keep = keep
    }
}
