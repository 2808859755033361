package import Model
package import System
package import Trust

/// Who is refused at a running member, and the folder of its segments: a file for each, named by its SHA-256, and `carried`, the ids that earlier lists
/// named, as long as a segment of the newest list is missing.
///
/// The list itself is kept by its owner. `take(_:)` must return before that is done: what the list no longer names is on the disk then, so that a cut lets
/// nobody in. A file that is damaged is removed, and the segment is fetched again. What reads is safe from any thread and does not block; what takes blocks
/// on the disk.
package final class RevocationKeeper: Sendable {
    private static let carriedName = "carried"
    /// Ids that may be carried: 524 lists of nothing but new ids, with a segment missing all the while.
    package static let carriedLimit = 1 << 20
    /// Segments that only earlier lists named and that may be kept: as many as a list names.
    package static let outdatedLimit = RecordLimits.segments
    private static let idLength = 16

    private let folder: String
    private let state: NativeLock<RevokedMembers>
    /// Held while files are written or removed.
    private let files = NativeLock(())
    private let digester = OpenSSLDigester()
    private let carriedLimit: Int
    private let outdatedLimit: Int
    /// What was found damaged at the start and is fetched again, a sentence each.
    package let damage: [String]

    /// Reads the folder, making it if it is not there. `role` says whose segments are needed, nil everybody's.
    package init(
        folder: String, role: Role?, list: RevocationList?, carriedLimit: Int = RevocationKeeper.carriedLimit,
        outdatedLimit: Int = RevocationKeeper.outdatedLimit
    ) throws(SystemError) {
        self.folder = folder
        self.carriedLimit = carriedLimit
        self.outdatedLimit = outdatedLimit
        var damage: [String] = []
        try Directory.create(folder, mode: 0o700)
        try AtomicFile.removeLeftovers(in: folder)
        var segments: [SHA256Digest: RevocationSegment] = [:]
        var carried: Set<NodeID> = []
        for name in try Directory.list(folder) {
            let path = Directory.join(folder, name)
            if name == Self.carriedName {
                let bytes = try Self.readCarried(path, limit: carriedLimit)
                do {
                    carried = Set(try RevocationSegment(bytes: bytes, limit: carriedLimit).ids)
                } catch {
                    // It was written whole, so the disk has damaged it. The segments name its ids again.
                    damage.append(
                        "\(path) is damaged (\(error)) and is left out: ids that only earlier revocation lists named are not "
                            + "refused until all segments have been fetched")
                }
            } else if let (sha256, segment) = Self.readSegment(name, path, digester) {
                segments[sha256] = segment
            } else {
                try File.remove(path)
            }
        }
        self.damage = damage
        state = NativeLock(RevokedMembers(of: role, list: list, segments: segments, carried: carried))
        try sweep()
    }

    /// What cannot be read is missing.
    private static func readSegment(
        _ name: String, _ path: String, _ digester: OpenSSLDigester
    ) -> (SHA256Digest, RevocationSegment)? {
        guard let sha256 = try? SHA256Digest(name),
            let bytes = try? File.read(path, limit: RecordLimits.record), digester.sha256(bytes) == sha256.bytes,
            let segment = try? RevocationSegment(bytes: bytes)
        else { return nil }
        return (sha256, segment)
    }

    private static func readCarried(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        do throws(SystemError) {
            return try File.read(path, limit: limit * idLength)
        } catch {
            throw SystemError(
                call: error.call, errno: error.errno, path: path,
                text: [
                    error.text,
                    "it holds revoked ids, \(limit) at most; to go on without those that only earlier lists "
                        + "named, until all segments have been fetched, move it away",
                ].compactMap { $0 }.joined(separator: "; "))
        }
    }

    // MARK: Questions

    /// As of now; searched without the lock, which is held for no longer than taking it out.
    private var members: RevokedMembers { state.withLock { $0 } }

    package var list: RevocationList? { members.list }
    /// The segments that are still to be fetched.
    package var missing: [RevocationSegment.Reference] { members.missing }
    /// How many ids are refused.
    package var count: Int { members.count }

    package func revokes(_ node: NodeID) -> Bool { members.revokes(node) }

    /// Whether the peer may open no session.
    package func revokes(_ node: NodeID, serial: [UInt8]) -> Bool {
        let members = members
        return members.revokes(node) || members.revokes(serial: serial)
    }

    /// The bytes of the segment that a peer asks for by name; nil if that is no name of a segment, or it is not here.
    package func file(named name: String) -> [UInt8]? {
        guard let sha256 = RevocationSegment.sha256(named: name) else { return nil }
        return members.segment(sha256)?.bytes
    }

    // MARK: Changes

    /// Takes a list whose signature and number were checked; in force when this returns, also after
    /// a cut.
    ///
    /// Refuses one that would make this member keep more of earlier lists than its limits permit;
    /// nothing has changed then.
    package func take(_ list: RevocationList) throws(SystemError) {
        let (limit, outdatedLimit) = (carriedLimit, outdatedLimit)
        let (before, carried) = try state.withLock { state throws(SystemError) in
            var next = state
            next.take(list)
            guard next.carried.count <= limit else {
                throw tooMuch(list, "\(next.carried.count) ids", limit, at: path(Self.carriedName))
            }
            let outdated = next.outdated
            // Fewer than before are no more to keep: a release without this limit may have left
            // more.
            guard outdated <= max(outdatedLimit, state.outdated) else {
                throw tooMuch(list, "\(outdated) segments", outdatedLimit, at: folder)
            }
            let before = state.carried
            state = next
            return (before, next.carried)
        }
        if !carried.isEmpty, carried != before {
            let bytes = RevocationSegment(carried).bytes
            try files.withLock { _ throws(SystemError) in
                try AtomicFile.write(bytes, to: path(Self.carriedName), mode: 0o600)
            }
        }
    }

    private func tooMuch(_ list: RevocationList, _ what: String, _ limit: Int, at path: String) -> SystemError {
        SystemError(
            call: "write", errno: .tooLarge, path: path,
            text: "revocation list \(list.number) is not taken: \(what) of earlier lists would have to be kept until "
                + "its segments are here, \(limit) at most; connect this machine until all segments have been fetched")
    }

    /// Takes a segment as a peer sent it; refuses what is not exactly what the reference names.
    /// Nothing is kept of a segment that the newest list does not name.
    package func take(segment bytes: [UInt8], as reference: RevocationSegment.Reference) throws {
        let segment = try RevocationSegment(bytes: bytes, of: reference, digester: digester)
        guard state.withLock({ $0.take(segment, as: reference.sha256) }) else { return }
        try files.withLock { _ throws(SystemError) in
            try AtomicFile.write(bytes, to: path(reference.sha256.hex), mode: 0o600)
        }
        try sweep()
    }

    /// Removes what is no longer in force. Call it when the list is kept: until then a cut brings the earlier list back, and its segments with it.
    package func sweep() throws(SystemError) {
        try files.withLock { _ throws(SystemError) in
            let (isComplete, held) = state.withLock { ($0.missing.isEmpty, $0.held) }
            guard isComplete else { return }
            for name in try Directory.list(folder) {
                // What is no hash is `carried`.
                if let sha256 = try? SHA256Digest(name), held.contains(sha256) { continue }
                try File.remove(path(name))
            }
        }
    }

    private func path(_ name: String) -> String { Directory.join(folder, name) }
}
