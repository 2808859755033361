internal import Compression

/// Drives a codec from a file to a taker, with two buffers and nothing else.
struct CodecPump {
    private var input = [UInt8](repeating: 0, count: 128 << 10)
    private var output = [UInt8](repeating: 0, count: 256 << 10)

    typealias Step = (UnsafeRawBufferPointer, Bool, UnsafeMutableRawBufferPointer) throws(CompressionError) -> CodecStep

    /// Reads from `start` until `read`, which is given an offset, says 0; `output` gets the offset up to which bytes were taken, how many were given, and
    /// what was given last.
    ///
    /// Throws `truncated` when the file ends before the codec says that it is complete, `malformed` when the codec stops before the file ends.
    mutating func run(
        from start: Int64 = 0, read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int, step: Step,
        output give: (UInt64, UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = start
        var given: UInt64 = 0
        var count = 0
        var used = 0
        var isLast = false
        var isComplete = false
        while true {
            if used == count, !isLast {
                count = try input.withUnsafeMutableBytes { try read($0, offset) }
                used = 0
                offset += Int64(count)
                isLast = count == 0
            }
            let result = try input.withUnsafeBytes { input in
                try output.withUnsafeMutableBytes { output in
                    let result = try step(UnsafeRawBufferPointer(rebasing: input[used..<count]), isLast, output)
                    given += UInt64(result.produced)
                    if result.produced > 0 {
                        try give(
                            UInt64(offset) - UInt64(count - used - result.consumed), given,
                            UnsafeRawBufferPointer(rebasing: output[..<result.produced]))
                    }
                    return result
                }
            }
            used += result.consumed
            if result.consumed > 0 || result.produced > 0 { isComplete = result.isComplete }
            if result.isComplete { isComplete = true }
            if used == count, isLast, isComplete { return }
            guard result.consumed == 0, result.produced == 0 else { continue }
            // It stands still: with bytes left they are none of its own; at the end something is missing.
            if used < count { throw ContentError(.malformed, "there are bytes that belong to nothing") }
            if isLast { throw ContentError(.truncated, "the file ends before it is complete") }
        }
    }
}
