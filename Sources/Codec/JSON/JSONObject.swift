/// A JSON object: its members in the order of the source, each name once.
///
/// Look-up goes by the names' bytes. Writing keeps the order of the source, the canonical form sorts. An object may be unread: its text was
/// checked in full, but its members are made when they are asked for, each time anew; who wants several takes `read` first.
package struct JSONObject: Sendable {
    /// One name and its value.
    package struct Member: Sendable, Equatable {
        package let name: JSONText
        package let value: JSONValue

        package init(_ name: JSONText, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    private enum Storage: Sendable {
        /// The members in the order of the source, and their positions by ascending name; nil when they are sorted already.
        case read([Member], order: [Int32]?)
        /// The object's canonical form, which the parser has checked.
        case unread(JSONText)
    }

    private let storage: Storage

    /// An object without members.
    package init() {
        storage = .read([], order: nil)
    }

    /// An object by its canonical form, which the parser has checked.
    init(unread text: JSONText) {
        storage = .unread(text)
    }

    /// Takes members in their order; nil when a name occurs twice.
    package init?(_ members: [Member]) {
        var sorted = true
        var index = 1
        while index < members.count {
            if !(members[index - 1].name < members[index].name) {
                sorted = false
                break
            }
            index += 1
        }
        if sorted {
            storage = .read(members, order: nil)
            return
        }
        let positions = members.indices.map { Int32(truncatingIfNeeded: $0) }
            .sorted { members[Int($0)].name < members[Int($1)].name }
        index = 1
        while index < positions.count {
            if members[Int(positions[index - 1])].name == members[Int(positions[index])].name { return nil }
            index += 1
        }
        storage = .read(members, order: positions)
    }

    /// The object with its members made.
    package var read: JSONObject {
        guard case .unread(let text) = storage else { return self }
        // The parser has been over the same bytes with these limits or narrower ones: it cannot refuse them now.
        let value = try? JSONParser.parse(text.bytes, limits: JSONLimits(bytes: text.count, items: .max))
        return value?.asObject ?? JSONObject()
    }

    /// The members in the order of the source.
    package var members: [Member] {
        switch storage {
        case .read(let members, _): members
        case .unread: read.members
        }
    }

    /// The canonical form of an unread object, else nil.
    var unreadText: JSONText? {
        if case .unread(let text) = storage { text } else { nil }
    }

    package var count: Int { members.count }
    /// Whether the members stand by ascending name already.
    package var isSorted: Bool {
        switch storage {
        case .read(_, let order): order == nil
        case .unread: true
        }
    }
    package var isEmpty: Bool { members.isEmpty }

    /// The value of a name, or nil.
    package subscript(name: JSONText) -> JSONValue? {
        switch storage {
        case .read(let members, let order): Self.position(of: name, members, order).map { members[$0].value }
        case .unread: read[name]
        }
    }

    /// Sets a value, in place when the name is there, else as the last member.
    package mutating func set(_ name: JSONText, _ value: JSONValue) {
        var changed = members
        if let place = changed.firstIndex(where: { $0.name == name }) {
            changed[place] = Member(name, value)
        } else {
            changed.append(Member(name, value))
        }
        // No name can occur twice here, so the object is always made.
        if let made = JSONObject(changed) { self = made }
    }

    /// Removes a member if it is there.
    package mutating func remove(_ name: JSONText) {
        guard let made = JSONObject(members.filter { $0.name != name }) else { return }
        self = made
    }

    /// The member at a place (below `count`) in the order of ascending names, which is the canonical form's.
    package func sortedMember(_ place: Int) -> Member {
        switch storage {
        case .read(let members, let order): members[order.map { Int($0[place]) } ?? place]
        case .unread: read.sortedMember(place)
        }
    }

    /// Few are compared one after the other, many are searched in halves.
    private static func position(of name: JSONText, _ members: [Member], _ order: [Int32]?) -> Int? {
        var low = 0
        guard members.count > 8 else {
            while low < members.count {
                if members[low].name == name { return low }
                low += 1
            }
            return nil
        }
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            let place = order.map { Int($0[middle]) } ?? middle
            let candidate = members[place].name
            if candidate == name { return place }
            if candidate < name { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

extension JSONObject: Equatable {
    /// Equal members in the same order, read or not.
    package static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }
}
