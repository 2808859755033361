/// A JSON object: its members in the order of the source, each name once.
///
/// Look-up is a binary search by the names' bytes. Writing keeps the order of the source, the canonical form sorts.
package struct JSONObject: Sendable, Equatable {
    /// One name and its value.
    package struct Member: Sendable, Equatable {
        package let name: JSONText
        package let value: JSONValue

        package init(_ name: JSONText, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The members in the order of the source.
    package private(set) var members: [Member]
    /// Positions in `members` by ascending name; nil when `members` is sorted already.
    private var order: [Int32]?

    /// An object without members.
    package init() {
        members = []
        order = nil
    }

    /// Takes members in their order; nil when a name occurs twice.
    package init?(_ members: [Member]) {
        self.members = members
        order = nil
        var sorted = true
        var index = 1
        while index < members.count {
            if !(members[index - 1].name < members[index].name) {
                sorted = false
                break
            }
            index += 1
        }
        if sorted { return }
        let positions = members.indices.map { Int32(truncatingIfNeeded: $0) }
            .sorted { members[Int($0)].name < members[Int($1)].name }
        index = 1
        while index < positions.count {
            if members[Int(positions[index - 1])].name == members[Int(positions[index])].name { return nil }
            index += 1
        }
        order = positions
    }

    package var count: Int { members.count }
    /// Whether the members stand by ascending name already.
    package var isSorted: Bool { order == nil }
    package var isEmpty: Bool { members.isEmpty }

    /// The value of a name, or nil.
    package subscript(name: JSONText) -> JSONValue? {
        position(of: name).map { members[$0].value }
    }

    /// Sets a value, in place when the name is there, else as the last member.
    package mutating func set(_ name: JSONText, _ value: JSONValue) {
        var changed = members
        if let place = position(of: name) {
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
        members[order.map { Int($0[place]) } ?? place]
    }

    private func position(of name: JSONText) -> Int? {
        var low = 0
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
