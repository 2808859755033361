import System

/// The commands of `axle` as values, and where each is carried out.
enum OperatorCommands {
    static let program = CommandSpecification(
        "axle", "Look after a fleet through its hub",
        details: "Commands ask the hub's API; 'axle publish' works on files alone and is for a vendor's side.",
        options: [
            .value("api", "HOST:PORT", "The hub's API (localhost:8443)", environment: "AXLE_API"),
            .path("token-file", "FILE", "File with the admin token", environment: "AXLE_TOKEN_FILE"),
            .path("ca", "FILE", "The fleet's certificate authority", environment: "AXLE_CA"),
            .value("wait", "TIME", "How long to wait for a hub that cannot be reached yet: 30s, 5m (0)"),
            .flag("json", "Print JSON, whose shape is stable"),
            .flag("no-color", "No colour and no animation (also NO_COLOR)"),
        ],
        commands: [
            CommandSpecification("status", "The fleet at a glance; exit status 1 when something needs a person"),
            token, catalog, package, spoke, client,
            CommandSpecification(
                "candidates", "Which clients may get a release, and why others may not",
                operands: [.required("PRODUCT"), .required("RELEASE")]),
            pool, rollout, authority,
            CommandSpecification(
                "log", "The activity log, oldest first",
                options: [
                    .value("search", "TEXT", "Only lines that hold this"),
                    .value("limit", "N", "Only the last N lines"),
                    .flag("follow", "Go on with new lines as they come, until ^C"),
                ]),
            BundleCommands.specification,
            PublishCommands.specification,
        ])

    private static let token = CommandSpecification(
        "token", "Tokens with which spokes and agents join",
        commands: [
            CommandSpecification(
                "create", "Make a join token and print it; it is shown this once",
                options: [
                    .choice("role", ["spoke", "agent"], "What may join with it", required: true),
                    .value("spoke", "NAME", "The only spoke that agents may join through with it"),
                    .value("replaces", "NAME", "The machine takes this one's name and labels, and this one is revoked"),
                    .path("out", "FILE", "Write it to a new file that only you can read, instead of printing it"),
                    .value("uses", "N", "How often it may be used (1)"),
                    .value("ttl", "TIME", "How long it is valid: 30m, 1h, 2d (1h)"),
                ]),
            CommandSpecification("list", "The tokens that there are, without their secrets"),
            CommandSpecification("revoke", "End a token before its time", operands: [.required("ID")]),
        ])

    private static let catalog = CommandSpecification(
        "catalog", "The vendor's signed catalog",
        commands: [
            CommandSpecification(
                "set", "Set where the catalog is and which root is trusted",
                options: [
                    .value("url", "URL", "Where the published folder is served; without, bundles bring it"),
                    .path("root", "FILE", "The vendor's root.json, got by a way you trust", required: true),
                ]),
            CommandSpecification(
                "refresh", "Fetch the catalog now and show what came of it",
                details: "The exit status is 1 if the refresh failed, or had not ended within the time.",
                options: [
                    .value("timeout", "SECONDS", "how long the end is waited for (default: 60)"),
                    .flag("no-wait", "ask for it only"),
                ]),
            CommandSpecification("list", "The releases in the catalog"),
            CommandSpecification("show", "Where the catalog is and how fresh"),
        ])

    private static let package = CommandSpecification(
        "package", "Packages and where they are",
        commands: [
            CommandSpecification(
                "list", "All packages of the catalog, and those that are still here of before",
                options: [.flag("all", "Those too that the catalog no longer names and nobody has any more")]),
            CommandSpecification("show", "A package and its replicas", operands: [.required("ID")]),
            CommandSpecification(
                "import", "Fetch packages into the hub's pool now", operands: [.oneOrMore("ID")]),
            CommandSpecification(
                "remove", "Remove packages that the catalog no longer names, from the hub and from the spokes",
                operands: [.oneOrMore("ID")],
                options: [.flag("dry-run", "Only show what would go, and what is against it")]),
        ])

    private static let revoked = OptionSpecification.flag("all", "Those too that were revoked")

    private static let spoke = CommandSpecification(
        "spoke", "The spokes, one a site",
        commands: [
            CommandSpecification("list", "All spokes", options: [revoked]),
            CommandSpecification("show", "A spoke by name or id", operands: [.required("N")]),
            CommandSpecification(
                "set", "Limit how fast packages go to a spoke, or from it to its agents", operands: [.required("N")],
                options: [
                    .value("limit", "RULE", "'20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else none', or none"),
                    .value("agent-limit", "RULE", "The same for what its agents get, all together"),
                ]),
            CommandSpecification(
                "rename", "Give a spoke another name", operands: [.required("N"), .required("NAME")]),
            CommandSpecification(
                "remove", "Forget a revoked spoke that has no clients any more", operands: [.required("N")],
                options: [.value("confirm", "N", "The same name again: it cannot be undone")]),
            CommandSpecification(
                "revoke", "Never let a spoke in again", operands: [.required("N")],
                options: [.value("confirm", "N", "The same name again: it cannot be undone")]),
        ])

    private static let client = CommandSpecification(
        "client", "The machines",
        commands: [
            CommandSpecification("list", "All clients", options: [revoked]),
            CommandSpecification("show", "A client by name or id, and its last actions", operands: [.required("N")]),
            CommandSpecification(
                "explain", "Why a client gets a release or does not",
                operands: [.required("N"), .optional("PRODUCT"), .optional("RELEASE")]),
            CommandSpecification(
                "label", "Set labels of a client; KEY= takes one away",
                operands: [.required("N"), .oneOrMore("KEY=VALUE")]),
            CommandSpecification(
                "rename", "Give a client another name", operands: [.required("N"), .required("NAME")]),
            CommandSpecification(
                "remove", "Forget a revoked client", operands: [.required("N")],
                options: [.value("confirm", "N", "The same name again: it cannot be undone")]),
            CommandSpecification(
                "revoke", "Never let a client in again", operands: [.required("N")],
                options: [.value("confirm", "N", "The same name again: it cannot be undone")]),
        ])

    private static let force: [OptionSpecification] = [
        .flag("force", "Although some members are not ready; they find back by a signed renewal"),
        .value("confirm", "WORD", "The command's own name again, with --force"),
    ]

    private static let authority = CommandSpecification(
        "ca", "The fleet's root certificates, and changing them while the fleet runs",
        commands: [
            CommandSpecification(
                "show", "The roots, and who does not believe or use the new one yet",
                options: [.flag("pem", "Print the roots as PEM, for --ca")]),
            CommandSpecification(
                "rotate", "Add a new root; it is used when every member believes it",
                options: [
                    .path("ca-chain", "FILE", "A CA of your own: issuing certificate first, root last (PEM)"),
                    .path("ca-key", "FILE", "The key of that issuing certificate (PEM)"),
                ]),
            CommandSpecification("issue", "Issue under the new root now; every member renews", options: force),
            CommandSpecification("retire", "Stop believing the old root when nobody depends on it", options: force),
        ])

    private static let poolSpoke = OptionSpecification.value(
        "spoke", "NAME", "The spoke whose pool it is (the hub's without)")

    private static let pool = CommandSpecification(
        "pool", "Where package bytes are kept",
        commands: [
            CommandSpecification("list", "All storage pools"),
            CommandSpecification(
                "set", "Set a pool's quota, which is never exceeded, or what may be done with it",
                operands: [.required("POOL")],
                options: [
                    .value("quota", "SIZE", "For example 10GB or 10GiB"),
                    .value(
                        "access", "ACCESS", "readWrite, readOnly, draining (emptied into the others) or unavailable"),
                    poolSpoke,
                ]),
            CommandSpecification(
                "plan", "What would go from a pool, what stays, and why", operands: [.optional("POOL")],
                options: [poolSpoke]),
            CommandSpecification(
                "prune", "Remove what the plan lets go", operands: [.required("POOL")],
                options: [poolSpoke, .flag("dry-run", "Show the plan and change nothing")]),
            CommandSpecification(
                "check", "Check a pool; exit status 1 when something is wrong", operands: [.optional("POOL")],
                options: [
                    poolSpoke, .flag("read-data", "Read every byte and compare it with its hash"),
                    .flag("last", "Show what the last check has found, and begin none"),
                ]),
            CommandSpecification(
                "retention", "How many releases of each line pools keep", operands: [.optional("N")]),
        ])

    private static let signing: [OptionSpecification] = [
        .path("passphrase-file", "FILE", "File with the passphrase of an encrypted key"),
        .value("valid", "TIME", "How long the signature holds: 12h, 7d (45d)"),
    ]

    private static let rollout = CommandSpecification(
        "rollout", "Bring a release to clients",
        commands: [
            CommandSpecification(
                "plan", "What a rollout would do; nothing is changed", operands: [.requiredPath("FILE")]),
            CommandSpecification(
                "create", "Make a rollout of a file; start it after",
                details: """
                    FILE is JSON5 that says what is brought to whom, and when. 'axle rollout create --example' prints one \
                    with every setting; this is the least that one says:

                        { name: "ruff-0.12.1", product: "ruff", release: "0.12.1", select: { all: true } }
                    """,
                operands: [.optionalPath("FILE")],
                options: [
                    .flag("dry-run", "Show what it would do, and make none"),
                    .flag("example", "Print a rollout file with every setting, and ask no hub"),
                ]),
            CommandSpecification(
                "delete", "Forget rollouts that are over or were never started", operands: [.oneOrMore("ID")]),
            CommandSpecification(
                "start", "Start a rollout", operands: [.required("ID")],
                options: [.path("sign-key", "FILE", "Sign it too, with this operator's key")] + signing),
            CommandSpecification(
                "sign", "Sign a started rollout with an operator's key, for machines that ask for it",
                operands: [.required("ID")],
                options: [.path("key", "FILE", "The operator's private key", required: true)] + signing),
            CommandSpecification(
                "key", "Make an operator's key in FILE and print its public half", operands: [.requiredPath("FILE")],
                options: [.path("passphrase-file", "FILE", "File with the passphrase that encrypts the key")]),
            CommandSpecification(
                "resume", "Go on with a paused rollout; what ended badly until now is accepted",
                operands: [.required("ID")]),
            CommandSpecification("stop", "Stop a rollout", operands: [.required("ID")]),
            CommandSpecification("show", "A rollout and its actions", operands: [.required("ID")]),
            CommandSpecification("list", "All rollouts"),
            CommandSpecification(
                "watch", "Wait for a rollout's end or pause; exit status 3 unless all succeeded",
                operands: [.required("ID")]),
        ])

    /// Carries a command out; the exit status.
    static func run(
        _ invocation: CommandInvocation, _ hub: HubConnection, _ context: OperatorContext
    ) throws -> Int32 {
        let printer = Printer(context, invocation)
        switch invocation.path.first {
        case "status": return try StatusCommand.run(hub, printer)
        case "token": try TokenCommands.run(invocation, hub, printer)
        case "catalog": try CatalogCommands.run(invocation, hub, printer)
        case "package": try PackageCommands.run(invocation, hub, printer)
        case "spoke": try SpokeCommands.run(invocation, hub, printer)
        case "client": try ClientCommands.run(invocation, hub, printer)
        case "candidates": try ClientCommands.candidates(invocation, hub, printer)
        case "pool": return try PoolCommands.run(invocation, hub, printer)
        case "rollout": return try RolloutCommands.run(invocation, hub, printer)
        case "ca": try AuthorityCommands.run(invocation, hub, printer)
        case "log": try LogCommand.run(invocation, hub, printer)
        default: throw UsageError("unknown command")
        }
        return 0
    }

    /// Refuses an act that cannot be undone unless the name is given twice.
    static func confirm(_ invocation: CommandInvocation, _ name: String) throws {
        guard invocation.value("confirm") == name else {
            throw UsageError("this cannot be undone; repeat it with --confirm \(name)")
        }
    }
}
