/// A package's path in the catalog: always `PRODUCT/RELEASE/PLATFORM/FILE`.
package struct TargetPath: TextForm {
    package let product: ProductName
    package let release: ReleaseName
    package let platform: PlatformName
    package let file: FileName

    package init(product: ProductName, release: ReleaseName, platform: PlatformName, file: FileName) {
        self.product = product
        self.release = release
        self.platform = platform
        self.file = file
    }

    package init(_ text: String) throws(ModelError) {
        try self.init(text, separator: 0x2F)
    }

    /// Reads ``id``.
    package init(id: String) throws(ModelError) {
        try self.init(id, separator: 0x3A)
    }

    private init(_ text: String, separator: UInt8) throws(ModelError) {
        let parts = text.utf8.split(separator: separator, maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else {
            throw ModelError("target path", text, "must be PRODUCT/RELEASE/PLATFORM/FILE")
        }
        self.init(
            product: try ProductName(String(Substring(parts[0]))),
            release: try ReleaseName(String(Substring(parts[1]))),
            platform: try PlatformName(String(Substring(parts[2]))),
            file: try FileName(String(Substring(parts[3]))))
    }

    /// The path with colons for slashes: one segment of a URL, which names the package in the API.
    package var id: String { "\(product):\(release):\(platform):\(file)" }
    package var description: String { "\(product)/\(release)/\(platform)/\(file)" }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
