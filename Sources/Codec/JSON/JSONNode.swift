/// A value of a JSON5 text and where it is, so that a reader can name the place of what it refuses.
package struct JSONNode: Sendable {
    package enum Content: Sendable {
        /// Null, true, false, a number or text.
        case scalar(JSONValue)
        /// A word or number that is no JSON, as it is written.
        case malformed(String, JSONError.Code)
        case array([JSONNode])
        /// Members in the order of the source; a name may be there twice.
        case object([Member])
    }

    package struct Member: Sendable {
        package let name: JSONText
        /// Where the name begins.
        package let offset: Int
        package let node: JSONNode
    }

    package let content: Content
    /// Where the value begins, in bytes.
    package let offset: Int

    package var isNull: Bool {
        if case .scalar(.null) = content { true } else { false }
    }

    /// The value without places. Of members of one name the first is taken, and what is malformed
    /// is null; a strict parser refuses both.
    var value: JSONValue {
        switch content {
        case .scalar(let value): return value
        case .malformed: return .null
        case .array(let elements): return .array(elements.map(\.value))
        case .object(let members):
            var seen: Set<JSONText> = []
            let unique = members.filter { seen.insert($0.name).inserted }
            return .object(JSONObject(unique.map { JSONObject.Member($0.name, $0.node.value) }) ?? JSONObject())
        }
    }
}
