// CBOR decoder: any bytes give an error or a value; what is taken as deterministic is written back the same, and the lenient form
// takes all of it.

@Sendable func fuzzCBOR(_ input: [UInt8]) {
    let limits = CBORLimits(bytes: 1 << 16, items: 1 << 12, depth: 32)
    let lenient = try? CBORDecoder(limits: limits, form: .lenient).decode(input)
    if let item = try? CBORDecoder(limits: limits).decode(input) {
        precondition(CBOREncoder.encode(item) == input, "another encoding was taken as deterministic")
        precondition(lenient == item, "the two forms disagree")
    }
    if let item = lenient {
        let encoded = CBOREncoder.encode(item)
        let again = try? CBORDecoder(limits: CBORLimits(bytes: .max, items: .max, depth: 64)).decode(encoded)
        precondition(again.map(CBOREncoder.encode) == encoded, "an item does not come back")
    }
    if let signed = try? COSESign1(decoding: input, limits: limits) {
        precondition(signed.encoded() == input, "a COSE_Sign1 does not come back")
    }
    if let segment = try? RevocationSegment(bytes: input) {
        precondition(segment.bytes == input, "a revocation segment does not come back")
        precondition(segment.ids.allSatisfy(segment.contains), "a revocation segment does not contain its ids")
    }
    if let fields = try? RecordFields(decoding: input, limits: RecordLimits.cbor, of: "list"),
        let list = try? RevocationList(fields)
    {
        let again = try? RecordFields(
            decoding: CBOREncoder.encode(list.cbor), limits: RecordLimits.cbor, of: "list")
        precondition(again.flatMap { try? RevocationList($0) } == list, "a revocation list does not come back")
    }
    if let message = try? Message(decoding: input) {
        precondition((try? Message(decoding: message.encoded())) == message, "a message does not come back")
    }
}
