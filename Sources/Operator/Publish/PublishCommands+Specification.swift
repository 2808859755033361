import System

extension PublishCommands {
    private static let keys = OptionSpecification.value(
        "keys", "DIR", "Folder of private keys, outside the published one", required: true)
    private static let passphrase = OptionSpecification.value(
        "passphrase-file", "FILE", "File with the passphrase of the keys")
    private static let expiries = [
        OptionSpecification.value("expires", "TIME", "How long roles signed by people stay valid (365d)"),
        .value("timestamp-expires", "TIME", "How long a site may go without news (45d)"),
    ]

    /// The commands of `axle publish`.
    static let specification = CommandSpecification(
        "publish", "Make and sign a catalog (a vendor's side; needs no hub)",
        details: "DIR is what a web server serves; its address goes to 'axle catalog set --url'. Private keys stay in "
            + "the folder of --keys. Clients see changes only after 'sign'.",
        commands: [
            CommandSpecification(
                "init", "Make an empty, signed catalog and its keys", operands: [.required("DIR")],
                options: [keys, passphrase] + expiries),
            CommandSpecification(
                "add", "Add a package", operands: [.required("DIR")], options: [keys, passphrase] + addOptions),
            CommandSpecification(
                "remove", "Take a package off the catalog", operands: [.required("DIR"), .required("PATH")],
                options: [keys, passphrase]),
            CommandSpecification(
                "sign", "Sign what changed, and a fresh timestamp", operands: [.required("DIR")],
                options: [keys, passphrase] + expiries),
            CommandSpecification(
                "check", "Verify a published folder as clients do, packages included", operands: [.required("DIR")]),
        ])

    private static let addOptions: [OptionSpecification] = [
        .value("product", "NAME", "The product", required: true),
        .value("release", "NAME", "The release", required: true),
        .value("platform", "NAME", "OS-ARCH-LIBC, for example linux-x86_64-glibc or any-any-any", required: true),
        .value("file", "FILE", "The package's file", required: true),
        .choice("kind", ["tree", "deb", "script"], "How it is installed (tree)"),
        .value("line", "NAME", "Release train (the release up to its first dot)"),
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
