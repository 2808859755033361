/// Bounds that the decoder checks before it allocates anything.
package struct CBORLimits: Equatable, Sendable {
    /// Longest input in bytes.
    package var bytes: Int
    /// Most items in the whole tree; every key, value and element counts as one.
    package var items: Int
    /// Deepest nesting; a bare integer has depth 1. At most 128, whatever is asked for: the decoder is recursive.
    package var depth: Int

    package static let deepest = 128

    package init(bytes: Int, items: Int, depth: Int) {
        self.bytes = bytes
        self.items = items
        self.depth = min(depth, CBORLimits.deepest)
    }

    /// For a control message or anything else of its size: 64 KiB, 8,192 items, depth 16.
    package static let message = CBORLimits(bytes: 64 << 10, items: 8192, depth: 16)
}
