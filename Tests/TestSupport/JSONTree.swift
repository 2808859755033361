/// Whatever JSON can hold but fractions, by every kind of container of a coder: for the tests and for the fuzzer, which lists this file in run.sh.
package indirect enum JSONTree: Codable, Equatable {
    case null, bool(Bool), signed(Int64), unsigned(UInt64), text(String), list([JSONTree]), object([String: JSONTree])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // What it is not is found out by trying.
        if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? container.decode(Int64.self) {
            self = .signed(number)
        } else if let number = try? container.decode(UInt64.self) {
            self = .unsigned(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([JSONTree].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: JSONTree].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .signed(let number): try container.encode(number)
        case .unsigned(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        case .object(let object): try container.encode(object)
        }
    }
}
