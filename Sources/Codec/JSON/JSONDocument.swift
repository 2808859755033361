/// A JSON text that was read, with what makes its canonical form cheap.
///
/// A text that is written in canonical form already, as Axle's own metadata is, need not be written again: the canonical
/// form of a member of the outermost object is then a piece of the text.
package struct JSONDocument: Sendable {
    private let bytes: [UInt8]
    package let value: JSONValue
    /// Whether the whole text is its own canonical form.
    package let isCanonical: Bool
    private let memberRanges: [Range<Int>]

    init(bytes: [UInt8], value: JSONValue, isCanonical: Bool, memberRanges: [Range<Int>]) {
        self.bytes = bytes
        self.value = value
        self.isCanonical = isCanonical
        self.memberRanges = memberRanges
    }

    /// The canonical form of a member of the outermost object; nil when there is no such member.
    package func canonicalForm(ofMember name: JSONText) -> [UInt8]? {
        guard let members = value.asObject?.members, let place = members.firstIndex(where: { $0.name == name }) else {
            return nil
        }
        guard isCanonical else {
            var canonical: [UInt8] = []
            canonical.reserveCapacity(bytes.count)
            members[place].value.writeCanonical(into: &canonical)
            return canonical
        }
        return Array(bytes[memberRanges[place]])
    }
}
