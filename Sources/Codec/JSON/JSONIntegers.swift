/// Which whole numbers a JSON text may hold.
package enum JSONIntegers: Sendable {
    /// Within ±2^53, which every JSON reader in the world keeps exactly: for what is signed.
    case exact
    /// All that `Int64` and `UInt64` hold: for what Axle alone writes and reads again.
    case wide

    private var greatest: UInt64 { self == .exact ? UInt64(JSONValue.greatestInteger) : .max }

    /// Steps over decimal digits from `index` on, none being 0; `start` is where the number begins, for errors.
    func magnitude(_ bytes: [UInt8], _ index: inout Int, _ start: Int) throws(JSONError) -> UInt64 {
        let greatest = greatest
        var magnitude: UInt64 = 0
        while index < bytes.count, case let digit = bytes[index] &- UInt8(ascii: "0"), digit <= 9 {
            let (tens, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry, sum <= greatest else { throw JSONError(.integerOutOfRange, at: start) }
            magnitude = sum
            index += 1
        }
        return magnitude
    }

    /// The number of a magnitude; refuses one below `Int64.min`.
    func value(_ magnitude: UInt64, negative: Bool, _ start: Int) throws(JSONError) -> JSONValue {
        if let number = Int64(exactly: magnitude) { return .integer(negative ? -number : number) }
        if !negative { return .unsigned(magnitude) }
        guard magnitude == Int64.min.magnitude else { throw JSONError(.integerOutOfRange, at: start) }
        return .integer(.min)
    }
}
