package import Model

/// A file that the hub wants in this spoke's pool, and how far it has come.
///
/// The same bytes may be several packages: a release candidate made final, one file for two platforms. They are one replica with
/// several paths, since the pool holds them once; whoever asks names one of the paths.
///
/// It is here when the pool holds its published file or its content: both hashes are signed.
package struct WantedReplica: Hashable, Sendable {
    /// The path by which it is asked for next.
    package private(set) var path: TargetPath
    /// Its other paths, in the order of their coming.
    package private(set) var others: [TargetPath]
    /// The published file's hash and length.
    package var sha256: SHA256Digest
    package var length: UInt64
    /// What is inside the published file, as the catalog signs it; coding `none`, with the file's own hash, where it is not compressed. Nil until
    /// the catalog was asked.
    package var content: PackageContent?
    /// Lower is sooner; the hub gives hotfixes the lowest.
    package var priority: UInt8
    package var state: ReplicaState
    /// Why it is not here yet, for people; empty when there is nothing to say.
    package var text: String
    /// How many attempts have failed since the last success or the last change of what is wanted.
    package var attempts: UInt32
    /// No attempt starts before this time.
    package var notBefore: UnixTime
    /// Nothing but the published file is taken any more: a plan for anything cheaper has failed.
    package var isPlain: Bool
    /// How it came, and how many bytes that took; nil until it is here, and for what came on a medium.
    package var means: TransferMeans?
    package var transferred: UInt64

    package init(
        path: TargetPath, sha256: SHA256Digest, length: UInt64, content: PackageContent? = nil, priority: UInt8,
        state: ReplicaState = .pending, text: String = "", attempts: UInt32 = 0, notBefore: UnixTime = .zero,
        isPlain: Bool = false, means: TransferMeans? = nil, transferred: UInt64 = 0, others: [TargetPath] = []
    ) {
        self.path = path
        self.others = others
        self.sha256 = sha256
        self.length = length
        self.content = content
        self.priority = priority
        self.state = state
        self.text = text
        self.attempts = attempts
        self.notBefore = notBefore
        self.isPlain = isPlain
        self.means = means
        self.transferred = transferred
    }

    /// Every package that it is.
    package var paths: [TargetPath] { [path] + others }

    package func names(_ path: TargetPath) -> Bool { self.path == path || others.contains(path) }

    /// It is this package too.
    package mutating func add(_ path: TargetPath) {
        if !names(path) { others.append(path) }
    }

    /// It is this package only.
    package mutating func become(_ path: TargetPath) { (self.path, others) = (path, []) }

    /// It is no longer this package; false if it is no other.
    package mutating func remove(_ path: TargetPath) -> Bool {
        guard let first = others.first else { return self.path != path }
        if self.path == path {
            self.path = first
            others.removeFirst()
        } else {
            others.removeAll { $0 == path }
        }
        return true
    }

    /// Asks for it by this path next, if it is one of its paths.
    package mutating func ask(by path: TargetPath) {
        guard path != self.path, names(path) else { return }
        others.removeAll { $0 == path }
        others.append(self.path)
        self.path = path
    }

    /// Asks for it by another path next, if it has one.
    package mutating func askByNextPath() {
        if let first = others.first { ask(by: first) }
    }

    /// The content where it is another object than the published file.
    package var packed: PackageContent? { content.flatMap { $0.sha256 == sha256 ? nil : $0 } }

    /// The objects that it may be held as: the published file, and its content where that is another.
    package var objects: [SHA256Digest] { [sha256] + [packed?.sha256].compactMap { $0 } }

    /// Whether a newer release said how the content is packed, in a way that this one does not know: it is served as it is, and the catalog is asked again.
    package var isCodingUnknown: Bool { packed?.coding == ContentCoding.none }

    /// Whether it is here, when the pool holds these objects.
    package func isHeld(_ held: Set<SHA256Digest>) -> Bool {
        held.contains(sha256) || packed.map { held.contains($0.sha256) } ?? false
    }
}
