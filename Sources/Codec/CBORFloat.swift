/// Half precision floats (IEEE 754 binary16) by their bits, since not every target of Swift has `Float16`.
enum CBORFloat {
    /// The value of a half precision pattern.
    static func value(half bits: UInt16) -> Double {
        let exponent = Int(bits >> 10) & 0x1f
        let fraction = Double(bits & 0x3ff)
        let magnitude: Double =
            switch exponent {
            case 0: Double(sign: .plus, exponent: -24, significand: fraction)
            case 31: fraction == 0 ? .infinity : .nan
            default: Double(sign: .plus, exponent: exponent - 25, significand: fraction + 1024)
            }
        return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    /// The half precision pattern of exactly this value, if there is one; NaN is the caller's.
    static func half(exactly value: Double) -> UInt16? {
        let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
        let magnitude = value.magnitude
        if magnitude == 0 { return sign }
        if magnitude == .infinity { return sign | 0x7c00 }
        guard magnitude <= 65504, magnitude >= 0x1p-24 else { return nil }
        let exponent = max(Int(magnitude.exponent), -14)
        // In units of the last place, a half has 11 significant bits: 1024 … 2047 when normal, less when subnormal.
        let units = Double(sign: .plus, exponent: 10 - exponent, significand: magnitude)
        guard units < 2048 else { return nil }
        let significand = UInt16(units)
        guard Double(significand) == units else { return nil }
        guard significand >= 1024 else { return sign | significand }
        return sign | UInt16(exponent + 15) << 10 | (significand & 0x3ff)
    }
}
