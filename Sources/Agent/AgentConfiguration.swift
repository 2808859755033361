internal import Codec
package import Model
internal import System

/// What the machine's owner says in `agent.json5` of the state folder; all of it is optional.
///
/// It may restrict what signed data asks for, never widen it. Unknown keys and values are refused, so that a mistyped restriction is not
/// silently none.
/// ```
/// {
///   autodeploy: "yes",                        // yes | no | noreboot
///   scheduler: { unit: "cron.service" },      // or { pidFile: "/run/x.pid" }; absent: the agent itself schedules
///   passwordAccess: "generate",               // generate | prompt | notApplicable
///   pinned: ["tool"],                         // products held at their release
///   products: "/opt/axle",                    // where releases go; absent: DIR/products
///   hooks: "/etc/axle/hooks",                 // the machine's own programs; absent: DIR/hooks
///   serviceCommand: ["systemctl"],            // called as `… stop NAME`, `… start NAME`
///   rebootCommand: ["systemctl", "reboot"],
///   patchBases: 10,                           // hundredths of the free disk that a release's content may take as a base for patches; 0: none
///   requireLocalRoot: false,                  // true: no catalog root is believed but the one that the owner gave to this machine
///   operatorKeys: ["/etc/axle/operator.pem"],  // public keys of operators; an order that one has signed must fit what was signed
///   requireOperatorSignature: true,           // an order that no operator has signed is refused
/// }
/// ```
package struct AgentConfiguration: Equatable, Sendable {
    /// How the product's scheduler is found.
    package enum Scheduler: Equatable, Sendable {
        /// None is configured: the agent itself schedules.
        case notConfigured
        /// A systemd unit.
        case unit(String)
        /// A file with the number of its process.
        case pidFile(String)
    }

    package var autodeploy: Autodeploy = .yes
    package var scheduler: Scheduler = .notConfigured
    package var passwordAccess: PasswordAccess = .notApplicable
    package var pinned: [ProductName] = []
    /// nil: `products` in the state folder.
    package var productsFolder: String?
    /// nil: `hooks` in the state folder.
    package var hooksFolder: String?
    package var serviceCommand: [String] = ["systemctl"]
    package var rebootCommand: [String] = ["systemctl", "reboot"]
    /// Hundredths of the free disk that the content of an installed release may take, so that the next one can come as a patch.
    package var patchBases: UInt8 = 10
    package var requireLocalRoot = false
    /// Files with the public keys of operators, PEM.
    package var operatorKeys: [String] = []
    /// Whether an order without an operator's signature is refused.
    package var requireOperatorSignature = false

    /// The file's name in the state folder.
    package static let fileName = "agent.json5"
    static let sizeLimit = 65_536

    package init() {}

    /// Reads the file; without one all is at its default. Throws `configInvalid` with the place that is wrong.
    package static func read(_ path: String) throws -> AgentConfiguration {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: sizeLimit)
        } catch {
            if error.errno == .notFound { return AgentConfiguration() }
            throw AgentError(.configInvalid, "\(path) cannot be read: \(error)")
        }
        return try parse(bytes, name: path)
    }

    /// Understands JSON5 text; `name` is what messages call it.
    package static func parse(_ bytes: [UInt8], name: String = fileName) throws -> AgentConfiguration {
        do {
            return try JSONCoder.decode(
                AgentConfiguration.self, from: bytes, limits: JSONLimits(bytes: sizeLimit), syntax: .json5)
        } catch let error as AgentError {
            throw AgentError(.configInvalid, "\(name): \(error.message)")
        } catch let error as DecodingError {
            if case .dataCorrupted(let context) = error, context.codingPath.isEmpty {
                throw AgentError(.configInvalid, "\(name) is not JSON5: \(error.sentence)")
            }
            throw AgentError(.configInvalid, "\(name): \(error.sentence)")
        } catch {
            throw AgentError(.configInvalid, "\(name) cannot be understood: \(error)")
        }
    }
}

extension AgentConfiguration: Decodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    private static let keys = [
        "autodeploy", "scheduler", "passwordAccess", "pinned", "products", "hooks", "serviceCommand", "rebootCommand",
        "requireLocalRoot", "operatorKeys", "patchBases", "requireOperatorSignature",
    ]

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        try Self.refuseUnknown(values, known: Self.keys)
        self.init()
        autodeploy = try values.decodeIfPresent(Autodeploy.self, forKey: Key("autodeploy")) ?? .yes
        passwordAccess =
            try values.decodeIfPresent(PasswordAccess.self, forKey: Key("passwordAccess")) ?? .notApplicable
        pinned = try values.decodeIfPresent([ProductName].self, forKey: Key("pinned")) ?? []
        productsFolder = try Self.path(values, "products")
        hooksFolder = try Self.path(values, "hooks")
        serviceCommand = try Self.command(values, "serviceCommand") ?? serviceCommand
        rebootCommand = try Self.command(values, "rebootCommand") ?? rebootCommand
        requireLocalRoot = try values.decodeIfPresent(Bool.self, forKey: Key("requireLocalRoot")) ?? false
        operatorKeys = try values.decodeIfPresent([String].self, forKey: Key("operatorKeys")) ?? []
        requireOperatorSignature =
            try values.decodeIfPresent(Bool.self, forKey: Key("requireOperatorSignature")) ?? false
        patchBases = try values.decodeIfPresent(UInt8.self, forKey: Key("patchBases")) ?? patchBases
        guard patchBases <= 90 else {
            throw AgentError(.configInvalid, "patchBases must be a number of hundredths from 0 to 90")
        }
        guard operatorKeys.count <= 16, operatorKeys.allSatisfy(Self.isPath) else {
            throw AgentError(.configInvalid, "operatorKeys must be a list of at most 16 absolute paths")
        }
        guard !requireOperatorSignature || !operatorKeys.isEmpty else {
            throw AgentError(
                .configInvalid, "requireOperatorSignature needs operatorKeys, or nothing is ever installed")
        }
        guard values.contains(Key("scheduler")) else { return }
        let inner = try values.nestedContainer(keyedBy: Key.self, forKey: Key("scheduler"))
        try Self.refuseUnknown(inner, known: ["unit", "pidFile"])
        let unit = try inner.decodeIfPresent(String.self, forKey: Key("unit"))
        switch (unit, try Self.path(inner, "pidFile")) {
        case (let unit?, nil):
            do {
                _ = try ServiceName(unit)
            } catch {
                throw AgentError(.configInvalid, "scheduler.unit \(error)")
            }
            scheduler = .unit(unit)
        case (nil, let file?): scheduler = .pidFile(file)
        default: throw AgentError(.configInvalid, "scheduler must have either unit or pidFile")
        }
    }

    private static func refuseUnknown(_ values: KeyedDecodingContainer<Key>, known: [String]) throws {
        for key in values.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
            if key == "catalogRootFromHub" {
                throw AgentError(
                    .configInvalid, "catalogRootFromHub is gone: in place of false write requireLocalRoot: true")
            }
            let shown = Event.singleLine(key, limit: 64)
            let near = Suggestion.nearest(to: key, among: known).map { "; did you mean \($0)?" } ?? ""
            throw AgentError(.configInvalid, "\(shown) is not a setting\(near)")
        }
    }

    private static func path(_ values: KeyedDecodingContainer<Key>, _ key: String) throws -> String? {
        guard let path = try values.decodeIfPresent(String.self, forKey: Key(key)) else { return nil }
        guard isPath(path) else { throw AgentError(.configInvalid, "\(key) must be an absolute path") }
        return path
    }

    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.count <= 1024 && !path.utf8.contains(0)
    }

    private static func command(_ values: KeyedDecodingContainer<Key>, _ key: String) throws -> [String]? {
        guard let command = try values.decodeIfPresent([String].self, forKey: Key(key)) else { return nil }
        guard (1...16).contains(command.count), command.first?.isEmpty == false,
            command.allSatisfy({ $0.utf8.count <= 1024 && !$0.utf8.contains(0) })
        else { throw AgentError(.configInvalid, "\(key) must be a list of a program and its arguments") }
        return command
    }
}
