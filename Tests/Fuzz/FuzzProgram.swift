import Glibc

// The libFuzzer program: AXLE_FUZZ names the target, since one build of all that is fuzzed takes long enough.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

private let target: @Sendable ([UInt8]) -> Void = {
    switch getenv("AXLE_FUZZ").map({ String(cString: $0) }) {
    case "frames": fuzzFrames
    case "cbor": fuzzCBOR
    case "json":
        { input in
            fuzzJSON(input)
            fuzzCoder(input)
        }
    case "metadata": fuzzMetadata
    case "session": fuzzSession
    case "pool": fuzzPool
    case "patch": fuzzPatch
    case "chunks": fuzzChunks
    case "packed": fuzzPacked
    default:
        preconditionFailure("AXLE_FUZZ is none of frames, cbor, json, metadata, session, pool, patch, chunks, packed")
    }
}()
