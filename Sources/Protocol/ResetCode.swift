/// Why a stream was cut off. Numbers are stable; a number that this release does not know is `failed`.
package enum ResetCode: UInt32, CaseIterable, Sendable {
    /// The sender of the reset no longer wants the stream, or answers a reset.
    case cancelled = 1
    /// The message was of a type, or had a value, that the sender of the reset does not know.
    case unsupported = 2
    /// The sender of the reset is leaving and has not begun with the request.
    case leaving = 3
    /// The sender of the reset cannot go on, for example because its disk failed.
    case failed = 4
}
