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
    /// Bytes of the carried ids at the most: a million of them.
    private static let carriedLimit = 16 << 20

    private let folder: String
    private let state: NativeLock<RevokedMembers>
    /// Held while files are written or removed.
    private let files = NativeLock(())
    private let digester = OpenSSLDigester()

    /// Reads the folder, making it if it is not there. `role` says whose segments are needed, nil everybody's.
    package init(folder: String, role: Role?, list: RevocationList?) throws(SystemError) {
        self.folder = folder
        try Directory.create(folder, mode: 0o700)
        try AtomicFile.removeLeftovers(in: folder)
        var segments: [SHA256Digest: RevocationSegment] = [:]
        var carried: Set<NodeID> = []
        for name in try Directory.list(folder) {
            let path = Directory.join(folder, name)
            if name == Self.carriedName {
                carried = Self.readCarried(path)
            } else if let (sha256, segment) = Self.readSegment(name, path, digester) {
                segments[sha256] = segment
            } else {
                try File.remove(path)
            }
        }
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

    private static func readCarried(_ path: String) -> Set<NodeID> {
        // Written whole; if the disk has damaged it, the segments that are fetched name its ids again.
        guard let bytes = try? File.read(path, limit: carriedLimit),
            let ids = try? RevocationSegment(bytes: bytes, limit: carriedLimit / 16).ids
        else { return [] }
        return Set(ids)
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

    /// Takes a list whose signature and number were checked; in force when this returns, also after a cut.
    package func take(_ list: RevocationList) throws(SystemError) {
        let (before, carried) = state.withLock { state in
            let before = state.carried
            state.take(list)
            return (before, state.carried)
        }
        if !carried.isEmpty, carried != before {
            let bytes = RevocationSegment(carried).bytes
            try files.withLock { _ throws(SystemError) in
                try AtomicFile.write(bytes, to: path(Self.carriedName), mode: 0o600)
            }
        }
    }

    /// Takes a segment as a peer sent it; refuses what is not exactly what the list names.
    package func take(segment bytes: [UInt8], as reference: RevocationSegment.Reference) throws {
        let segment = try RevocationSegment(bytes: bytes, of: reference, digester: digester)
        state.withLock { $0.take(segment, as: reference.sha256) }
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
