internal import Codec
internal import Model
internal import System

/// The layout of a hub's state folder, and what `init` wrote down.
enum HubState {
    static let kind = "hub"
    /// The layout's version; a newer one is refused by older programs.
    static let version = 1

    /// `hub.json`: who the hub is and where it listens.
    struct Settings: Codable, Sendable {
        var fleet: FleetName
        var id: NodeID
        var name: NodeName
        /// `HOST:PORT` of the wire protocol.
        var listen: String
        /// `HOST:PORT` of the API and console.
        var api: String
        /// The pool's folder where it is not in the state folder; absolute.
        var pool: String?

        /// Where the pool of the hub in that state folder is.
        func poolFolder(in folder: String) -> String { pool ?? HubState.pool(folder) }
    }

    /// `listen.json`: what the running hub has bound.
    struct Addresses: Codable, Sendable {
        var listen: String
        var api: String
    }

    static func settings(_ folder: String) -> String { Directory.join(folder, "hub.json") }
    static func identity(_ folder: String) -> String { Directory.join(folder, "identity") }
    static func database(_ folder: String) -> String { Directory.join(folder, "hub.db") }
    static func pool(_ folder: String) -> String { Directory.join(folder, "pool") }
    /// How far the pool's scrub is.
    static func scrub(_ folder: String) -> String { Directory.join(folder, "scrub") }
    /// The pools beside that one, a `PoolList`.
    static func pools(_ folder: String) -> String { Directory.join(folder, "pools") }
    static func patches(_ folder: String) -> String { Directory.join(folder, "patches") }
    static func trust(_ folder: String) -> String { Directory.join(folder, "trust") }
    /// What operators bring, until it is verified.
    static func incoming(_ folder: String) -> String { Directory.join(folder, "incoming") }
    static func listen(_ folder: String) -> String { Directory.join(folder, "listen.json") }
    static func adminToken(_ folder: String) -> String { Directory.join(folder, "admin.token") }
    static func authorities(_ folder: String) -> String { Directory.join(folder, "ca.pem") }

    static func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        try JSONCoder.decode(type, from: try File.read(path, limit: 1 << 16))
    }

    static func write(_ value: some Encodable, to path: String) throws {
        try AtomicFile.write(try JSONCoder.encode(value, indented: true), to: path)
    }
}
