package import Model

/// How a package had best come to who asks for it: by the fewest bytes on the wire. Pure; used by whoever answers `fetchPlan`.
package enum TransferChoice: Hashable, Sendable {
    /// Fetch this; `base` is the content that a patch or chunk delta is made against, and `why` says it to people.
    case fetch(TransferMeans, TransferOffer.Object, base: SHA256Digest?, why: String)
    /// Ask again after this time: what would save much is being made.
    case wait(Duration, why: String)
    /// Nothing of the package is here that the asker takes.
    case nothing

    /// Chooses.
    ///
    /// - Parameters:
    ///   - bases: contents that the asker holds verified.
    ///   - accepts: what it can use; the published file goes without saying.
    ///   - takesPublished: false where the asker cannot unpack the published file.
    package init(
        _ offer: TransferOffer, bases: [SHA256Digest], accepts: [TransferMeans], takesPublished: Bool = true,
        at now: UnixTime, patience: TransferPatience = TransferPatience()
    ) {
        func isTaken(_ means: TransferMeans, _ base: SHA256Digest) -> Bool {
            accepts.contains(means) && bases.contains(base)
        }
        let patch = offer.patches.filter { isTaken($0.means, $0.base) }
            .min { ($0.object.length, $0.means.rawValue, $0.base) < ($1.object.length, $1.means.rawValue, $1.base) }
        let whole = Self.whole(offer, accepts, takesPublished)
        let saving = patch.flatMap { patch in
            whole.map { Self.isWorth(patch.object.length, insteadOf: $0.object.length) } ?? true ? patch : nil
        }
        let cheapest = saving?.object.length ?? whole?.object.length
        // Nobody waits for what is no better than what is here.
        let coming = offer.making.filter {
            isTaken($0.means, $0.base) && $0.means.rawValue < saving?.means.rawValue ?? .max
        }.min { ($0.since, $0.means.rawValue) < ($1.since, $1.means.rawValue) }
        if let coming {
            let left = patience.limit(inPlaceOf: cheapest ?? .max) - (now - coming.since)
            if left > .zero {
                let instead = cheapest.map { " in place of \(ByteCount($0))" } ?? ""
                let noun = coming.means == .patch ? "a patch" : "a chunk delta"
                self = .wait(
                    min(max(left, .seconds(1)), patience.askAgain), why: "\(noun)\(instead) is being made")
                return
            }
        }
        if let saving {
            let saved = whole.map { " instead of \(ByteCount($0.object.length))" } ?? ""
            let reason =
                switch saving.means {
                case .patch: ""
                default: accepts.contains(.patch) ? saving.why.map { ": \($0)" } ?? "" : ": no patches are taken"
                }
            self = .fetch(
                saving.means, saving.object, base: saving.base,
                why: "\(saving.means.phrase), \(ByteCount(saving.object.length))\(saved)\(reason)")
            return
        }
        guard let whole else {
            self = .nothing
            return
        }
        let reason =
            if !takesPublished {
                "the published file cannot be unpacked there"
            } else if !accepts.contains(where: \.needsBase) {
                "no patches are taken"
            } else if bases.isEmpty {
                "no other release is held there"
            } else if coming != nil {
                "the patch is not ready yet"
            } else if patch != nil {
                "a patch would save less than a tenth"
            } else {
                "there is no patch against what is held there"
            }
        let noun = whole.means == .published ? "the published file" : "its content"
        self = .fetch(
            whole.means, whole.object, base: nil, why: "\(noun), \(ByteCount(whole.object.length)): \(reason)")
    }

    /// Whether a patch or chunk delta is worth taking in place of so many bytes: it must save a tenth of them,
    /// since it costs time and memory at both ends, and room beside what it gives.
    package static func isWorth(_ patch: UInt64, insteadOf whole: UInt64) -> Bool {
        patch <= mostUseful(insteadOf: whole)
    }

    /// The longest patch that is worth taking in place of so many bytes.
    package static func mostUseful(insteadOf whole: UInt64) -> UInt64 { whole - max(min(whole, 1), whole / 10) }

    /// The cheaper of the file and its content, the file where they are alike.
    private static func whole(
        _ offer: TransferOffer, _ accepts: [TransferMeans], _ takesPublished: Bool
    ) -> (means: TransferMeans, object: TransferOffer.Object)? {
        let content = offer.holdsContent && (accepts.contains(.content) || offer.content == offer.published)
        if offer.holdsPublished, takesPublished, !content || offer.published.length <= offer.content.length {
            return (.published, offer.published)
        }
        guard content else { return nil }
        return offer.content == offer.published ? (.published, offer.published) : (.content, offer.content)
    }
}
