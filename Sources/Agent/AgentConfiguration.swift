package import Model
internal import Settings

/// What the machine's owner says in `agent.json5` of the state folder; all of it is optional.
///
/// It may restrict what signed data asks for, never widen it. Unknown keys and values are refused, so that a mistyped restriction is not
/// silently none. `docs/settings.md` has each.
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
