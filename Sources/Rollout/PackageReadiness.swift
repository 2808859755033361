package import Model

/// Whether the hub's pool has the packages that the open actions of a rollout need.
package enum PackageReadiness: Hashable, Sendable {
    case ready
    /// This package is not imported yet.
    case waiting(TargetPath)
    /// The catalog no longer names this package, or names other bytes for it.
    case gone(TargetPath)
}
