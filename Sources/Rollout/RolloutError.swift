/// Why a rollout or a limit cannot be used as it is written; each says which part and why.
package enum RolloutError: Error, Equatable, CustomStringConvertible {
    /// A value that a rollout may not have: the whole sentence.
    case specification(String)
    /// No client is named and `all` is not said.
    case emptySelection
    /// No package of the release is in the catalog.
    case noPackage(product: String, release: String)
    /// No selected client.
    case noClient
    /// A window that cannot be expanded: the field and why.
    case window(String)
    /// Waves that do not cover all clients, or that have bad numbers.
    case waves(String)
    /// A bandwidth limit that cannot be read or expanded: why.
    case limit(String)

    package var description: String {
        switch self {
        case .specification(let why): why
        case .emptySelection: "the selection names nobody; give names, labels or spokes, or say all"
        case .noPackage(let product, let release): "the catalog has no package of \(product) \(release)"
        case .noClient: "no client is selected"
        case .window(let why): "the window \(why)"
        case .waves(let why): "the waves \(why)"
        case .limit(let why): "the limit \(why)"
        }
    }
}
