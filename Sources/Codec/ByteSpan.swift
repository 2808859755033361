/// Copies and comparisons of byte spans.
package enum ByteSpan {
    /// A copy of the bytes.
    package static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        var array: [UInt8] = []
        append(bytes, to: &array)
        return array
    }

    /// Appends the bytes to an array as one block.
    ///
    /// The only place in the pure modules that says `unsafe`: the standard library has no block copy out of a span yet, and a loop
    /// costs a fifth of the speed when optimised and all of it in a debug build. The pointer does not leave the expression.
    package static func append(_ bytes: Span<UInt8>, to array: inout [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe array.append(contentsOf: $0) }
    }

    /// −1, 0 or 1: the bytewise order of two spans, a prefix coming before what it begins.
    package static func order(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Int {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return (left.count > right.count ? 1 : 0) - (left.count < right.count ? 1 : 0)
    }
}
