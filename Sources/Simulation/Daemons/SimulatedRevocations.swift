internal import Model
internal import Trust

/// Who is refused at a spoke, and what its folder keeps of that over a crash, as `RevocationKeeper` does with files.
struct SimulatedRevocations {
    private(set) var members = RevokedMembers()
    /// The folder's files.
    private var segments: [SHA256Digest: RevocationSegment] = [:]
    private var carried: Set<NodeID> = []

    /// The process has started; `list` is the one that its store holds.
    mutating func restart(_ list: RevocationList?) {
        members = RevokedMembers(list: list, segments: segments, carried: carried)
        sweep()
    }

    mutating func take(_ list: RevocationList) {
        members.take(list)
        if !members.carried.isEmpty { carried = members.carried }
    }

    mutating func take(_ segment: RevocationSegment, as sha256: SHA256Digest) {
        guard members.take(segment, as: sha256) else { return }
        segments[sha256] = segment
        sweep()
    }

    /// Removes what is no longer in force, once the list is kept and all of it is here.
    mutating func sweep() {
        guard members.missing.isEmpty else { return }
        let held = members.held
        segments = segments.filter { held.contains($0.key) }
        carried = []
    }
}
