internal import System

/// The layout of an agent's state folder.
package enum AgentState {
    package static let kind = "agent"
    /// The layout's version; a newer one is refused by older programs.
    package static let version = 1

    package static func identity(_ folder: String) -> String { Directory.join(folder, "identity") }
    package static func database(_ folder: String) -> String { Directory.join(folder, "agent.db") }
    package static func configuration(_ folder: String) -> String {
        Directory.join(folder, AgentConfiguration.fileName)
    }
    /// The segments of the revocation list, see `RevocationKeeper`.
    package static func revocations(_ folder: String) -> String { Directory.join(folder, "revocations") }
    /// Trusted metadata, byte for byte as it was received.
    package static func trust(_ folder: String) -> String { Directory.join(folder, "trust") }
    /// Files of packages, see `PackageFiles`.
    package static func downloads(_ folder: String) -> String { Directory.join(folder, "downloads") }
    /// Contents of installed releases, see `ReleaseBases`.
    package static func bases(_ folder: String) -> String { Directory.join(folder, "bases") }
    package static func trial(_ folder: String) -> String { Directory.join(folder, "trial.json") }
    /// The vendor's root that the machine's owner gave.
    package static func catalogRoot(_ folder: String) -> String { Directory.join(folder, "catalog-root.json") }
    /// The vendor's root that came through the hub; believed only if the machine's owner does not forbid it.
    package static func catalogRootFromHub(_ folder: String) -> String {
        Directory.join(folder, "catalog-root-from-hub.json")
    }
    /// From whom the root is that this machine's catalog begins with.
    package static func rootOrigin(_ folder: String) -> RootOrigin {
        if File.exists(catalogRoot(folder)) { return .local }
        return File.exists(catalogRootFromHub(folder)) ? .hub : .none
    }
    /// The machine's own id when it joined.
    package static func machineID(_ folder: String) -> String { Directory.join(folder, "machine-id") }
    /// What the running agent is doing, for `status`.
    package static func status(_ folder: String) -> String { Directory.join(folder, "status.json") }
    /// Held by the supervisor.
    package static func supervisorLock(_ folder: String) -> String { Directory.join(folder, "supervisor.lock") }

    package static func products(_ folder: String, _ configuration: AgentConfiguration) -> String {
        configuration.productsFolder ?? Directory.join(folder, "products")
    }
    package static func hooks(_ folder: String, _ configuration: AgentConfiguration) -> String {
        configuration.hooksFolder ?? Directory.join(folder, "hooks")
    }
}

/// From whom a machine has the vendor's root that its trust in a catalog begins with.
package enum RootOrigin: String, Codable, Sendable {
    /// The machine's owner gave it, with the package or at the join.
    case local
    /// It came through the hub: whoever held the hub then could have chosen it.
    case hub
    /// There is none.
    case none
}
