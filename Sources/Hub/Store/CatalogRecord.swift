package import Model

/// Where the vendor's catalog is and how the last look at it went.
package struct CatalogRecord: Hashable, Sendable {
    /// Base URL of the metadata and targets.
    package var url: String
    /// The pinned root metadata, byte for byte as the operator gave it.
    package var root: [UInt8]
    /// Version of the trusted timestamp; 0 before the first refresh.
    package var timestampVersion: Int64
    /// When the trusted timestamp expires.
    package var expires: UnixTime?
    /// When it was last refreshed with success.
    package var refreshed: UnixTime?
    /// When it is refreshed next by itself.
    package var nextRefresh: UnixTime?
    /// Failures in a row.
    package var failures: Int
    /// Why the last refresh failed; nil after a success.
    package var error: String?

    /// The URL of a catalog that comes by bundles only, where no web server can be reached.
    package static let bundleURL = "bundle:"

    /// Whether it comes by bundles only.
    package var isOffline: Bool { url == Self.bundleURL }

    package init(
        url: String, root: [UInt8], timestampVersion: Int64 = 0, expires: UnixTime? = nil,
        refreshed: UnixTime? = nil, nextRefresh: UnixTime? = nil, failures: Int = 0, error: String? = nil
    ) {
        self.url = url
        self.root = root
        self.timestampVersion = timestampVersion
        self.expires = expires
        self.refreshed = refreshed
        self.nextRefresh = nextRefresh
        self.failures = failures
        self.error = error
    }
}

/// The one catalog.
package protocol CatalogStore: AnyObject {
    /// Nil before an operator has set one.
    func catalog() throws -> CatalogRecord?
    func setCatalog(_ catalog: CatalogRecord) throws
}
