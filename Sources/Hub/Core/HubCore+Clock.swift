import Model
import Trust

/// A hub whose clock was wrong: what it has dated by the wrong time does not hold up work.
extension HubCore {
    /// The time by which what cannot be had back is removed: no later than a member's clock has agreed to, so that a
    /// clock that is years ahead lets no revoked member in again. Without a member there is nobody to ask.
    func certainTime(_ now: UnixTime) throws -> UnixTime {
        guard let seconds = try store.setting(.clockFloor).flatMap({ Int64($0) }) else { return now }
        return min(now, UnixTime(seconds: seconds) + HubLimits.certainty)
    }

    /// Says at a start how the clock stands to what this hub signed last, and brings back what was put off into a future
    /// that is none.
    mutating func checkClock(at now: UnixTime) throws {
        let signed = try revocationList().map { try RevocationList.readUnverified($0.signed).issued }
        if let signed, signed - now > HubLimits.clockError {
            try log(
                .warning, .clockWrong, "",
                "this machine's clock shows \(now), and this hub signed records with \(signed): its clock was ahead then, or "
                    + "is behind now; \(now) is used, and the records are signed anew", at: now)
        } else if let signed, now - signed > HubLimits.quietTime {
            try log(
                .notice, .clockWrong, "",
                "this machine's clock shows \(now); this hub signed its last record at \(signed). If the time is wrong, stop "
                    + "the hub, set the clock and start it again", at: now)
        }
        try bringBack(at: now)
    }

    /// No retry waits longer than its longest interval, whatever the clock said when it was put off.
    private func bringBack(at now: UnixTime) throws {
        let latest = now + HubLimits.longestRetry
        if var catalog = try store.catalog(), let next = catalog.nextRefresh, next > latest {
            catalog.nextRefresh = now
            try store.setCatalog(catalog)
        }
        for var record in try store.packages(in: .failed) where record.nextTry.map({ $0 > latest }) ?? false {
            record.nextTry = now
            try store.putPackage(record)
        }
        for var patch in try store.patches() where patch.nextTry.map({ $0 > latest }) ?? false {
            patch.nextTry = now
            try store.putPatch(patch)
        }
        for var wave in try store.soakingWaves() where wave.soakEnds.map({ $0 > now + wave.soak }) ?? false {
            wave.soakEnds = now + wave.soak
            try store.putWave(wave)
        }
    }
}
