import API
import HTTP
import Model
import System

/// `axle spoke …`.
enum SpokeCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        switch invocation.path.last {
        case "show":
            try show(hub.get(["spokes", try invocation.requiredOperand(0)]), printer)
        case "set":
            let change = SpokeChange(limit: invocation.value("limit"), agentLimit: invocation.value("agent-limit"))
            guard change != SpokeChange() else { throw UsageError("say --limit, --agent-limit or both") }
            let spoke: SpokeResource = try hub.send(.patch, ["spokes", try invocation.requiredOperand(0)], change)
            try show(spoke, printer)
        case "rename":
            let (name, new) = (try invocation.requiredOperand(0), try NodeName(invocation.requiredOperand(1)))
            let spoke: SpokeResource = try hub.send(.patch, ["spokes", name], SpokeChange(name: new))
            guard !printer.isJSON else { return try printer.json(spoke) }
            printer.message("Spoke \(name) is called \(spoke.name) now.")
        case "remove":
            let name = try invocation.requiredOperand(0)
            try OperatorCommands.confirm(invocation, name)
            try hub.act(.delete, ["spokes", name])
            printer.message("Spoke \(name) was removed.")
        case "revoke":
            let name = try invocation.requiredOperand(0)
            try OperatorCommands.confirm(invocation, name)
            try hub.act(.post, ["spokes", name, "revoke"])
            printer.message("Spoke \(name) is revoked.")
        default:
            let spokes: [SpokeResource] = try hub.list(["spokes"])
            let shown = invocation.isSet("all") ? spokes : spokes.filter { $0.revoked == nil }
            defer { printer.tellHidden(spokes.count - shown.count, "revoked spoke") }
            try printer.list(
                shown, ["NAME", "STATE", "SINCE", "LEFT", "CLIENTS", "VERSION"],
                none: "No spoke has joined. Make a token with 'axle token create --role spoke'."
            ) { spoke in
                [
                    spoke.name.text, Wording.connection(spoke.connected, revoked: spoke.revoked),
                    Wording.age(spoke.since, printer.now), left(spoke, printer.now),
                    "\(spoke.clientsConnected)/\(spoke.clients)", spoke.version,
                ]
            }
        }
    }

    /// How long the site can still be away and come back by itself.
    private static func left(_ spoke: SpokeResource, _ now: UnixTime) -> String? {
        spoke.offlineUntil.map { $0 > now ? Wording.span($0.seconds - now.seconds) : "none" }
    }

    private static func traffic(_ total: ByteCount?, _ rate: ByteCount?) -> String? {
        total.map { "\(Wording.size($0))\(rate.map { ", \(Wording.size($0))/s now" } ?? "")" }
    }

    private static func onItsWay(_ traffic: TrafficResource?) -> String? {
        guard let traffic, let count = traffic.transfers, count > 0, let left = traffic.bytesLeft else { return nil }
        let time = traffic.secondsLeft.map { ", \(Wording.span(Int64(clamping: $0))) left" } ?? ""
        return "\(Wording.size(left)) in \(count) transfer\(count == 1 ? "" : "s")\(time)"
    }

    /// What holds now and until when, then the rule if it says more.
    private static func limit(_ limit: LimitResource?) throws -> String? {
        guard let limit else { return nil }
        let now = try limit.bitsPerSecond.map { try BitRate(bitsPerSecond: $0).description } ?? "none"
        if let problem = limit.problem { return "\(now) at all hours (\(limit.rule)): \(problem)" }
        guard let until = limit.until else { return now }
        return "\(now) until \(until.iso8601) (\(limit.rule))"
    }

    private static func show(_ spoke: SpokeResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(spoke) }
        printer.fields([
            ("Name", spoke.name.text), ("Id", spoke.id.description),
            ("State", Wording.connection(spoke.connected, revoked: spoke.revoked)),
            ("Since", spoke.since?.iso8601), ("Can be away until", spoke.offlineUntil?.iso8601),
            ("Certificate until", spoke.certificateExpires?.iso8601),
            (
                "Clock",
                spoke.clockError.map {
                    "wrong: \(Wording.span(Int64(clamping: $0.magnitude))) \($0 > 0 ? "ahead" : "behind")"
                }
            ),
            ("Joined", spoke.joined.iso8601), ("Version", spoke.version),
            ("Sent", traffic(spoke.traffic?.sent, spoke.traffic?.sendRate)),
            ("Received", traffic(spoke.traffic?.received, spoke.traffic?.receiveRate)),
            ("On its way", onItsWay(spoke.traffic)),
            ("Limit", try limit(spoke.limit)), ("Limit to agents", try limit(spoke.agentLimit)),
            ("Clients", "\(spoke.clientsConnected) of \(spoke.clients) connected"),
        ])
        printer.section(
            "Pools", PoolCommands.header, spoke.pools.map { PoolCommands.row($0) })
        printer.section(
            "Shares", ["SHARE", "PRODUCT", "RULE", "SHOWS", "STATE", "FOLDER", "WHY"], lastIsText: true,
            (spoke.shares ?? []).map {
                [
                    $0.name.text, $0.product.text, $0.shows?.description, $0.release, $0.state.name, $0.folder,
                    $0.problem,
                ]
            })
        printer.section(
            "Means", ["MEANS", "PACKAGES", "SENT", "SAVED"],
            (spoke.traffic?.means ?? []).map {
                [$0.means.name, "\($0.packages)", Wording.size($0.sent), Wording.size($0.saved)]
            })
        // Which pool is said where there is more than one.
        let hasPools = spoke.pools.count > 1
        printer.section(
            "Replicas", ["PACKAGE", "STATE", "SIZE", "MEANS", "SENT"] + (hasPools ? ["POOL"] : []) + ["PROBLEM"],
            lastIsText: true,
            (spoke.replicas ?? []).map { replica in
                let pool = hasPools ? [replica.place?.pool] : []
                return [
                    replica.package, replica.state.name, Wording.size(replica.length), replica.means?.name,
                    replica.sent.map { Wording.size($0) },
                ] + pool + [replica.problem ?? replica.place?.reason]
            })
    }
}
