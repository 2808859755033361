internal import Compression

/// What went wrong between a published file, its content and a patch.
package struct ContentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who has to act. Bytes that were refused as `malformed`, `truncated`, `tooLarge`, `path`, `link`, `special`, `duplicate` or `hashMismatch`
    /// are never tried again.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// No library for this coding on this machine.
        case unavailable
        /// The bytes are not what the format says.
        case malformed
        /// The bytes end before they are complete.
        case truncated
        /// More bytes, ratio, window or memory than allowed.
        case tooLarge
        /// A member's path is absolute, holds `..`, a control byte, or is not UTF-8.
        case path
        /// A link that points out of the archive's own tree, or leads there.
        case link
        /// A device node, a fifo or a sparse file.
        case special
        /// Two members for one path.
        case duplicate
        /// What came out is not what was signed or promised.
        case hashMismatch
        /// The patch is not for the release that is here, or not for the one that is wanted.
        case wrongReference
        /// There is no memory.
        case memory
        /// It took too long.
        case timedOut
        /// The caller wished it to end.
        case cancelled
        /// The limited child ended in a way of its own: a crash, a limit, a kill.
        case childDied
        /// The disk is full.
        case full
        /// A system call failed, or the library refused what it was asked for.
        case failed
    }

    package let code: Code
    /// One sentence.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: CompressionError) {
        self.init(Code(rawValue: error.code.rawValue) ?? .failed, error.message)
    }

    package var description: String { "\(message) [\(code.rawValue)]" }
}
