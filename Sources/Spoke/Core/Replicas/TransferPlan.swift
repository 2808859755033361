package import Model
package import Protocol

/// How a package's bytes come to this spoke: what the hub planned, after the spoke's own checks.
package enum TransferPlan: Hashable, Sendable {
    /// The published file.
    case published
    /// What is inside it, as it is.
    case content
    /// A patch, or a chunk delta where `means` says so: kept as an object of its own in the pool, then the content that it makes of `base`, which is held.
    case patch(SHA256Digest, length: UInt64, base: PackageContent, means: TransferMeans = .patch)

    package var means: TransferMeans {
        switch self {
        case .published: .published
        case .content: .content
        case .patch(_, _, _, let means): means
        }
    }

    /// Bytes that are fetched.
    package func length(of replica: WantedReplica) -> UInt64 {
        switch self {
        case .published: replica.length
        case .content: replica.content?.length.bytes ?? replica.length
        case .patch(_, let length, _, _): length
        }
    }

    /// Bytes of the pool that it takes: a patch is kept beside the content that it makes.
    package func room(for replica: WantedReplica) -> UInt64 {
        let content = replica.content?.length.bytes ?? replica.length
        return switch self {
        case .published: replica.length
        case .content: content
        case .patch(_, let length, _, _): length > .max - content ? .max : length + content
        }
    }

    /// How the log says that a replica has come by this plan.
    func arrivalText(of replica: WantedReplica) -> String {
        let file = ByteCount(replica.length)
        let came = ByteCount(length(of: replica))
        return switch self {
        case .published: "the package is here, \(file), hash checked"
        case .content: "the package is here unpacked, \(came), hash checked"
        case .patch(_, _, _, let means):
            "the package is here by \(means.noun) of \(came) instead of \(file), hash checked"
        }
    }

    /// What an answer of the hub comes to.
    package enum Judgement: Equatable, Sendable {
        case accepted(TransferPlan)
        /// It breaks a rule, or is none that was asked for.
        case refused(String)
    }

    /// Judges what the hub planned for a package whose content is known, when these bases were named; nothing of the answer is believed.
    ///
    /// What is to be fetched as the published file or as the content must be what is signed. A patch and a chunk delta have no signature: they must be for a base that was
    /// named and shorter than the published file, so that a lie costs no more than fetching that would have.
    package static func judge(
        _ plan: Plan, for replica: WantedReplica, bases: [PackageContent], accepts: [TransferMeans]
    ) -> Judgement {
        guard plan.means == .published || accepts.contains(plan.means) else {
            return .refused("it names the means \(plan.means.name), which this spoke did not ask for")
        }
        switch plan.means {
        case .published:
            guard plan.sha256 == replica.sha256, plan.length == replica.length else {
                return .refused("it names another published file than the catalog signs")
            }
            return .accepted(.published)
        case .content:
            guard let content = replica.content, plan.sha256 == content.sha256, plan.length == content.length.bytes
            else { return .refused("it names another content than the catalog signs") }
            return .accepted(content.sha256 == replica.sha256 ? .published : .content)
        case .patch, .chunks, .plainChunks:
            guard let base = bases.first(where: { $0.sha256 == plan.base }) else {
                return .refused("it names \(plan.means.noun) against a base that is not here")
            }
            guard plan.length > 0, plan.length < replica.length else {
                return .refused(
                    "it names \(plan.means.noun) of \(plan.length) bytes for a file of \(replica.length), which is shorter"
                )
            }
            guard plan.sha256 != replica.sha256, plan.sha256 != replica.content?.sha256 else {
                return .refused("it names the package itself as its patch")
            }
            return .accepted(.patch(plan.sha256, length: plan.length, base: base, means: plan.means))
        }
    }
}
