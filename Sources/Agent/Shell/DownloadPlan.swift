package import Content
package import Model
package import Protocol

/// How a package comes from the spoke: what the spoke planned, after the agent's own checks; pure.
package enum DownloadPlan: Equatable {
    case published
    case content
    /// A patch or a chunk delta of this hash and length against the base.
    case patch(ContentIdentity, base: ReleaseBases.Base)
    /// The plan breaks a rule: the last resort is taken, and somebody is told.
    case refused(String)

    /// The bytes that it takes; nil where none of it.
    package func length(of package: Package) -> UInt64? {
        switch self {
        case .published: package.length
        case .content: package.content.length.bytes
        case .patch(let patch, _): patch.length
        case .refused: nil
        }
    }

    /// Whether a published file of which this much is here is gone on with, whatever else is planned: what it lacks is no more than that.
    ///
    /// A spoke plans the fewest bytes, so what is no shorter than the file is planned by one that does not hold the file (any more).
    package func isWorseThan(begun held: UInt64, of package: Package) -> Bool {
        guard held > 0, held <= package.length, let planned = length(of: package), planned < package.length else {
            return false
        }
        return package.length - held <= planned
    }

    /// The means of use here, beside the published file.
    package static func accepts(_ package: Package, hasBase: Bool, canPatch: Bool) -> [TransferMeans] {
        var means: [TransferMeans] = []
        if package.content.sha256 != package.sha256 { means.append(.content) }
        if hasBase { means += canPatch ? TransferMeans.fromBase : [.plainChunks] }
        return means
    }

    /// Nothing of the answer is believed: what is signed must be what is named, and a patch must be for the base here and shorter than the file.
    package static func judge(_ plan: Plan, for package: Package, base: ReleaseBases.Base?, accepts: [TransferMeans])
        -> DownloadPlan
    {
        guard plan.means == .published || accepts.contains(plan.means) else {
            return .refused("it names the means \(plan.means.name), which was not asked for")
        }
        switch plan.means {
        case .published:
            guard plan.sha256 == package.sha256, plan.length == package.length else {
                return .refused("it names another published file than the catalog signs")
            }
            return .published
        case .content:
            guard plan.sha256 == package.content.sha256, plan.length == package.content.length.bytes else {
                return .refused("it names another content than the catalog signs")
            }
            return .content
        case .patch, .chunks, .plainChunks:
            guard let base, plan.base == base.identity.sha256 else {
                return .refused("it names \(plan.means.noun) against a base that is not here")
            }
            guard plan.length > 0, plan.length < package.length else {
                return .refused("it names \(plan.means.noun) of \(plan.length) bytes for a file of \(package.length)")
            }
            return .patch(ContentIdentity(length: plan.length, sha256: plan.sha256), base: base)
        }
    }
}
