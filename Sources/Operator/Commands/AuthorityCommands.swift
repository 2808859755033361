import API
import HTTP
import Model
import System

/// `axle ca …`: the fleet's root CAs, and the steps of changing them.
enum AuthorityCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let authority: AuthorityResource
        switch invocation.path.last {
        case "rotate":
            let known: AuthorityResource = try hub.get(["ca"])
            guard known.roots.count == 1 else {
                throw OperatorError(
                    "a change of CA is under way", next: "'axle ca show' says how far it is; 'axle ca retire' ends it.")
            }
            authority = try hub.send(.post, ["ca", "rotate"], try request(invocation))
            printer.message("A new root is being told to every member; 'axle ca show' says how far it is.")
        case "issue":
            authority = try hub.send(.post, ["ca", "issue"], try change(invocation, "issue"))
        case "retire":
            authority = try hub.send(.post, ["ca", "retire"], try change(invocation, "retire"))
        default:
            authority = try hub.get(["ca"])
        }
        if invocation.isSet("pem") { return printer.lines(authority.roots.map(\.pem).joined()) }
        try show(authority, printer)
    }

    private static func request(_ invocation: CommandInvocation) throws -> AuthorityRequest {
        switch (invocation.value("ca-chain"), invocation.value("ca-key")) {
        case (nil, nil): return AuthorityRequest(chain: nil, key: nil)
        case (let chain?, let key?):
            return AuthorityRequest(
                chain: String(decoding: try File.read(chain, limit: 1 << 20), as: UTF8.self),
                key: String(decoding: try File.read(key, limit: 1 << 16), as: UTF8.self))
        default: throw UsageError("--ca-chain and --ca-key go together")
        }
    }

    /// Force cuts members off until they find back, so it is typed twice.
    private static func change(_ invocation: CommandInvocation, _ word: String) throws -> AuthorityChange {
        let force = invocation.isSet("force")
        if force { try OperatorCommands.confirm(invocation, word) }
        return AuthorityChange(force: force)
    }

    private static func show(_ authority: AuthorityResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(authority) }
        printer.fields([
            ("Set", "\(authority.number)"),
            (
                "Members",
                "\(Wording.difference(authority.members, authority.waitingCount)) of \(authority.members) believe it"
            ),
            ("Waiting for", authority.waiting.isEmpty ? nil : authority.waiting.joined(separator: ", ")),
            ("To renew", authority.renewing.isEmpty ? nil : authority.renewing.joined(separator: ", ")),
        ])
        printer.section(
            "Roots", ["PIN", "STATE", "MEMBERS", "EXPIRES", "SUBJECT"],
            authority.roots.map { root in
                [
                    String(root.pin.hex.prefix(16)), root.issuing ? "issuing" : "believed", "\(root.members)",
                    root.expires.iso8601, root.subject,
                ]
            })
    }
}
