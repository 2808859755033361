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
        case "revoke":
            let name = try invocation.requiredOperand(0)
            try OperatorCommands.confirm(invocation, name)
            try hub.act(.post, ["spokes", name, "revoke"])
            printer.streams.message("Spoke \(name) is revoked.")
        default:
            let spokes: [SpokeResource] = try hub.list(["spokes"])
            try printer.list(
                spokes, ["NAME", "STATE", "SINCE", "CLIENTS", "VERSION"],
                none: "No spoke has joined. Make a token with 'axle token create --role spoke'."
            ) { spoke in
                [
                    spoke.name.text, Wording.connection(spoke.connected, revoked: spoke.revoked),
                    Wording.age(spoke.since, printer.now), "\(spoke.clientsConnected)/\(spoke.clients)", spoke.version,
                ]
            }
        }
    }

    private static func show(_ spoke: SpokeResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(spoke) }
        printer.fields([
            ("Name", spoke.name.text), ("Id", spoke.id.description),
            ("State", Wording.connection(spoke.connected, revoked: spoke.revoked)),
            ("Since", spoke.since?.description), ("Joined", spoke.joined.description), ("Version", spoke.version),
            ("Clients", "\(spoke.clientsConnected) of \(spoke.clients) connected"),
        ])
        printer.section(
            "Pools", PoolCommands.header, spoke.pools.map { PoolCommands.row($0) })
    }
}
