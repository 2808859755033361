extension DecodingError {
    /// What is wrong and where, for people: `scheduler.unit: text is expected, and there is a number`.
    package var sentence: String {
        switch self {
        case .keyNotFound(let key, let context): "\(Self.place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? context.debugDescription : "\(Self.place(context.codingPath)): \(context.debugDescription)"
        @unknown default: "it cannot be read"
        }
    }

    /// A coding path as people write it, such as `select.names[2]`; empty for the whole.
    package static func place(_ path: [any CodingKey]) -> String {
        path.reduce("") { text, key in
            if let index = key.intValue { return "\(text)[\(index)]" }
            return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
    }
}
