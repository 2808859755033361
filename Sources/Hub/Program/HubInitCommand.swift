internal import Model
internal import Network
internal import Storage
internal import System

/// `axle-hub init`: a new hub with a fleet of its own. The folder is complete or not there.
enum HubInitCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let path = try invocation.required("state")
        guard SystemClock.nowMilliseconds / 1000 > HubAuthority.epoch else {
            throw UsageError(
                "this machine's clock shows \(UnixTime(milliseconds: SystemClock.nowMilliseconds)); set it first, since "
                    + "certificates are dated by it")
        }
        let name = try NodeName(invocation.value("name") ?? SystemName.current.node)
        let fleet = try FleetName(invocation.value("fleet") ?? "main")
        let listen = try address(invocation.value("listen") ?? "0.0.0.0:7440", "--listen")
        let api = try address(invocation.value("api") ?? "127.0.0.1:8443", "--api")
        let names = try names(invocation, name, api)
        let pool = try poolKind(invocation.value("pool"))
        let poolFolder = try invocation.value("pool-folder").map { try PoolFolder.absolute($0) }
        if let warning = HubPoolFolder.warning(poolFolder ?? path) { streams.message(warning) }
        let retention = try retention(invocation.value("retention"))
        let authority = try authority(invocation)
        var random = SystemRandom()
        let settings = HubState.Settings(
            fleet: fleet, id: NodeID.random(using: &random), name: name, listen: listen.description,
            api: api.description, pool: poolFolder)
        _ = try StateFolder.create(path, kind: HubState.kind, version: HubState.version) { folder in
            let now = SystemClock.nowMilliseconds / 1000
            try HubKeys.create(HubState.identity(folder), names: names) { place in
                if let authority {
                    try HubAuthority.adopt(place, chain: authority.chain, key: authority.key, fleet: fleet, now: now)
                } else {
                    try HubAuthority.create(place, fleet: fleet, now: now)
                }
            }
            let root = try File.read(Directory.join(HubState.identity(folder), "root.pem"), limit: 1 << 16)
            try AtomicFile.write(root, to: HubState.authorities(folder))
            let token = ASCII.hex(SystemRandom.bytes(32))
            try AtomicFile.write(token + "\n", to: HubState.adminToken(folder), mode: 0o600)
            // The pool is of its kind from here on, whatever is asked for later.
            _ = try PoolFolder.open(settings.poolFolder(in: folder), quota: HubShell.defaultQuota, new: pool)
            // Made here, so that one that is missing later is one that was lost.
            let store = try SQLiteHubStore(
                path: HubState.database(folder), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
            if let retention {
                try store.transaction { try store.setSetting(.retention, String(retention)) }
            }
            try HubState.write(settings, to: HubState.settings(folder))
        }
        streams.line("made hub \(name) of fleet \(fleet)")
        streams.message(names.sentence(state: path))
        if invocation.value("api") == nil {
            streams.message(
                "the API is reached from this machine only; --api 0.0.0.0:8443 --api-name NAME opens it, here or at run"
            )
        }
        streams.message("next: axle-hub run --state \(path)")
        return 0
    }

    /// Those that were given, the hub's name, this machine's own name, and the address that the API listens on.
    private static func names(
        _ invocation: CommandInvocation, _ hub: NodeName, _ api: Endpoint
    ) throws(UsageError) -> APINames {
        var names = try APINames(invocation.values("api-name"))
        for name in [hub.text, api.host, SystemName.current.node].compactMap({ $0 })
        where name != "0.0.0.0" && name != "::" {
            // Hub and machine may be called something that no certificate can hold.
            _ = try? names.add(name)
        }
        return names
    }

    private static func retention(_ text: String?) throws(UsageError) -> Int? {
        guard let text else { return nil }
        guard let releases = Int(text), 1...HubLimits.retention ~= releases else {
            throw UsageError("--retention wants 1 to \(HubLimits.retention) releases, not \(text)")
        }
        return releases
    }

    private static func poolKind(_ text: String?) throws(UsageError) -> PoolFolder.Kind {
        guard let text else { return .file }
        guard let kind = PoolFolder.Kind(rawValue: text) else {
            throw UsageError("--pool wants file or container, not \(text)")
        }
        return kind
    }

    /// The operator's own CA, if one was given.
    private static func authority(_ invocation: CommandInvocation) throws -> (chain: [UInt8], key: [UInt8])? {
        switch (invocation.value("ca"), invocation.value("ca-key")) {
        case (nil, nil): nil
        case (let chain?, let key?):
            (try File.read(chain, limit: 1 << 20), try File.read(key, limit: 1 << 16))
        default: throw UsageError("--ca and --ca-key go together")
        }
    }

    private static func address(_ text: String, _ option: String) throws(UsageError) -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(option) wants HOST:PORT, not \(text)") }
        return endpoint
    }
}
