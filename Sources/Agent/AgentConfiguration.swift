package import Model
internal import Settings
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
///   products: "/opt/axle/products",           // where releases go; absent: where the link DIR/products points
///   bin: "/usr/local/bin",                    // where links to their programs go; absent: /opt/axle/bin or none
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
    /// nil: where `AgentState.products` finds it.
    package var productsFolder: String?
    /// nil: see `AgentState.programs`.
    package var programsFolder: String?
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

    package init() {}

    /// Reads the file; without one all is at its default. Throws `configInvalid` with the place that is wrong.
    package static func read(_ path: String) throws -> AgentConfiguration {
        try refusing { () throws(SettingsError) in
            try SettingsFile.read(AgentConfiguration.self, path) ?? AgentConfiguration()
        }
    }

    /// Understands JSON5 text; `name` is what messages call it.
    package static func parse(_ bytes: [UInt8], name: String = fileName) throws -> AgentConfiguration {
        try refusing { () throws(SettingsError) in
            try SettingsFile.parse(AgentConfiguration.self, bytes, name: name)
        }
    }

    private static func refusing(
        _ read: () throws(SettingsError) -> AgentConfiguration
    ) throws(AgentError) -> AgentConfiguration {
        do throws(SettingsError) {
            return try read()
        } catch {
            throw AgentError(.configInvalid, error.description)
        }
    }
}

extension AgentConfiguration: Decodable {
    private static let names = [
        "autodeploy", "scheduler", "passwordAccess", "pinned", "products", "bin", "hooks", "serviceCommand",
        "rebootCommand",
        "requireLocalRoot", "operatorKeys", "patchBases", "requireOperatorSignature",
    ]

    private static let gone = ["catalogRootFromHub": "in place of false write requireLocalRoot: true"]

    package init(from decoder: any Decoder) throws {
        let settings = try SettingsObject(decoder, known: Self.names, gone: Self.gone)
        self.init()
        autodeploy = try settings.value("autodeploy") ?? autodeploy
        passwordAccess = try settings.value("passwordAccess") ?? passwordAccess
        pinned = try settings.value("pinned") ?? pinned
        productsFolder = try settings.path("products")
        programsFolder = try settings.path("bin")
        hooksFolder = try settings.path("hooks")
        serviceCommand = try Self.command(settings, "serviceCommand") ?? serviceCommand
        rebootCommand = try Self.command(settings, "rebootCommand") ?? rebootCommand
        requireLocalRoot = try settings.value("requireLocalRoot") ?? requireLocalRoot
        operatorKeys = try settings.paths("operatorKeys", most: 16) ?? operatorKeys
        requireOperatorSignature = try settings.value("requireOperatorSignature") ?? requireOperatorSignature
        patchBases = try settings.number("patchBases", 0...90).map { UInt8(clamping: $0) } ?? patchBases
        guard !requireOperatorSignature || !operatorKeys.isEmpty else {
            throw settings.refusal("requireOperatorSignature needs operatorKeys, or nothing is ever installed")
        }
        scheduler = try settings.object("scheduler", known: ["unit", "pidFile"]).map(Self.scheduler) ?? scheduler
    }

    private static func scheduler(_ settings: SettingsObject) throws -> Scheduler {
        switch (try settings.value("unit", String.self), try settings.path("pidFile")) {
        case (let unit?, nil):
            do throws(ModelError) {
                _ = try ServiceName(unit)
            } catch {
                throw settings.refusal(of: "unit", "\(error)")
            }
            return .unit(unit)
        case (nil, let file?): return .pidFile(file)
        default: throw settings.refusal("either unit or pidFile is expected")
        }
    }

    private static func command(_ settings: SettingsObject, _ name: String) throws -> [String]? {
        guard let command = try settings.value(name, [String].self) else { return nil }
        guard (1...16).contains(command.count), command.first?.isEmpty == false,
            command.allSatisfy({ $0.utf8.count <= SettingsObject.pathLimit && !$0.utf8.contains(0) })
        else { throw settings.refusal(of: name, "a list of a program and its arguments is expected") }
        return command
    }
}
