package import Model

/// How a package had best come to who asks for it: by the fewest bytes on the wire. Pure; used by whoever answers `fetchPlan`.
package enum TransferChoice: Hashable, Sendable {
    /// Fetch this; `base` is the content that a patch is made against, and `why` says it to people.
    case fetch(TransferMeans, TransferOffer.Object, base: SHA256Digest?, why: String)
    /// Ask again after this time: a patch that would save much is being made.
    case wait(Duration, why: String)
    /// Nothing of the package is here that the asker takes.
    case nothing

    /// Chooses.
    ///
    /// - Parameters:
    ///   - bases: contents that the asker holds verified.
    ///   - accepts: what it can use; the published file goes without saying.
    package init(
        _ offer: TransferOffer, bases: [SHA256Digest], accepts: [TransferMeans], at now: UnixTime,
        patience: TransferPatience = TransferPatience()
    ) {
        let takesPatches = accepts.contains(.patch)
        let patch = offer.patches.filter { takesPatches && bases.contains($0.base) }
            .min { ($0.object.length, $0.base) < ($1.object.length, $1.base) }
        let whole = Self.whole(offer, accepts)
        if let patch, patch.object.length < whole?.object.length ?? .max {
            let saved = whole.map { " instead of \(ByteCount($0.object.length))" } ?? ""
            self = .fetch(
                .patch, patch.object, base: patch.base, why: "patch, \(ByteCount(patch.object.length))\(saved)")
            return
        }
        let coming = offer.making.filter { takesPatches && bases.contains($0.base) }.map(\.since).min()
        if let since = coming {
            let left = patience.limit(inPlaceOf: whole?.object.length ?? .max) - (now - since)
            if left > .zero {
                let instead = whole.map { " in place of \(ByteCount($0.object.length))" } ?? ""
                self = .wait(
                    min(max(left, .seconds(1)), patience.askAgain), why: "a patch\(instead) is being made")
                return
            }
        }
        guard let whole else {
            self = .nothing
            return
        }
        let reason =
            if !takesPatches {
                "no patches are taken"
            } else if bases.isEmpty {
                "no other release is held there"
            } else if coming != nil {
                "the patch is not ready yet"
            } else if patch != nil {
                "a patch would be no smaller"
            } else {
                "there is no patch against what is held there"
            }
        let noun = whole.means == .published ? "the published file" : "its content"
        self = .fetch(
            whole.means, whole.object, base: nil, why: "\(noun), \(ByteCount(whole.object.length)): \(reason)")
    }

    /// The cheaper of the file and its content, the file where they are alike.
    private static func whole(
        _ offer: TransferOffer, _ accepts: [TransferMeans]
    ) -> (means: TransferMeans, object: TransferOffer.Object)? {
        let content = offer.holdsContent && (accepts.contains(.content) || offer.content == offer.published)
        if offer.holdsPublished, !content || offer.published.length <= offer.content.length {
            return (.published, offer.published)
        }
        guard content else { return nil }
        return offer.content == offer.published ? (.published, offer.published) : (.content, offer.content)
    }
}
