package import Content
package import Model
package import Protocol

/// How a package comes from the spoke: what the spoke planned, after the agent's own checks; pure.
package enum DownloadPlan: Equatable {
    case published
    case content
    /// A patch or a chunk delta of this hash and length against the base.
    case patch(ContentIdentity, base: ReleaseBases.Base)
    /// The plan breaks a rule: the published file is taken, and somebody is told.
    case refused(String)

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
