/// Part of a list: `{"items": […], "next": CURSOR or null}`.
package struct ListPage<Item: Codable & Sendable>: Codable, Sendable {
    package var items: [Item]
    /// Given as `after` it brings the next part; nil (written as null) when there is none.
    package var next: String?

    package init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }

    private enum CodingKeys: String, CodingKey { case items, next }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(items, forKey: .items)
        try container.encode(next, forKey: .next)
    }
}

extension ListPage: Equatable where Item: Equatable {}
