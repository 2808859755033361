/// A call of the operating system that failed: which call, why, and on what.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call's name as in section 2 of the manual, such as "rename".
    package let call: String
    package let errno: Errno
    /// The file or address that it was about, if any.
    package let path: String?
    /// What the caller was told beyond the kernel's word, such as a limit that was passed.
    package let text: String?

    package init(call: String, errno: Errno, path: String? = nil, text: String? = nil) {
        self.call = call
        self.errno = errno
        self.path = path
        self.text = text
    }

    /// True if the disk or a quota is full: refuse cleanly and go on reading.
    package var isFull: Bool { errno == .noSpace || errno == .quotaExceeded }

    /// True if the process or the machine has no descriptor, memory or buffer left: wait, then try again.
    package var isExhausted: Bool {
        errno == .processFiles || errno == .systemFiles || errno == .noMemory || errno == .noBuffers
    }

    package var description: String {
        var result = call
        if let path { result += " \(path)" }
        result += ": \(errno)"
        if let text { result += " (\(text))" }
        return result
    }
}

/// The one loop of the code base over interrupted calls: repeats `body` while it answers -1 with EINTR.
///
/// Throws the error of any other -1. Not for close(2), which must not be repeated on Linux.
@discardableResult
func retrying<Result: BinaryInteger>(
    _ call: StaticString, _ path: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let errno = Errno.current
        if errno == .interrupted { continue }
        throw SystemError(call: "\(call)", errno: errno, path: path())
    }
}
