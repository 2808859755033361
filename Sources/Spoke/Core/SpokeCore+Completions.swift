import Codec
import Model
import Protocol

/// Which releases rollouts completed, for shares that follow rollouts: what the hub says is kept, so that a site without
/// its hub goes on.
extension SpokeCore {
    mutating func keep(_ told: CompletedReleases) throws {
        completed.isUntold = false
        guard told != completed.told else { return }
        try store.set(.completedReleases, to: CBOREncoder.encode(.map(told.cbor)))
        completed.told = told
        areSharesDue = true
    }

    /// What an earlier run has kept; what cannot be read is asked for anew on connect.
    func storedCompletions() throws -> CompletedReleases? {
        guard let bytes = try store.setting(.completedReleases) else { return nil }
        // As above.
        return try? CompletedReleases(MessageFields(frame: bytes.span, of: CompletedReleases.name))
    }

    /// A hub of an earlier release takes the shares, and does not say what it does not know.
    mutating func sharesAnswered(_ message: Message) throws {
        switch message {
        case .completedReleases(let told): try keep(told)
        case .ok: noteUntold()
        case .error(let error) where error.code == .unsupported: noteUntold()
        default: break
        }
    }

    private mutating func noteUntold() {
        guard !completed.isUntold, toldShares?.followed.isEmpty == false else { return }
        completed.isUntold = true
        areSharesDue = true
    }
}
