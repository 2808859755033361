/// Why bytes were refused as CBOR. Offsets count bytes from the start of the input.
package enum CBORError: Error, Equatable, Sendable {
    /// The input ends inside an item.
    case truncated(offset: Int)
    /// Bytes follow the item.
    case trailingBytes(offset: Int)
    /// The input, a string, or a count is over a limit of `CBORLimits`.
    case tooLarge(offset: Int)
    /// More nesting than `CBORLimits.depth`.
    case tooDeep(offset: Int)
    /// A head that RFC 8949 does not define: reserved additional information, a stray break, `f8` with a value under 32.
    case illFormed(offset: Int)
    /// A text string that is not UTF-8.
    case notUTF8(offset: Int)
    /// A key that its map has already.
    case duplicateKey(offset: Int)
    /// Well-formed, but not the one encoding of RFC 8949 §4.2: a longer head, indefinite length, unsorted keys.
    case notDeterministic(offset: Int)
    /// The item is not of the kind that its reader needs; `what` names the field.
    case unexpected(what: String)
}
