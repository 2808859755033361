internal import Glibc

/// An error number of the kernel (errno(3)), with its text.
package struct Errno: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The calling thread's last error.
    static var current: Errno { Errno(rawValue: Glibc.errno) }

    package static let notFound = Errno(rawValue: ENOENT)
    package static let exists = Errno(rawValue: EEXIST)
    package static let interrupted = Errno(rawValue: EINTR)
    package static let again = Errno(rawValue: EAGAIN)
    package static let inProgress = Errno(rawValue: EINPROGRESS)
    package static let noSpace = Errno(rawValue: ENOSPC)
    package static let quotaExceeded = Errno(rawValue: EDQUOT)
    package static let inputOutput = Errno(rawValue: EIO)
    package static let readOnlyFileSystem = Errno(rawValue: EROFS)
    package static let permission = Errno(rawValue: EACCES)
    package static let notPermitted = Errno(rawValue: EPERM)
    package static let notFolder = Errno(rawValue: ENOTDIR)
    package static let isFolder = Errno(rawValue: EISDIR)
    package static let notEmpty = Errno(rawValue: ENOTEMPTY)
    package static let tooManyLinks = Errno(rawValue: ELOOP)
    package static let processFiles = Errno(rawValue: EMFILE)
    package static let systemFiles = Errno(rawValue: ENFILE)
    package static let noMemory = Errno(rawValue: ENOMEM)
    package static let noBuffers = Errno(rawValue: ENOBUFS)
    package static let brokenPipe = Errno(rawValue: EPIPE)
    package static let connectionReset = Errno(rawValue: ECONNRESET)
    package static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    package static let connectionAborted = Errno(rawValue: ECONNABORTED)
    package static let timedOut = Errno(rawValue: ETIMEDOUT)
    package static let addressInUse = Errno(rawValue: EADDRINUSE)
    package static let tooLarge = Errno(rawValue: EFBIG)
    package static let invalid = Errno(rawValue: EINVAL)
    package static let noProcess = Errno(rawValue: ESRCH)
    package static let notSupported = Errno(rawValue: EOPNOTSUPP)
    package static let otherDevice = Errno(rawValue: EXDEV)
    package static let nameTooLong = Errno(rawValue: ENAMETOOLONG)

    /// The C library's text, such as "No such file or directory".
    package var description: String {
        guard let text = strerror(rawValue) else { return "error \(rawValue)" }
        return String(cString: text)
    }
}
