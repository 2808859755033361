internal import Identity
internal import Model
internal import System
internal import TLS
internal import Trust

/// `axle-agent status`: what the agent is doing and what is installed, read from its state folder. Exit 1 when it does not run or is refused.
enum StatusCommand {
    /// The document of `--json`.
    struct Document: Encodable {
        struct Action: Encodable {
            var id: ActionID
            var state: ActionState
            var product: ProductName?
            var release: ReleaseName?
            var detail: String
        }

        var id: NodeID
        var name: NodeName
        var fleet: FleetName
        var spoke: String
        var running: Bool
        /// As `StatusFile.link`; `stopped` when the agent does not run.
        var link: String
        var reason: String
        /// From whom the catalog's first root is.
        var catalogRoot: RootOrigin
        /// Whether the owner's requireLocalRoot keeps this machine from believing any catalog.
        var lacksLocalRoot: Bool
        var actions: [Action]
        var installed: [InstalledPackage]
        var rejected: [RejectedRelease]
        var warnings: [ProductName]
        var queuedReports: Int
        /// The end of the agent's certificate, which is renewed long before.
        var certificateExpires: UnixTime
        /// When the hub was heard last; nil if only at the join.
        var hubHeard: UnixTime?
        /// What the kernel lacks for the confinement of children, as a sentence; nil for nothing,
        /// or when the agent does not run.
        var confinementLack: String?
    }

    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let document = try read(try invocation.required("state"))
        if invocation.isSet("json") {
            streams.line(try ProgramJSON.text(document))
        } else {
            show(document, streams)
        }
        return document.running && document.link != "refused" ? 0 : 1
    }

    private static func read(_ state: String) throws -> Document {
        guard try File.status(AgentState.identity(state)) != nil else {
            throw AgentError(
                .stateFolder, "\(state) holds no agent state; join first (axle-agent join --state \(state) …)")
        }
        let keeper = try IdentityKeeper(folder: AgentState.identity(state), isReader: true)
        let identity = keeper.identity
        let member = identity.member
        let store = try SQLiteAgentStore(reading: AgentState.database(state))
        let file = try StatusFile.read(state)
        let isRunning = file.map { File.exists("/proc/\($0.processID)") && isLocked(state) } ?? false
        let origin = AgentState.rootOrigin(state)
        // A configuration that cannot be read is check-config's matter, and keeps the agent from starting.
        let requiresLocal = (try? AgentConfiguration.read(AgentState.configuration(state)))?.requireLocalRoot ?? false
        return Document(
            id: member.id, name: member.name, fleet: member.fleet, spoke: member.upstream, running: isRunning,
            link: isRunning ? file?.link ?? "idle" : "stopped", reason: isRunning ? file?.reason ?? "" : "",
            catalogRoot: origin, lacksLocalRoot: requiresLocal && origin != .local,
            actions: try store.openActions().map {
                Document.Action(
                    id: $0.id, state: $0.state, product: $0.path?.product, release: $0.path?.release,
                    detail: $0.detail)
            }, installed: try store.installed(), rejected: try store.rejected(), warnings: try store.warnings(),
            queuedReports: try store.queuedReports(limit: AgentStoreLimits.queuedReports).count,
            certificateExpires: UnixTime(seconds: identity.tls.leaf.notAfter), hubHeard: keeper.word?.time,
            confinementLack: isRunning ? file?.confinementLack : nil)
    }

    /// Whether some process holds the folder's lock.
    private static func isLocked(_ state: String) -> Bool {
        // Freed again at once when it was not held.
        (try? LockFile(Directory.join(state, "lock"))) == nil
    }

    private static func text(_ origin: RootOrigin) -> String {
        switch origin {
        case .local: "given by this machine's owner"
        case .hub: "came through the hub"
        case .none: "none so far"
        }
    }

    /// What a person should know of the agent's standing, and what to do.
    private static func warnings(_ document: Document) -> [String] {
        let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        let horizon = RenewalSchedule.offlineHorizon
        if document.certificateExpires + horizon <= now {
            return [
                "the certificate ended more than 45 days ago; join again with a new token (axle token create --role agent)"
            ]
        }
        var warnings: [String] = []
        if document.certificateExpires <= now {
            warnings.append(
                "the certificate has ended; it is renewed by itself when the hub can be reached before \(document.certificateExpires + horizon)"
            )
        }
        if let heard = document.hubHeard, now - heard > RenewalSchedule.listAge {
            warnings.append("the hub was last heard at \(heard); connect this site before \(heard + horizon)")
        }
        return warnings
    }

    private static func show(_ document: Document, _ streams: ProgramStreams) {
        if !document.running { streams.line("! the agent does not run; start it with axle-agent run") }
        if !document.reason.isEmpty { streams.line("! \(document.reason)") }
        if document.lacksLocalRoot {
            streams.line(
                "! requireLocalRoot is set and the owner gave no root: put the vendor's root.json into the state folder as catalog-root.json"
            )
        }
        if let lack = document.confinementLack { streams.line("! \(lack)") }
        for warning in warnings(document) { streams.line("! \(warning)") }
        for product in document.warnings { streams.line("! the last download of \(product) failed") }
        streams.line("agent".padded(to: 12) + "\(document.name) (\(document.id)) of fleet \(document.fleet)")
        streams.line("spoke".padded(to: 12) + "\(document.spoke), \(document.link)")
        streams.line("root".padded(to: 12) + Self.text(document.catalogRoot))
        streams.line("certificate".padded(to: 12) + "until \(document.certificateExpires)")
        if let heard = document.hubHeard { streams.line("hub".padded(to: 12) + "heard at \(heard)") }
        streams.line("reports".padded(to: 12) + "\(document.queuedReports) wait for the spoke")
        for package in document.installed {
            streams.line("installed".padded(to: 12) + "\(package.product) \(package.release)")
        }
        for release in document.rejected {
            streams.line("rejected".padded(to: 12) + "\(release.product) \(release.release)")
        }
        for action in document.actions {
            let what = [action.product?.text, action.release?.text].compactMap { $0 }.joined(separator: " ")
            streams.line("action".padded(to: 12) + "\(what): \(action.state.name)")
        }
    }
}
