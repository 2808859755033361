package import Model

/// Why a repository was not changed or published. It stays as it was.
package enum PublishingError: Error, Sendable, Equatable {
    /// Fewer keys than the threshold, a threshold below 1, or a key twice.
    case invalidKeys(role: String)
    /// The product's name is one of TUF's own.
    case reservedName(ProductName)
    case productExists(ProductName)
    case unknownProduct(ProductName)
    /// A package of that path is there with other bytes or other data: what was once published never changes.
    case packageDiffers(TargetPath)
    case unknownPackage(TargetPath)
    /// The package's path and data disagree, or say what no catalog may say.
    case invalidPackage(ModelError)
    /// No role of that name.
    case unknownRole(String)
    /// Too few of the given signers have keys of the role.
    case missingSignatures(role: String, present: Int, threshold: Int)
    /// A draft was made from a catalog that has been published anew since.
    case outdatedDraft(role: String)
    /// What was brought is not the draft that is here.
    case otherDraft(role: String)
    /// A rule of catalogs: what is wrong, and what to do.
    case againstRule(TargetPath, String, next: String)
    /// The files of a repository that was read are not whole.
    case unreadable(MetadataError)
    /// A client would refuse what would be published.
    case refusedByClient(MetadataError)
    /// The signer failed.
    case signing(role: String, String)
}

extension PublishingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidKeys(let role): "role \(role): needs at least as many different keys as its threshold, and one"
        case .reservedName(let product): "a product may not be named \(product)"
        case .productExists(let product): "product \(product) is there already"
        case .unknownProduct(let product): "there is no product \(product)"
        case .packageDiffers(let path):
            "package \(path) is published with other content; a published package never changes, use a new release"
        case .unknownPackage(let path): "there is no package \(path)"
        case .invalidPackage(let error): error.description
        case .unknownRole(let role): "there is no role \(role)"
        case .missingSignatures(let role, let present, let threshold):
            "role \(role): \(present) of \(threshold) signatures; more of its keys must sign"
        case .outdatedDraft(let role):
            "role \(role): the draft was made from an older catalog; remove it and make the change again"
        case .otherDraft(let role):
            "role \(role): what was brought is not the draft that is here; stage what is here, or publish it first"
        case .againstRule(let path, let why, _): "package \(path) \(why)"
        case .unreadable(let error): "the repository cannot be read: \(error)"
        case .refusedByClient(let error): "clients would refuse this: \(error)"
        case .signing(let role, let why): "role \(role) was not signed: \(why)"
        }
    }
}
