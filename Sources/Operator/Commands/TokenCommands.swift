import API
import HTTP
import Model
import System

/// `axle token …`.
enum TokenCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        if invocation.path.last == "list" {
            let tokens: [TokenResource] = try hub.list(["tokens"])
            return try printer.list(
                tokens, ["ID", "ROLE", "SPOKE", "REPLACES", "LEFT", "EXPIRES"], none: "There are no tokens."
            ) { token in
                let left = token.expires.seconds - printer.now.seconds
                return [
                    token.id.description, token.role.name, token.spoke?.text, token.replaces?.text,
                    "\(token.usesLeft)/\(token.uses)",
                    left > 0 ? "in_" + Wording.span(left) : "expired",
                ]
            }
        }
        if invocation.path.last == "revoke" {
            let id = try TokenID(invocation.requiredOperand(0))
            try hub.act(.delete, ["tokens", id.description])
            return printer.streams.message("Nobody joins with token \(id) any more.")
        }
        let request = try request(invocation)
        // The file is made first: where that fails no token is made.
        let file = try invocation.value("out").map { try TokenFile($0) }
        let created: TokenResource
        do {
            created = try hub.send(.post, ["tokens"], request)
        } catch {
            try file?.discard()
            throw error
        }
        guard let token = created.token else {
            throw OperatorError("the hub made a token and did not show it", next: "Make another one.")
        }
        do {
            let text = printer.isJSON ? try printer.jsonText(created) : TextTable.printable(token) + "\n"
            if let file {
                try file.write(token)
                var shown = created
                shown.token = nil
                if printer.isJSON { try printer.json(shown) }
            } else {
                try printer.streams.deliver(text)
            }
        } catch {
            throw lost(created, error, hub)
        }
        guard !printer.isJSON else { return }
        if let file {
            return printer.message(
                "\(file.path) has a token for \(created.uses == 1 ? "one \(created.role.name)" : "\(created.uses) \(created.role.name)s"), until \(created.expires)."
            )
        }
        printer.message(
            "For \(created.uses == 1 ? "one \(created.role.name)" : "\(created.uses) \(created.role.name)s"), until "
                + "\(created.expires.iso8601). It is not shown again; keep it in a file that only its reader can open.")
    }

    /// A token that nobody has seen is taken back, so that none is good that its owner does not know of.
    private static func lost(_ token: TokenResource, _ error: any Error, _ hub: HubConnection) -> OperatorError {
        do {
            try hub.act(.delete, ["tokens", token.id.description])
            return OperatorError(
                "the token could not be handed over and was revoked: \(error)",
                next: "Make another one where it can be written.")
        } catch {
            return OperatorError(
                "the token could not be handed over, and not be revoked either: \(error)",
                next: "Revoke it with 'axle token revoke \(token.id)'; it is good until \(token.expires.iso8601).")
        }
    }

    private static func request(_ invocation: CommandInvocation) throws -> TokenRequest {
        let role: Role = try invocation.required("role") == "spoke" ? .spoke : .agent
        var request = TokenRequest(role: role)
        if let spoke = invocation.value("spoke") { request.spoke = try NodeName(spoke) }
        request.replaces = invocation.value("replaces")
        if let uses = invocation.value("uses") {
            guard let number = Int(uses) else { throw UsageError("--uses is a number, not '\(uses)'") }
            request.uses = number
        }
        if let ttl = invocation.value("ttl") {
            guard let seconds = Wording.seconds(ttl) else {
                throw UsageError("--ttl is a time such as 30m, 1h or 2d, not '\(ttl)'")
            }
            request.ttlSeconds = seconds
        }
        do {
            try request.validate()
        } catch {
            throw UsageError(error.detail)
        }
        return request
    }
}
