package import Model

/// Who is refused at a member: by the newest list, by the segments that it names, and, until all of these are here, by what was known before.
///
/// A new list takes effect at once for the ids that it names itself. It never lets in anybody whom the list before refused and whose segment is still to
/// come: earlier segments and the ids that earlier lists named stay in force until the last segment of the newest list is here.
package struct RevokedMembers: Sendable {
    package private(set) var list: RevocationList?
    /// What earlier lists named, as long as a segment of this one is missing.
    package private(set) var carried: Set<NodeID>
    private var segments: [SHA256Digest: RevocationSegment]
    /// Whose segments are needed; nil for everybody's.
    private let role: Role?

    /// What a restart finds: the list, and whatever segments and carried ids were kept.
    package init(
        of role: Role? = nil, list: RevocationList? = nil, segments: [SHA256Digest: RevocationSegment] = [:],
        carried: Set<NodeID> = []
    ) {
        self.role = role
        self.list = list
        self.segments = segments
        self.carried = carried
        settle()
    }

    // MARK: Questions

    /// Whether the node may open no session.
    package func revokes(_ node: NodeID) -> Bool {
        if list?.revokes(node) == true || carried.contains(node) { return true }
        return segments.values.contains { $0.contains(node) }
    }

    /// Whether the certificate may open no session.
    package func revokes(serial: [UInt8]) -> Bool { list?.revokes(serial: serial) ?? false }

    /// The segments of the list that are needed here.
    private var needed: [RevocationSegment.Reference] {
        (list?.segments ?? []).filter { role == nil || $0.role == role?.rawValue }
    }

    /// What is still to be fetched.
    package var missing: [RevocationSegment.Reference] { needed.filter { segments[$0.sha256] == nil } }

    /// A segment that is here, whichever list named it.
    package func segment(_ sha256: SHA256Digest) -> RevocationSegment? { segments[sha256] }

    /// The hashes of all segments that are here.
    package var held: Set<SHA256Digest> { Set(segments.keys) }

    /// How many segments are here that only earlier lists named.
    package var outdated: Int {
        let named = Set(needed.map(\.sha256))
        return segments.keys.count { !named.contains($0) }
    }

    /// How many ids are refused, those counted twice that two parts name.
    package var count: Int {
        (list?.nodes.count ?? 0) + carried.count + segments.values.reduce(0) { $0 + $1.count }
    }

    // MARK: Changes

    /// Takes a list whose signature and number the caller has checked.
    package mutating func take(_ next: RevocationList) {
        if let list { carried.formUnion(list.nodes) }
        list = next
        settle()
    }

    /// Takes a segment that the list names; false for one that it does not name, or no longer: that
    /// is not kept.
    @discardableResult
    package mutating func take(_ segment: RevocationSegment, as sha256: SHA256Digest) -> Bool {
        guard needed.contains(where: { $0.sha256 == sha256 }) else { return false }
        segments[sha256] = segment
        settle()
        return true
    }

    /// Drops what only earlier lists named, once nothing is missing.
    private mutating func settle() {
        guard list == nil || missing.isEmpty else { return }
        carried = []
        let named = Set(needed.map(\.sha256))
        segments = segments.filter { named.contains($0.key) }
    }
}
