package import System

/// Why a renewal or a piece of the fleet's word was not taken.
package enum IdentityError: Error, Sendable, CustomStringConvertible {
    /// It breaks a rule of trust; nothing was changed.
    case untrusted(String)
    /// The hub said no, and asking again is of no use; its own words, which say what to do.
    case refused(String)
    /// The hub cannot be asked or has no time now.
    case later(String)
    case disk(SystemError)
    /// A file of the folder is there and cannot be what was written.
    case damaged(path: String, why: String)

    package var description: String {
        switch self {
        case .untrusted(let why): "not believed: \(why)"
        case .refused(let why): "the hub refuses: \(why)"
        case .later(let why): why
        case .disk(let error): error.description
        case .damaged(let path, let why) where path.hasSuffix(".cose"):
            "\(path) is damaged: \(why); remove the file: the hub signs it anew"
        case .damaged(let path, let why):
            "\(path) is damaged: \(why); restore the folder from a backup, or join this machine again"
        }
    }
}
