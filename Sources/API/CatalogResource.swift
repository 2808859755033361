package import Model

/// `GET /v1/catalog`: where the catalog is and what is known of it.
package struct CatalogResource: Codable, Hashable, Sendable {
    package var url: String
    /// The version of the root that was pinned with `axle catalog set`.
    package var rootVersion: UInt64?
    /// SHA-256 of that root.json, in hexadecimal, to compare with the vendor's.
    package var rootSHA256: String?
    package var timestampVersion: UInt64?
    /// When the trusted timestamp expires: how long the fleet may go on without a fresh one.
    package var expires: UnixTime?
    /// When the last refresh succeeded.
    package var refreshed: UnixTime?
    /// Why the last refresh failed; nil when it did not.
    package var problem: String?
    /// When it is refreshed next; in the past while that is under way. Set anew by every refresh that ends.
    package var nextRefresh: UnixTime?

    package init(
        url: String, rootVersion: UInt64?, timestampVersion: UInt64?, expires: UnixTime?, refreshed: UnixTime?,
        problem: String?, nextRefresh: UnixTime? = nil, rootSHA256: String? = nil
    ) {
        self.rootSHA256 = rootSHA256
        self.url = url
        self.rootVersion = rootVersion
        self.timestampVersion = timestampVersion
        self.expires = expires
        self.refreshed = refreshed
        self.problem = problem
        self.nextRefresh = nextRefresh
    }
}

/// `PUT /v1/catalog`: sets the address and the pinned root.
package struct CatalogChange: Codable, Hashable, Sendable {
    /// http or https, to the published folder, which has `metadata/` and `targets/` in it.
    package var url: String
    /// The text of the vendor's root.json, byte for byte.
    package var root: String

    package init(url: String, root: String) {
        self.url = url
        self.root = root
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case url, root }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        url = try container.decode(String.self, forKey: .url)
        root = try container.decode(String.self, forKey: .root)
    }
}

/// `GET /v1/catalog/releases`: a release and its packages.
package struct ReleaseResource: Codable, Hashable, Sendable {
    package var product: ProductName
    package var release: ReleaseName
    package var line: LineName
    package var counter: UInt64
    package var severity: Severity
    package var notes: String
    package var packages: [PackageResource]

    package init(
        product: ProductName, release: ReleaseName, line: LineName, counter: UInt64, severity: Severity, notes: String,
        packages: [PackageResource]
    ) {
        self.product = product
        self.release = release
        self.line = line
        self.counter = counter
        self.severity = severity
        self.notes = notes
        self.packages = packages
    }
}
