import Identity
import Model
import System
import TestSupport
import Trust

/// What very many revoked members cost whoever opens sessions.
enum RevocationBench {
    /// A keeper in a folder that refuses so many members, as a spoke has it after it was given all segments.
    static func keeper(_ folder: String, count: Int) throws -> RevocationKeeper {
        var random = SystemRandom()
        var references: [RevocationSegment.Reference] = []
        var segments: [RevocationSegment] = []
        var left = count
        while left > 0 {
            let size = min(left, RecordLimits.segmentIDs)
            left -= size
            let segment = RevocationSegment((0..<size).map { _ in NodeID.random(using: &random) })
            references.append(
                RevocationSegment.Reference(
                    role: Role.agent.rawValue, count: segment.count,
                    sha256: try SHA256Digest(bytes: OpenSSLDigester().sha256(segment.bytes))))
            segments.append(segment)
        }
        let list = try RevocationList(
            fleet: FleetName("test"), number: 1, issued: .zero, nodes: [], segments: references)
        let keeper = try RevocationKeeper(folder: folder, role: nil, list: list)
        for (segment, reference) in zip(segments, references) {
            try keeper.take(segment: segment.bytes, as: reference)
        }
        return keeper
    }

    /// Prints what a look-up takes, by segments and by a set, and how long segments on the disk take to be read.
    static func lookUp(_ count: Int) throws {
        let folder = try TemporaryFolder()
        let keeper = try keeper(folder.path("r"), count: count)
        var random = SystemRandom()
        let strangers = (0..<1000).map { _ in NodeID.random(using: &random) }
        var found = 0
        /// The least of many rounds, in microseconds for each look-up: other programs take their turns meanwhile.
        func least(_ isRevoked: (NodeID) -> Bool) -> Double {
            (0..<50).map { _ in
                let begin = SystemClock.uptime
                for node in strangers where isRevoked(node) { found += 1 }
                return (SystemClock.uptime - begin) / .microseconds(1) / Double(strangers.count)
            }.min() ?? 0
        }
        let bySegments = least { keeper.revokes($0, serial: [1, 2, 3]) }
        let set = Set((0..<count).map { _ in NodeID.random(using: &random) })
        let bySet = least { set.contains($0) }
        let begin = SystemClock.uptime
        let again = try RevocationKeeper(folder: folder.path("r"), role: nil, list: keeper.list)
        let load = (SystemClock.uptime - begin) / .milliseconds(1)
        print(
            "\(again.count) revoked: \(bySegments) µs by segments, \(bySet) µs by a set, \(load) ms to load, \(found) found"
        )
    }
}
