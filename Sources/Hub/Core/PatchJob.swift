package import Model
package import Storage

/// A patch or a chunk delta to be made, as the core wants it.
package struct PatchJob: Equatable, Sendable {
    /// `patch`, `chunks` or `plainChunks`.
    package var means: TransferMeans
    /// Packages whose published files are in the hub's pool; their contents perhaps not.
    package var old: Package
    package var new: Package
    /// A patch of more bytes than this is of no use.
    package var limit: UInt64
    /// Patches that may be dropped for its room, the first first. What the pool holds beside these is nobody's and goes before them.
    package var evictable: [SHA256Digest]

    package init(
        _ means: TransferMeans = .patch, old: Package, new: Package, limit: UInt64, evictable: [SHA256Digest] = []
    ) {
        self.means = means
        self.old = old
        self.new = new
        self.limit = limit
        self.evictable = evictable
    }

    package var key: PatchKey { PatchKey(old: old.content.sha256, new: new.content.sha256, means: means) }
}

/// How a patch's making ended.
package enum PatchOutcome: Equatable, Sendable {
    /// It is in the pool of patches, on the disk.
    case made(SHA256Digest, length: UInt64)
    /// It will never be of use: it would not be smaller, or a content is not what was signed.
    case useless(String)
    /// It may go better another time.
    case failed(String)
    /// This machine can make neither patches nor compressed chunk deltas, for want of a library.
    case unavailable(String)
}

/// What came of a job, and what it left in the pools.
package struct PatchResult: Equatable, Sendable {
    package var key: PatchKey
    package var outcome: PatchOutcome
    /// Contents that the hub's pool holds unpacked now, of the two that the job needed.
    package var contents: Set<SHA256Digest>
    /// Patches that were dropped for its room.
    package var evicted: [SHA256Digest]

    package init(
        key: PatchKey, outcome: PatchOutcome, contents: Set<SHA256Digest> = [], evicted: [SHA256Digest] = []
    ) {
        self.key = key
        self.outcome = outcome
        self.contents = contents
        self.evicted = evicted
    }
}

/// What the hub's pool of patches is when the hub starts.
package struct HubPatchPool: Equatable, Sendable {
    package var held: Set<SHA256Digest>
    package var figures: PoolFigures
    /// Whether this machine has the library that patches and compressed chunk deltas are made with.
    package var hasLibrary: Bool

    package init(held: Set<SHA256Digest>, figures: PoolFigures, hasLibrary: Bool = true) {
        self.held = held
        self.figures = figures
        self.hasLibrary = hasLibrary
    }
}
