internal import Model
internal import Protocol
internal import Spoke
internal import Storage

/// What brings objects into the pool and takes them out: transfers from the hub by a plan, contents that are made of them, evictions.
extension SpokeNode {
    func transfer(_ replica: WantedReplica, _ plan: TransferPlan) {
        func end(_ outcome: TransferOutcome) {
            if outcome == .verified { fleet.tally.spokes[plan.means, default: 0] += 1 }
            if case .planFailed(let why) = outcome {
                fleet.tally.spokeFallBacks += 1
                fleet.note(name, "\(plan.means.name) of \(replica.path.release) is of no use: \(why)")
            }
            tell(.transferEnded(replica.sha256, outcome))
            tell(.pool(.changed(figures)))
        }
        guard hub != nil else { return end(.interrupted("the hub is away")) }
        switch plan {
        case .published: fetch(replica, replica.sha256, plan.means, length: replica.length, end)
        case .content:
            guard let content = replica.content else { return end(.planFailed("the content is not known")) }
            fetch(replica, content.sha256, plan.means, length: content.length.bytes) { end(Self.planned($0)) }
        case .patch(let patch, let length, let base, let means):
            fetch(replica, patch, means, length: length) { [unowned self] outcome in
                let outcome = Self.planned(outcome)
                guard outcome == .verified else { return end(outcome) }
                apply(patch, base, replica, end)
            }
        }
    }

    /// What the end of fetching something means where it was not the published file.
    private static func planned(_ outcome: TransferOutcome) -> TransferOutcome {
        outcome == .hashMismatch ? .planFailed("its bytes have another hash than the plan says") : outcome
    }

    /// Makes the content of its base, as the limited child does.
    private func apply(
        _ patch: SHA256Digest, _ base: PackageContent, _ replica: WantedReplica,
        _ end: @escaping (TransferOutcome) -> Void
    ) {
        guard let content = replica.content else { return end(.planFailed("the content is not known")) }
        making.submit { [unowned self] ended in
            intake(content, of: [patch, base.sha256], in: pool) { [hasLibrary] sources in
                SimulatedPatch.apply(
                    sources[0], to: (base.sha256, sources[1]), wanting: content.sha256, hasLibrary: hasLibrary)
            } done: { made in
                switch made {
                case .done: end(.verified)
                case .cancelled: end(.interrupted("cancelled"))
                case .full(let error): end(Self.outcome(of: error))
                case .wrong: end(.planFailed("it gives another content than the catalog signs"))
                case .failed(let why): end(.planFailed(why))
                }
                ended()
            }
        }
    }

    /// Makes the content of a packed file, beside it and after a while, unless a transfer comes in between.
    func unpack(_ replica: WantedReplica) {
        isUnpackingStopped = false
        guard let content = replica.packed else {
            return tell(.unpacked(replica.sha256, .failed("its content is not known")))
        }
        making.submit { [unowned self] ended in
            func end(_ outcome: UnpackOutcome) {
                fleet.note(name, "unpacking \(replica.path.release) ends: \(outcome)")
                fleet.tally.count(outcome)
                tell(.unpacked(replica.sha256, outcome))
                tell(.pool(.changed(figures)))
                ended()
            }
            guard hasLibrary || content.coding != .zstd else { return end(.failed("libzstd is not here")) }
            intake(content, of: [replica.sha256], in: pool, isCancelled: { [unowned self] in isUnpackingStopped }) {
                $0.first.flatMap { SimulatedCoding.unpacked($0) }
            } done: { made in
                switch made {
                case .done: end(.done)
                case .cancelled: end(.cancelled)
                case .full(let error): end(.noRoom(error.description, lacking: error.lacking?.bytes ?? .zero))
                case .wrong: end(.failed("it is not what was signed"))
                case .failed(let why): end(.failed(why))
                }
            }
        }
    }

    func evict(_ objects: [SHA256Digest]) {
        fleet.poolsTouched = true
        tell(.evicted(pool.evict(each: objects).gone))
        fleet.checks.replicas(of: self)
        tell(.pool(.changed(figures)))
    }

    /// Fetches one object of the pool.
    private func fetch(
        _ replica: WantedReplica, _ digest: SHA256Digest, _ means: TransferMeans, length: UInt64,
        _ end: @escaping (TransferOutcome) -> Void
    ) {
        guard let hub else { return end(.interrupted("the hub is away")) }
        let pool = pool
        let reservation: Reservation
        fleet.poolsTouched = true
        do throws(StorageError) {
            reservation = try pool.reserve(digest, length: ByteCount(length))
        } catch {
            return end(Self.outcome(of: error))
        }
        func finish(_ outcome: TransferOutcome?) {
            fleet.poolsTouched = true
            var outcome = outcome
            do throws(StorageError) {
                if outcome == nil { try pool.publish(reservation) }
            } catch {
                outcome = Self.outcome(of: error)
            }
            if let outcome { pool.abandon(reservation, keepingBytes: outcome != .hashMismatch) }
            end(outcome ?? .verified)
        }
        let held = reservation.resumeOffset.bytes
        guard held < length else { return finish(nil) }
        let asked = fleet.has(.spokeRefetches) && held > 0 ? 0 : held
        fleet.checks.fetches(name, from: asked, held: held)
        if held > 0 { fleet.tally.resumed[means, default: 0] += 1 }
        let fetch = Fetch(limit: length) { [unowned self] bytes, offset in
            // What is here already can only come again by a mutation.
            guard offset >= held else { return true }
            fleet.poolsTouched = true
            // Few transfers break off, and a patch may come in the place of one: the broken rule is given one to go on with.
            let isBroken = means != .published && fleet.faults.breaksOff(random: &random)
            if isBroken { hub.breakOff() }
            let breaks = isBroken || (fleet.has(.spokeRefetches) && !brokeOff && bytes.count > 1)
            let taken = breaks ? Array(bytes.prefix(bytes.count / 2)) : bytes
            do {
                try pool.write(reservation, at: ByteCount(offset), taken.span.bytes)
                if breaks { brokeOff = true }
                return !breaks
            } catch {
                return false
            }
        } finished: { [unowned self] outcome in
            switch outcome {
            case .done:
                fleet.checks.wire.came(replica.path, at: identity.id, length - asked, now: fleet.now)
                finish(nil)
            case .answered(let reply): finish(.interrupted(reply.text))
            case .tooLong, .timedOut: finish(.interrupted("\(outcome)"))
            case .failed(let why): finish(.interrupted(why))
            }
        }
        hub.fetch(
            .fetchPackage(FetchPackage(path: replica.path, sha256: digest, length: length, offset: asked)),
            Priority(rawValue: replica.priority), fetch)
    }

    private static func outcome(of error: StorageError) -> TransferOutcome {
        switch error {
        case .alreadyHeld: .verified
        // What a power cut left of an attempt before is nobody's fault.
        case .hashMismatch(resumed: true): .interrupted("what was here from an attempt before was damaged and is gone")
        case .hashMismatch: .hashMismatch
        case .quotaExceeded, .noPool, .diskFull, .scratchFull:
            .noRoom(error.description, lacking: error.lacking?.bytes ?? .zero)
        default: .interrupted(error.description)
        }
    }
}
