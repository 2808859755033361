/// What can go wrong inside the agent: a stable code, a sentence for people, and what lay under it.
///
/// Codes say who has to act: `archive…` and `trust…` are never tried again with the same bytes; `io…`, `busy` and `retryLater` may be.
package struct AgentError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The closed set of what went wrong; raw values are stable and appear in reports.
    package enum Code: String, Sendable, CaseIterable {
        /// The archive ends before it is complete, or goes on after its end.
        case archiveTruncated
        /// A header, number, checksum or record of the archive is not what the format says.
        case archiveMalformed
        /// An entry's path is absolute, holds `..`, a NUL or control byte, or is not UTF-8.
        case archivePath
        /// A symbolic or hard link points out of the archive's own tree.
        case archiveLink
        /// A device node, fifo, socket or sparse file: nothing a release may hold.
        case archiveSpecial
        /// More entries, bytes, depth or path length than allowed.
        case archiveTooLarge
        /// Two entries for one path.
        case archiveDuplicate
        /// The child that unpacks died, or refused for a reason of its own.
        case unpackFailed
        /// A command line or configuration is not usable.
        case configInvalid
        /// The state folder is missing, not ours, of a newer format, or in use.
        case stateFolder
        /// What is stored cannot be read back as what was written.
        case storeDamaged
        /// The database failed.
        case storeFailed
        /// A system call failed.
        case io
        /// The bytes are not the ones that were signed.
        case hashMismatch
        /// A hook or step asked to be tried again later (exit status 21).
        case retryLater
        /// A hook failed.
        case hookFailed
        /// A health command failed, ran out of time, or printed another version.
        case healthFailed
        /// The package's kind or coding is not one that this agent installs.
        case unsupportedPackage
        /// There is no earlier release to go back to.
        case nothingToRestore
        /// Joining was refused, or the answer could not be believed.
        case joinFailed
        /// The peer broke the protocol or is not who it should be.
        case peer
    }

    package var code: Code
    /// One sentence; names the file or entry, never a secret.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(message) [\(code.rawValue)]" }
}
