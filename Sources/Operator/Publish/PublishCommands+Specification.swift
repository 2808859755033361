import Model
import System

extension PublishCommands {
    private static let signing: [OptionSpecification] = [
        .path("keys", "DIR", "Folder of private keys, outside the published one", required: true),
        .path("passphrase-file", "FILE", "File with the passphrase of the keys"),
        .value("passphrase-fd", "N", "Open descriptor to read the passphrase from"),
        .flag("no-input", "Never ask for a passphrase"),
        .flag("dry-run", "Say what would be done, and do nothing"),
    ]
    private static let expiries = [
        OptionSpecification.value("expires", "TIME", "How long roles signed by people stay valid (365d)"),
        .value("timestamp-expires", "TIME", "How long a site may go without news (45d)"),
    ]
    private static let keyType = OptionSpecification.choice(
        "key-type", ["ed25519", "ecdsa"], "The kind of new keys (ed25519)")
    private static let keyChanges: [OptionSpecification] = [
        .path("key", "FILE", "Public key of a holder, in place of all there are", repeatable: true),
        .path("add-key", "FILE", "Public key of one more holder", repeatable: true),
        .value("remove-key", "NAME", "A key that signs no more, by name or id", repeatable: true),
        .value("threshold", "M", "How many of the keys must sign"),
        .value("count", "N", "How many keys to make, where none is given (1)"), keyType,
    ]

    /// The commands of `axle publish`.
    static let specification = CommandSpecification(
        "publish", "Make and sign a catalog (a vendor's side; needs no hub)",
        details: "DIR is what a web server serves; its address goes to 'axle catalog set --url'. Private keys stay in "
            + "the folder of --keys. Clients see changes only after 'sign'. See docs/publishing.md.",
        commands: [
            CommandSpecification(
                "init", "Make an empty, signed catalog and its keys", operands: [.requiredPath("DIR")],
                options: signing + expiries + [
                    .value("root-keys", "N", "How many root keys to make (1)"),
                    .value("root-threshold", "M", "How many root keys must sign (1)"),
                    .path("root-key", "FILE", "Public key of a root key's holder, once for each", repeatable: true),
                    .path("targets-key", "FILE", "Public key of who delegates products", repeatable: true), keyType,
                ]),
            CommandSpecification(
                "key", "Make a key for a person who holds one", operands: [.required("NAME")],
                options: signing + [keyType]),
            CommandSpecification(
                "add", "Add a package", operands: [.requiredPath("DIR")], options: signing + addOptions + [keyType]),
            CommandSpecification(
                "remove", "Take a package, or a whole product, off the catalog",
                operands: [.requiredPath("DIR"), .required("PATH")], options: signing),
            CommandSpecification(
                "delegate", "Make a product, or change whose keys sign it",
                operands: [.requiredPath("DIR"), .required("PRODUCT")], options: signing + keyChanges),
            CommandSpecification(
                "stage", "Make a folder that travels to the holders of other keys", operands: [.requiredPath("DIR")],
                options: signing + expiries + [.path("to", "DIR", "The folder that travels", required: true)]),
            CommandSpecification(
                "sign", "Sign what changed, and publish it once every signature is there",
                operands: [.requiredPath("DIR")],
                options: signing + expiries + [
                    .path("staged", "DIR", "A staged folder that came back", repeatable: true),
                    .flag("status", "Only say whose signatures are missing"),
                ]),
            CommandSpecification(
                "rotate", "Replace the keys of root, targets, snapshot, timestamp or a product",
                operands: [.requiredPath("DIR"), .required("ROLE")], options: signing + keyChanges),
            CommandSpecification(
                "extend", "Sign for longer: the timestamp, or the roles named",
                operands: [.requiredPath("DIR"), .optional("ROLE")],
                options: signing + expiries),
            CommandSpecification(
                "check", "Verify a published folder as clients do, packages included", operands: [.requiredPath("DIR")],
                options: [
                    .path("root", "FILE", "The root that clients have (the folder's oldest)"),
                    .value("warn", "TIME", "Warn of what expires sooner (14d)"),
                ]),
        ])

    private static let addOptions: [OptionSpecification] = [
        .value("product", "NAME", "The product", required: true),
        .value("release", "NAME", "The release", required: true),
        .value("platform", "NAME", "OS-ARCH-LIBC, for example linux-x86_64-glibc or any-any-any", required: true),
        .path("file", "FILE", "The package's file", required: true),
        .choice("kind", ["tree", "deb", "script"], "How it is installed (tree)"),
        .value("line", "NAME", "Release train (the release up to its first dot; main for dates)"),
        .choice(
            "version-scheme", VersionScheme.allCases.map(\.name),
            "How the line's versions are ordered (as before in the line, else what the names show)"),
        .value("counter", "N", "Rises with every release of a line (one more than the last)"),
        .choice("severity", ["normal", "critical", "hotfix"], "How pressing it is (normal)"),
        .value("program", "PATH", "The program inside the package, for example bin/ruff"),
        .value(
            "health", "COMMAND", "Must exit 0 after the install; once per argument if one has blanks",
            repeatable: true),
        .value("health-timeout", "TIME", "How long that may take (30s)"),
        .value("requires", "RANGE", "Installed versions that may be updated, such as '>= 1.2, < 2'"),
        .value("from-line", "NAME", "Another line that may move to this one", repeatable: true),
        .flag("update-only", "Not where the product is not installed yet"),
        .value("depends", "PRODUCT", "Another product that must be there; 'PRODUCT RANGE' too", repeatable: true),
        .value("conflicts", "PRODUCT", "Another product that must not be there", repeatable: true),
        .flag("needs-scheduler", "The product's scheduler must run"),
        .flag("needs-root", "The agent must run as root"),
        .value("free-space", "SIZE", "Free space wanted beyond file and content"),
        .value("unpacked-size", "SIZE", "Bytes after unpacking (the file's length)"),
        .value("floor", "RELEASE", "A release that may not be skipped"),
        .value("service", "NAME", "A service to stop before and start after", repeatable: true),
        .choice("restart", ["none", "service", "machine"], "What must be restarted (none)"),
        .value("notes", "TEXT", "For people"),
    ]
}
