package import Codec
package import Model

/// TUF's client workflow (1.0.34 §5) as a machine without IO: it says what to load, fetch, persist or delete, and is told
/// how that went.
///
/// ```
/// var workflow = RefreshWorkflow(…)
/// var step = try workflow.start()
/// loop: switch step { case .done(let outcome): …; case .fetch(…): step = try workflow.resume(.bytes(…)); … }
/// ```
/// A thrown `MetadataError` ends the run; what was persisted before is good and the next run goes on from there.
///
/// **Order of writes.** Each root is kept under its version first; then, when it retires a key of timestamp or snapshot,
/// those two files are deleted; only then does it become the trusted root. A cut at any point leaves either the old root
/// with the new one beside it, and the next run takes the change up from the kept file, or the new state. Timestamp,
/// snapshot and targets are persisted after every one of their checks, in this order; a cut between them leaves an older
/// file that only serves against rollback and is fetched again. The version floors follow the file that raised them, and go
/// ahead of a root that clears them.
package struct RefreshWorkflow: Sendable {
    /// What a run is for, beyond fresh top-level roles.
    package enum Goal: Sendable, Equatable {
        /// Root, timestamp, snapshot and targets.
        case refresh
        /// Also the delegated roles that speak for one path.
        case target(JSONText)
        /// Also every delegated role.
        case catalog
    }

    /// Where metadata may come from.
    package enum Source: Sendable, Equatable {
        case repository
        /// Only what was kept: for a machine without a link. Everything is checked alike, freshness included.
        case stored
    }

    private enum State {
        case ready
        case loadingFloors
        case loadingRoot
        case loadingNextRoot
        case fetchingRoot
        case loadingTimestamp
        case fetchingTimestamp
        case loadingSnapshot
        case fetchingSnapshot
        case loadingTargets(TrustedMetadata.WantedRole)
        case fetchingTargets(TrustedMetadata.WantedRole)
        /// Writes are under way; then goes on as said.
        case writing(then: Next)
        case finished
    }

    private enum Next {
        case nextStoredRoot
        case nextRoot
        case snapshot
        case targets
    }

    private let goal: Goal
    private let source: Source
    private let bootstrapRoot: [UInt8]?
    private let startTime: UnixTime
    private let verifier: any SignatureVerifier
    private let digester: any Digester
    private let limits: MetadataLimits
    private var state = State.ready
    private var trusted: TrustedMetadata?
    /// As they were kept before this run; handed to what is trusted.
    private var floorsBefore = VersionFloors()
    /// As they stand on the disk; nil when none are there or they cannot be read.
    private var keptFloors: VersionFloors?
    private var fetchedRoots = 0
    /// Writes to be done, the next one last.
    private var writes: [RefreshStep] = []
    private var refused: [TrustedMetadata.WantedRole: MetadataError] = [:]

    /// A run that begins at `startTime` (5.1), from the kept root or else from `bootstrapRoot`, which the vendor's root
    /// comes in with first.
    package init(
        _ goal: Goal, from source: Source = .repository, bootstrapRoot: [UInt8]?, startTime: UnixTime,
        verifier: any SignatureVerifier, digester: any Digester, limits: MetadataLimits = MetadataLimits()
    ) {
        self.goal = goal
        self.source = source
        self.bootstrapRoot = bootstrapRoot
        self.startTime = startTime
        self.verifier = verifier
        self.digester = digester
        self.limits = limits
    }

    /// A run that looks for one more target with what an earlier run trusts, at that run's time.
    package init(finding path: JSONText, in trusted: TrustedMetadata, from source: Source = .repository) {
        self.init(
            .target(path), from: source, bootstrapRoot: nil, startTime: trusted.startTime, verifier: trusted.verifier,
            digester: trusted.digester, limits: trusted.limits)
        self.trusted = trusted
    }

    /// The first step.
    package mutating func start() throws(MetadataError) -> RefreshStep {
        guard case .ready = state else { throw MetadataError(.wrongOrder, role: .root, "started twice") }
        return try finishingOnError { workflow throws(MetadataError) in
            if workflow.trusted != nil { return try workflow.nextTargets() }
            workflow.state = .loadingFloors
            return .load(.floors)
        }
    }

    /// The step after the answer to the one before.
    package mutating func resume(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        try finishingOnError { workflow throws(MetadataError) in try workflow.advance(answer) }
    }

    /// After an error no further step is given.
    private mutating func finishingOnError(
        _ body: (inout RefreshWorkflow) throws(MetadataError) -> RefreshStep
    ) throws(MetadataError) -> RefreshStep {
        do {
            return try body(&self)
        } catch {
            state = .finished
            throw error
        }
    }

    private mutating func advance(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        switch state {
        case .loadingFloors: return loadedFloors(answer)
        case .loadingRoot: return try loadedRoot(answer)
        case .loadingNextRoot: return try loadedNextRoot(answer)
        case .fetchingRoot: return try fetchedRoot(answer)
        case .loadingTimestamp: return try loadedTimestamp(answer)
        case .fetchingTimestamp: return try fetchedTimestamp(answer)
        case .loadingSnapshot: return try loadedSnapshot(answer)
        case .fetchingSnapshot: return try fetchedSnapshot(answer)
        case .loadingTargets(let wanted): return try loadedTargets(answer, wanted)
        case .fetchingTargets(let wanted): return try fetchedTargets(answer, wanted)
        case .writing(let next):
            guard case .stored = answer else {
                throw MetadataError(.wrongOrder, role: .root, "a write was not answered with stored")
            }
            return try write(then: next)
        case .ready, .finished:
            throw MetadataError(.wrongOrder, role: .root, "resumed before its start or after its end")
        }
    }

    // MARK: Floors

    private mutating func loadedFloors(_ answer: RefreshAnswer) -> RefreshStep {
        if case .bytes(let bytes) = answer { keptFloors = VersionFloors(bytes) }
        floorsBefore = keptFloors ?? VersionFloors()
        state = .loadingRoot
        return .load(.root)
    }

    /// The write that keeps the floors, unless they are kept as they stand.
    private mutating func floorsWrite() -> [RefreshStep] {
        guard let floors = trusted?.floors, floors != keptFloors else { return [] }
        keptFloors = floors
        return [.persist(.floors, floors.encoded)]
    }

    // MARK: Root (5.2, 5.3)

    private mutating func loadedRoot(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        if case .bytes(let bytes) = answer {
            do throws(MetadataError) {
                trusted = try makeTrusted(bytes)
                return try write(then: .nextStoredRoot)
            } catch {
                // A kept root that does not verify is a broken disk: begin again from the one that came with us, and
                // walk up through the kept versions.
                guard bootstrapRoot != nil else { throw error }
            }
        }
        guard let bootstrapRoot else { throw MetadataError(.noTrustedRoot, role: .root, "none kept and none given") }
        let made = try makeTrusted(bootstrapRoot)
        trusted = made
        writes =
            floorsWrite() + [
                .persist(.root, bootstrapRoot), .persist(.rootVersion(made.root.version), bootstrapRoot),
            ]
        return try write(then: .nextStoredRoot)
    }

    private func makeTrusted(_ bytes: [UInt8]) throws(MetadataError) -> TrustedMetadata {
        try TrustedMetadata(
            root: bytes, startTime: startTime, verifier: verifier, digester: digester, limits: limits,
            floors: floorsBefore)
    }

    /// A later root that an interrupted run kept but did not come to trust.
    private mutating func loadedNextRoot(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        if case .bytes(let bytes) = answer {
            // A kept file that does not verify counts as absent: the repository has the real one.
            if let retired = try? trusted?.updateRoot(bytes) {
                writes = rootWrites(bytes, retired: retired)
                return try write(then: .nextStoredRoot)
            }
        }
        return try nextRoot()
    }

    private mutating func nextRoot() throws(MetadataError) -> RefreshStep {
        guard source == .repository, fetchedRoots < limits.rootsPerRun, let trusted else { return try rootsDone() }
        fetchedRoots += 1
        state = .fetchingRoot
        return .fetch(name: "\(trusted.root.version + 1).root.json", maximumLength: limits.rootBytes)
    }

    private mutating func fetchedRoot(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        if case .notFound = answer { return try rootsDone() }
        let bytes = try fetched(answer, .root, limits.rootBytes)
        let retired = try trusted?.updateRoot(bytes) ?? false
        writes = rootWrites(bytes, retired: retired)
        writes.append(.persist(.rootVersion(trusted?.root.version ?? 0), bytes))
        return try write(then: .nextRoot)
    }

    /// The deletions first, the trusted root last; see the type's order of writes.
    private mutating func rootWrites(_ bytes: [UInt8], retired: Bool) -> [RefreshStep] {
        let persist = RefreshStep.persist(.root, bytes)
        let floors = floorsWrite()
        return retired ? [persist] + floors + [.delete(.timestamp), .delete(.snapshot)] : floors + [persist]
    }

    private mutating func rootsDone() throws(MetadataError) -> RefreshStep {
        try trusted?.checkRootFreshness()
        state = .loadingTimestamp
        return .load(.timestamp)
    }

    // MARK: Timestamp (5.4)

    private mutating func loadedTimestamp(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        if case .bytes(let bytes) = answer {
            do throws(MetadataError) {
                try trusted?.loadTimestamp(bytes)
            } catch {
                // Of a key that is trusted no more, or a broken disk: no yardstick, and the repository has the newest.
                if source == .stored { throw error }
            }
        }
        guard source == .repository else {
            guard trusted?.timestamp != nil else {
                throw MetadataError(.missingMetadata, role: .timestamp, "none is kept")
            }
            try trusted?.checkTimestampFreshness()
            return loadSnapshot()
        }
        state = .fetchingTimestamp
        return .fetch(name: "timestamp.json", maximumLength: limits.timestampBytes)
    }

    private mutating func fetchedTimestamp(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        let bytes = try fetched(answer, .timestamp, limits.timestampBytes)
        let change = try trusted?.updateTimestamp(bytes)
        writes = floorsWrite()
        if case .replaced? = change { writes.append(.persist(.timestamp, bytes)) }
        return try write(then: .snapshot)
    }

    // MARK: Snapshot (5.5)

    private mutating func loadSnapshot() -> RefreshStep {
        state = .loadingSnapshot
        return .load(.snapshot)
    }

    private mutating func loadedSnapshot(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        if case .bytes(let bytes) = answer {
            do throws(MetadataError) {
                try trusted?.loadSnapshot(bytes)
            } catch {
                if source == .stored { throw error }
            }
        }
        guard let trusted, !trusted.snapshotIsCurrent, let listed = trusted.timestamp?.snapshot else {
            writes = source == .repository ? floorsWrite() : []
            return try write(then: .targets)
        }
        guard source == .repository else {
            throw MetadataError(.missingMetadata, role: .snapshot, "the current one is not kept or has expired")
        }
        state = .fetchingSnapshot
        return .fetch(
            name: trusted.remoteName(.snapshot, version: listed.version),
            maximumLength: try listed.maximumLength(limits.snapshotBytes, role: .snapshot))
    }

    private mutating func fetchedSnapshot(_ answer: RefreshAnswer) throws(MetadataError) -> RefreshStep {
        let bytes = try fetched(
            answer, .snapshot,
            try trusted?.timestamp?.snapshot.maximumLength(limits.snapshotBytes, role: .snapshot) ?? 0)
        try trusted?.updateSnapshot(bytes)
        writes = floorsWrite() + [.persist(.snapshot, bytes)]
        return try write(then: .targets)
    }

    // MARK: Targets and delegated roles (5.6)

    private mutating func nextTargets() throws(MetadataError) -> RefreshStep {
        guard let trusted else { throw MetadataError(.wrongOrder, role: .targets, "no trusted root") }
        let top = TrustedMetadata.WantedRole(role: .targets, delegator: .root)
        var found: TrustedMetadata.FoundTarget?
        var wanted: TrustedMetadata.WantedRole?
        switch goal {
        case .refresh: wanted = trusted.targetsRole(.targets) == nil ? top : nil
        case .catalog: wanted = try trusted.nextRoleOfCatalog(without: Set(refused.keys))
        case .target(let path):
            switch try trusted.search(path) {
            case .found(let target): found = target
            case .absent: break
            case .needs(let role): wanted = role
            }
        }
        guard let wanted else {
            state = .finished
            return .done(
                RefreshOutcome(
                    trusted: trusted, target: found,
                    refused: refused.sorted { $0.key.role < $1.key.role }.map(\.value)))
        }
        state = .loadingTargets(wanted)
        return .load(.targets(wanted.role))
    }

    private mutating func loadedTargets(
        _ answer: RefreshAnswer, _ wanted: TrustedMetadata.WantedRole
    ) throws(MetadataError) -> RefreshStep {
        var failure = MetadataError(.missingMetadata, role: wanted.role, "none is kept")
        if case .bytes(let bytes) = answer {
            do throws(MetadataError) {
                try trusted?.updateTargets(bytes, role: wanted.role, delegator: wanted.delegator)
                return try nextTargets()
            } catch {
                // Not the one that the snapshot names: the repository has it.
                failure = error
            }
        }
        guard source == .repository, let trusted else { return try refuse(wanted, failure) }
        do throws(MetadataError) {
            let listed = try trusted.listedTargets(wanted.role)
            let length = try listed.maximumLength(limits.targetsBytes, role: wanted.role)
            state = .fetchingTargets(wanted)
            return .fetch(
                name: trusted.remoteName(wanted.role, version: listed.version), maximumLength: length)
        } catch {
            return try refuse(wanted, error)
        }
    }

    private mutating func fetchedTargets(
        _ answer: RefreshAnswer, _ wanted: TrustedMetadata.WantedRole
    ) throws(MetadataError) -> RefreshStep {
        do throws(MetadataError) {
            let limit = try trusted?.listedTargets(wanted.role).maximumLength(limits.targetsBytes, role: wanted.role)
            let bytes = try fetched(answer, wanted.role, limit ?? 0)
            try trusted?.updateTargets(bytes, role: wanted.role, delegator: wanted.delegator)
            writes = [.persist(.targets(wanted.role), bytes)]
        } catch {
            return try refuse(wanted, error)
        }
        return try write(then: .targets)
    }

    /// With the goal `catalog` one product's broken role does not hold up the others; a repository out of reach does.
    private mutating func refuse(
        _ wanted: TrustedMetadata.WantedRole, _ error: MetadataError
    ) throws(MetadataError) -> RefreshStep {
        guard goal == .catalog, wanted.role != .targets, error.code != .unreachable, error.code != .tooSlow else {
            throw error
        }
        refused[wanted] = error
        return try nextTargets()
    }

    // MARK: Answers and writes

    private func fetched(
        _ answer: RefreshAnswer, _ role: RoleName, _ limit: Int
    ) throws(MetadataError) -> [UInt8] {
        switch answer {
        case .bytes(let bytes) where bytes.count <= limit: return bytes
        case .bytes, .tooLarge: throw MetadataError(.metadataTooLarge, role: role, "more than \(limit) bytes came")
        case .notFound: throw MetadataError(.missingMetadata, role: role, "the repository does not have it")
        case .tooSlow: throw MetadataError(.tooSlow, role: role, "it came too slowly")
        case .failed(let why): throw MetadataError(.unreachable, role: role, why)
        case .stored: throw MetadataError(.wrongOrder, role: role, "a fetch was answered with stored")
        }
    }

    /// The next write, or what comes after the last.
    private mutating func write(then next: Next) throws(MetadataError) -> RefreshStep {
        if let write = writes.popLast() {
            state = .writing(then: next)
            return write
        }
        switch next {
        case .nextStoredRoot:
            state = .loadingNextRoot
            return .load(.rootVersion((trusted?.root.version ?? 0) + 1))
        case .nextRoot: return try nextRoot()
        case .snapshot: return loadSnapshot()
        case .targets: return try nextTargets()
        }
    }
}
