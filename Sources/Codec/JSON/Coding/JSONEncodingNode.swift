/// A value that is being encoded: what its containers have been given so far.
///
/// A class, since `Codable` hands out containers that all write into the same value. One thread.
final class JSONEncodingNode {
    enum Shape {
        case nothing, value, array, object
    }

    /// A member or an element: done, or still with containers of its own.
    enum Part {
        case value(JSONValue)
        case node(JSONEncodingNode)
    }

    /// Arrays and objects around it.
    let depth: Int
    private(set) var shape = Shape.nothing
    private(set) var elements: [Part] = []
    private var value = JSONValue.null
    private var members: [JSONText: Part] = [:]
    /// What a container could not throw when it was asked for.
    private var problem: String?

    init(depth: Int) { self.depth = depth }

    /// The value where it is neither array nor object.
    var scalar: JSONValue? { shape == .value ? value : nil }

    /// Makes it an array or object, or goes on with the one that it is.
    func become(_ wanted: Shape) {
        if depth >= JSONCoder.depthLimit {
            problem = "it is nested deeper than \(JSONCoder.depthLimit) levels"
        } else if shape != .nothing, shape != wanted {
            problem = "it encodes itself as two kinds of value"
        }
        shape = wanted
    }

    /// Makes it a single value; false if it is something already.
    func set(_ value: JSONValue) -> Bool {
        guard shape == .nothing else { return false }
        shape = .value
        self.value = value
        return true
    }

    func append(_ part: Part) { elements.append(part) }

    /// Sets a member; one of that name is replaced.
    func set(_ key: any CodingKey, _ part: Part) { members[JSONText(key.stringValue)] = part }

    /// A new element with containers of its own.
    func newElement() -> JSONEncodingNode {
        let node = JSONEncodingNode(depth: depth + 1)
        elements.append(.node(node))
        return node
    }

    /// The member of that name with containers of its own, made if it is not there.
    func member(_ key: any CodingKey) -> JSONEncodingNode {
        let name = JSONText(key.stringValue)
        if case .node(let node) = members[name] { return node }
        let node = JSONEncodingNode(depth: depth + 1)
        members[name] = .node(node)
        return node
    }

    /// What came of it; an empty object when nothing was encoded. `root` is the value that all of it is of, for errors.
    func finished(_ root: Any, _ path: [any CodingKey]) throws(EncodingError) -> JSONValue {
        if let problem {
            throw .invalidValue(root, EncodingError.Context(codingPath: path, debugDescription: problem))
        }
        switch shape {
        case .nothing: return .object(JSONObject())
        case .value: return value
        case .array:
            var array: [JSONValue] = []
            array.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                array.append(try Self.finished(element, root, path, JSONIndexKey(index)))
            }
            return .array(array)
        case .object:
            var object: [JSONObject.Member] = []
            object.reserveCapacity(members.count)
            for (name, part) in members.sorted(by: { $0.key < $1.key }) {
                let key = JSONIndexKey(stringValue: name.string)
                object.append(JSONObject.Member(name, try Self.finished(part, root, path, key)))
            }
            // The names of a dictionary are there once each, so the object is always made.
            return .object(JSONObject(object) ?? JSONObject())
        }
    }

    private static func finished(
        _ part: Part, _ root: Any, _ path: [any CodingKey], _ key: JSONIndexKey
    ) throws(EncodingError) -> JSONValue {
        switch part {
        case .value(let value): value
        case .node(let node): try node.finished(root, path + [key])
        }
    }
}
