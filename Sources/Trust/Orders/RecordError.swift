/// Why an order, a report, a revocation list or a join body was refused.
package enum RecordError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Not one deterministic CBOR map in COSE_Sign1, a field missing, of the wrong kind or over its limit.
    case malformed(String)
    /// Well-formed, with a kind or a restriction that this release does not know; obeying it in part would be wrong.
    case unsupported(String)
    /// The signature is not by any of the keys that are believed.
    case badSignature(String)
    /// The proof was not made with the token's secret, over this nonce and body.
    case badProof

    package var description: String {
        switch self {
        case .malformed(let why): "malformed \(why)"
        case .unsupported(let why): "unsupported \(why)"
        case .badSignature(let what): "the \(what) is not signed by a key that is believed"
        case .badProof: "the proof was not made with the token's secret"
        }
    }
}
