/// Copies and comparisons of byte spans.
package enum ByteSpan {
    /// A copy of the bytes.
    package static func array(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    /// Appends the bytes to an array with one growth check.
    package static func append(_ bytes: Span<UInt8>, to array: inout [UInt8]) {
        array.append(addingCapacity: bytes.count) { output in
            for index in bytes.indices { output.append(bytes[index]) }
        }
    }

    /// −1, 0 or 1: the bytewise order of two spans, a prefix coming before what it begins.
    package static func order(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Int {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return (left.count > right.count ? 1 : 0) - (left.count < right.count ? 1 : 0)
    }
}
