// The coder over JSON and JSON5: any bytes give an error or a value; strict JSON means the same as JSON5; what was read is written and read
// again as the same; a type of many kinds is decoded or refused and never traps.

private enum FuzzShape: Codable, Equatable {
    case point
    case circle(radius: UInt8, [Int16?])
}

private struct FuzzRecord: Codable, Equatable {
    var signed: Int8?
    var spec_version: String?
    var version: UInt32?
    var keys: [String: JSONTree]?
    var numbered: [Int: FuzzShape]?
    var list: [Set<UInt16>]?
    var range: Range<Int>?
}

@Sendable func fuzzCoder(_ input: [UInt8]) {
    let limits = JSONLimits(bytes: 1 << 16, items: 1 << 12)
    let wide = JSONLimits(bytes: 1 << 20, items: 1 << 12)
    let strict = try? JSONParser.parse(input, limits: limits, integers: .wide)
    let loose = try? JSON5Parser.parse(input, limits: limits)
    let document = try? JSON5Parser.document(input, limits: limits)
    precondition(loose == nil || document != nil, "a text that is taken as a value is refused as a document")
    if let strict { precondition(loose == strict, "strict JSON is another thing as JSON5") }
    if let loose {
        for indented in [false, true] {
            let again = try? JSONParser.parse(loose.text(indented: indented), limits: wide, integers: .wide)
            precondition(again == loose, "a value of JSON5 does not come back")
        }
    }
    for syntax in [JSONCoder.Syntax.strict, .json5] {
        let tree = try? JSONCoder.decode(JSONTree.self, from: input, limits: limits, syntax: syntax)
        precondition((tree == nil) == ((syntax == .strict ? strict : loose) == nil), "a tree holds all that JSON holds")
        if let tree { check(tree, wide) }
        if let record = try? JSONCoder.decode(FuzzRecord.self, from: input, limits: limits, syntax: syntax) {
            check(record, wide)
        }
    }
}

private func check<Value: Codable & Equatable>(_ value: Value, _ limits: JSONLimits) {
    for indented in [false, true] {
        guard let bytes = try? JSONCoder.encode(value, indented: indented) else {
            preconditionFailure("what was read is not written")
        }
        precondition((try? JSONCoder.decode(Value.self, from: bytes, limits: limits)) == value, "it does not come back")
    }
}
