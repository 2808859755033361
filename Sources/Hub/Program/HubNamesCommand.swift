internal import System

/// `axle-hub names list|add|remove`: the names that the API's certificate holds. Works whether the hub runs or not; a running one shows a new
/// certificate within seconds.
enum HubNamesCommand {
    static func specification(_ state: OptionSpecification) -> CommandSpecification {
        CommandSpecification(
            "names", "The names and addresses that the API's certificate holds",
            details:
                "Operators can name the hub by these with --api; localhost and this machine's loopback addresses are always among them.",
            options: [state],
            commands: [
                CommandSpecification("list", "List them"),
                CommandSpecification(
                    "add", "Add names; a running hub shows them within seconds",
                    operands: [.oneOrMore("NAME")]),
                CommandSpecification("remove", "Remove names", operands: [.oneOrMore("NAME")]),
            ])
    }

    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let state = try invocation.required("state")
        let identity = HubState.identity(state)
        guard File.exists(APINames.file(identity)) else {
            throw UsageError("\(state) holds no hub state; make it first (axle-hub init --state \(state))")
        }
        var names = try APINames(identity: identity)
        switch invocation.path.last {
        case "add":
            for name in invocation.operands { try names.add(name) }
            try names.write(identity: identity)
        case "remove":
            for name in invocation.operands where try !names.remove(name) { streams.message("there is no \(name)") }
            try names.write(identity: identity)
        default: break
        }
        for name in names.dnsNames + names.addresses { streams.line(name) }
        return 0
    }
}
