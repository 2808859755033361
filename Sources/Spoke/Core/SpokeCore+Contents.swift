import Model
import Protocol

/// Contents in the background: what is unpacked beside its published file, and what goes again.
extension SpokeCore {
    /// Acts on what `ContentKeeping` says; nothing is unpacked while a package is under way.
    mutating func pumpKeeping() throws {
        if unpacking != nil, !attempts.isEmpty, !isUnpackingStopped {
            isUnpackingStopped = true
            effects.append(.stopUnpacking)
        }
        guard isKeepingDue, attempts.isEmpty, unpacking == nil else { return }
        isKeepingDue = false
        // What a pool holds whose disk is gone is not forgotten.
        for patch in try store.patches() where isEveryPoolHere && !held.contains(patch.sha256) {
            try store.removePatch(patch.sha256)
        }
        let keeping = ContentKeeping(
            replicas: try store.replicas(), patches: try store.patches(), held: held, bases: [], skipped: unpackFailed,
            pool: pool)
        if hub != nil {
            for path in keeping.lookUp where lookUps.insert(path).inserted { effects.append(.findTarget(path)) }
        }
        if !keeping.drop.isEmpty { effects.append(.evict(keeping.drop)) }
        if let replica = keeping.unpack, roomWaited.isEmpty {
            unpacking = replica.sha256
            isUnpackingStopped = false
            effects.append(.unpack(replica))
        }
    }

    /// The catalog was asked about a package that is here.
    mutating func noteContent(_ finding: TargetFinding, of replica: inout WantedReplica) throws {
        guard case .listed(let length, let sha256, let content) = finding, length == replica.length,
            sha256 == replica.sha256, replica.content != content
        else { return }
        if replica.isCodingUnknown { replica.text = "" }
        replica.content = content
        try store.save(replica)
        isKeepingDue = true
    }

    mutating func unpacked(_ sha256: SHA256Digest, _ outcome: UnpackOutcome, at now: UnixTime) throws {
        guard unpacking == sha256 else { return }
        unpacking = nil
        switch outcome {
        case .done:
            if let content = try store.replica(sha256)?.packed { held.insert(content.sha256) }
        case .cancelled: break
        case .noRoom: unpackFailed.insert(sha256)
        case .failed(let why):
            unpackFailed.insert(sha256)
            guard let replica = try store.replica(sha256) else { return }
            try log(
                .warning, .replicaFailed, "package/\(replica.path)",
                "the package is here and cannot be unpacked for patches: \(why)", at: now)
        }
        isKeepingDue = true
    }

    /// Objects are gone; what is read just now stays, and is looked at again with the next change.
    mutating func evicted(_ objects: [SHA256Digest]) throws {
        guard !objects.isEmpty else { return }
        held.subtract(objects)
        damagedFiles.subtract(objects)
        for object in objects { try store.removePatch(object) }
        isKeepingDue = true
        if !roomWaited.isEmpty { try retryWaitingReplicas() }
    }

    /// Contents whose published file is here too make way for a package that has no room.
    mutating func makeRoom() throws {
        var bases: Set<SHA256Digest> = []
        for attempt in attempts.values {
            if case .patch(_, _, let base, _) = attempt.plan { bases.insert(base.sha256) }
        }
        let spare = ContentKeeping.spare(try store.replicas(), held: held, bases: bases)
        if !spare.isEmpty { effects.append(.evict(spare)) }
    }
}
