import Model
import Rollout
import Trust

/// A hub whose clock was wrong: what it has dated by the wrong time does not hold up work.
enum HubTime {
    /// The time by which what cannot be had back is removed: no later than a member's clock has
    /// agreed to, so that a clock that is years ahead lets no revoked member in again. Without a
    /// member there is nobody to ask.
    static func certainTime(_ turn: HubTurn) throws -> UnixTime {
        guard let seconds = try turn.store.setting(.clockFloor).flatMap({ Int64($0) }) else { return turn.now }
        return min(turn.now, UnixTime(seconds: seconds) + HubLimits.certainty)
    }

    /// Says at a start how the clock stands to what this hub signed last, and brings back what was
    /// put off into a future that is none.
    static func checkClock(_ turn: inout HubTurn) throws {
        let signed = try RevocationLists.current(turn).map { try RevocationList.readUnverified($0.signed).issued }
        if let signed, signed - turn.now > HubLimits.clockError {
            try turn.log(
                .warning, .clockWrong, "",
                "this machine's clock shows \(turn.now), and this hub signed records with \(signed): its clock was ahead then, or "
                    + "is behind now; \(turn.now) is used, and the records are signed anew")
        } else if let signed, turn.now - signed > HubLimits.quietTime {
            try turn.log(
                .notice, .clockWrong, "",
                "this machine's clock shows \(turn.now); this hub signed its last record at \(signed). If the time is wrong, stop "
                    + "the hub, set the clock and start it again")
        }
        try bringBack(turn)
    }

    /// No retry waits longer than its longest interval, whatever the clock said when it was put
    /// off.
    private static func bringBack(_ turn: HubTurn) throws {
        let latest = turn.now + HubLimits.longestRetry
        if var catalog = try turn.store.catalog(), let next = catalog.nextRefresh, next > latest {
            catalog.nextRefresh = turn.now
            try turn.store.setCatalog(catalog)
        }
        for var record in try turn.store.packages(in: .failed) where record.nextTry.map({ $0 > latest }) ?? false {
            record.nextTry = turn.now
            try turn.store.putPackage(record)
        }
        for var patch in try turn.store.patches() where patch.nextTry.map({ $0 > latest }) ?? false {
            patch.nextTry = turn.now
            try turn.store.putPatch(patch)
        }
        for var wave in try turn.store.timedWaves() where wave.stateEnds.map({ $0 > turn.now + wave.soak }) ?? false {
            wave.stateEnds = turn.now + wave.soak
            try turn.store.putWave(wave)
        }
    }
}
