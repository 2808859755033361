package import Model

/// What the holder of a package has of it, and what it is making: what a transfer can be chosen from.
package struct TransferOffer: Hashable, Sendable {
    /// Bytes that can be fetched: their hash, and how many they are.
    package struct Object: Hashable, Sendable {
        package var sha256: SHA256Digest
        package var length: UInt64

        package init(sha256: SHA256Digest, length: UInt64) {
            self.sha256 = sha256
            self.length = length
        }
    }

    /// A patch or a chunk delta that is here.
    package struct Patch: Hashable, Sendable {
        package var means: TransferMeans
        /// The content that it is made against.
        package var base: SHA256Digest
        package var object: Object
        /// Why it is no patch, where it is none and that is known; for people.
        package var why: String?

        package init(means: TransferMeans = .patch, base: SHA256Digest, object: Object, why: String? = nil) {
            self.means = means
            self.base = base
            self.object = object
            self.why = why
        }
    }

    /// A patch or a chunk delta that is being made, or waits for its turn.
    package struct Making: Hashable, Sendable {
        package var means: TransferMeans
        package var base: SHA256Digest
        package var since: UnixTime

        package init(means: TransferMeans = .patch, base: SHA256Digest, since: UnixTime) {
            self.means = means
            self.base = base
            self.since = since
        }
    }

    /// The published file and its content, as they were signed; the same where the file is not packed.
    package var published: Object
    package var content: Object
    /// Whether they are here.
    package var holdsPublished: Bool
    package var holdsContent: Bool
    /// Patches and chunk deltas to this content.
    package var patches: [Patch]
    package var making: [Making]

    package init(
        published: Object, content: Object, holdsPublished: Bool, holdsContent: Bool = false, patches: [Patch] = [],
        making: [Making] = []
    ) {
        self.published = published
        self.content = content
        self.holdsPublished = holdsPublished
        self.holdsContent = holdsContent
        self.patches = patches
        self.making = making
    }
}

/// How long somebody is asked to wait for a patch.
package struct TransferPatience: Hashable, Sendable {
    /// Nobody waits for a patch in place of fewer bytes than this.
    package var floor: UInt64
    /// A patch may be waited for this long, and a second more for each `bytesPerSecond` that would come without it.
    package var least: Duration
    package var bytesPerSecond: UInt64
    /// Never longer, counted from the wish for the patch.
    package var most: Duration
    /// Who waits asks again at the latest after this.
    package var askAgain: Duration

    package init(
        floor: UInt64 = 1 << 20, least: Duration = .seconds(10), bytesPerSecond: UInt64 = 1 << 20,
        most: Duration = .seconds(300), askAgain: Duration = .seconds(5)
    ) {
        self.floor = floor
        self.least = least
        self.bytesPerSecond = max(bytesPerSecond, 1)
        self.most = most
        self.askAgain = askAgain
    }

    /// How long a patch in the place of so many bytes may be waited for.
    package func limit(inPlaceOf bytes: UInt64) -> Duration {
        guard bytes >= floor else { return .zero }
        return min(most, least + .seconds(Int64(clamping: bytes / bytesPerSecond)))
    }
}
