/// Refuses members that nothing reads, in what people write: a misspelt `windwo` must not mean "at any time".
enum StrictKeys {
    private struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    /// Throws when the decoder's object has a member that is no key of the type.
    static func check<Keys: CodingKey & CaseIterable>(_ type: Keys.Type, in decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        let known = Set(Keys.allCases.map(\.stringValue))
        guard let unknown = container.allKeys.map(\.stringValue).filter({ !known.contains($0) }).min() else { return }
        let names = known.sorted().joined(separator: ", ")
        throw DecodingError.dataCorrupted(
            DecodingError.Context(
                codingPath: decoder.codingPath,
                debugDescription: "there is no member \"\(unknown.prefix(64))\"; known are \(names)"))
    }
}
