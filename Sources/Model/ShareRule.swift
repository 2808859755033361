/// Which release a share shows, in the words of `axle-spoke share add --shows`.
package enum ShareRule: TextForm {
    /// The newest in the catalog.
    case newest
    /// The newest that a rollout completed: every ordered client succeeded.
    case completed
    /// This release and no other.
    case pinned(ReleaseName)

    /// Reads `newest`, `completed` or a release; a release with one of these two names cannot be
    /// pinned.
    package init(_ text: String) throws(ModelError) {
        switch text {
        case "newest": self = .newest
        case "completed": self = .completed
        default: self = .pinned(try ReleaseName(text))
        }
    }

    package var description: String {
        switch self {
        case .newest: "newest"
        case .completed: "completed"
        case .pinned(let release): release.text
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
