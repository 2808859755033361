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

    /// Where releases go: the owner's setting, else where the link `products` of the state folder points, else that
    /// folder itself, which agents of earlier releases have, else `usualProducts`.
    package static func products(_ folder: String, _ configuration: AgentConfiguration) -> String {
        if let chosen = configuration.productsFolder { return chosen }
        let place = productsLink(folder)
        // A folder that cannot be asked about is named by the first step that works in it.
        if let target = (try? File.linkTarget(place)) ?? nil, target.hasPrefix("/") { return target }
        return File.exists(place) ? place : usualProducts(folder)
    }

    /// Outside the state folder, which is its owner's alone: what is installed is for others to run. Beside a state
    /// folder of a person's own, so that several agents of one machine do not meet.
    static func usualProducts(_ folder: String) -> String {
        guard folder != packaged else { return Directory.join(machineWide, "products") }
        var path = folder
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path + "-products"
    }

    /// Where links to the programs of installed products go; nil for none.
    package static func programs(_ folder: String, _ configuration: AgentConfiguration) -> String? {
        if let chosen = configuration.programsFolder { return chosen }
        return products(folder, configuration) == Directory.join(machineWide, "products")
            ? Directory.join(machineWide, "bin") : nil
    }

    /// Writes down where releases go, so that it stays when the state folder is moved.
    static func keepProducts(_ folder: String, _ configuration: AgentConfiguration) throws(SystemError) {
        let place = productsLink(folder)
        guard configuration.productsFolder == nil, try File.status(place, followLinks: false) == nil else { return }
        try File.swapLink(place, to: products(folder, configuration))
    }

    static func productsLink(_ folder: String) -> String { Directory.join(folder, "products") }

    /// The state folder of the packaged agent, and where what it installs is.
    private static let packaged = "/var/lib/axle-agent"
    private static let machineWide = "/opt/axle"

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
