internal import Codec
internal import Model
package import Settings

extension AgentConfiguration: SettingsOptions {
    package static let program = "axle-agent"
    package static let fileName = "agent.json5"
    package static let settings = SettingsGroup<AgentConfiguration>(
        [
            .choice(
                "autodeploy", \.autodeploy, words(),
                "Whether orders are carried out: all, none, or those that need no restart of the machine",
                example: "noreboot"),
            .object(
                "scheduler", \.schedulerSettings, SchedulerSettings.settings,
                "How the product's scheduler is found, by its unit or its process; without it the agent itself schedules"
            ),
            .choice(
                "passwordAccess", \.passwordAccess, words(),
                "How the product gets its password; an unattended update is refused with prompt", example: "generate"),
            .list(
                "pinned", \.pinnedNames, name("a product's name", "names of products", ProductName.init), 0...1024,
                "Products that are held at their release", example: ["tool"]),
            .text(
                "products", \.productsFolder, .path, "Folder of the installed releases",
                absent: "where the link DIR/products leads", example: "/opt/axle/products"),
            .text(
                "bin", \.programsFolder, .path, "Folder of the links to the programs of releases",
                absent: "/opt/axle/bin where products are in /opt/axle/products, else none", example: "/usr/local/bin"),
            .text(
                "hooks", \.hooksFolder, .path,
                "Folder of the machine's own programs that run before and after installs",
                absent: "DIR/hooks", example: "/etc/axle/hooks"),
            .list(
                "serviceCommand", \.serviceCommand, .argument, 1...16,
                "Command that stops and starts services; stop NAME or start NAME follow", example: ["systemctl"]),
            .list(
                "rebootCommand", \.rebootCommand, .argument, 1...16, "Command that restarts the machine",
                example: ["systemctl", "reboot"]),
            .number(
                "patchBases", \.patchBases, 0...90, "percent",
                "Share of the free disk that the content of an installed release may take, so that the next comes as a patch; "
                    + "0 keeps none", example: 20),
            .flag(
                "requireLocalRoot", \.requireLocalRoot,
                "Whether only a catalog root is believed that the owner gave to this machine", example: true),
            .list(
                "operatorKeys", \.operatorKeys, .path, 0...16,
                "PEM files of the public keys of operators; an order that an operator signed must fit what was signed",
                example: ["/etc/axle/operator.pem"]),
            .flag(
                "requireOperatorSignature", \.requireOperatorSignature,
                "Whether an order that no operator signed is refused", example: true),
        ],
        rules: [
            programRule("serviceCommand", \.serviceCommand), programRule("rebootCommand", \.rebootCommand), keysRule,
        ],
        gone: ["catalogRootFromHub": "in place of false write requireLocalRoot: true"])

    /// The cases of a code by their names.
    private static func words<Code: NamedCode>() -> [(String, Code)] { Code.allCases.map { ($0.name, $0) } }

    /// A name of the model.
    fileprivate static func name<Value>(
        _ allowed: String, _ plural: String, _ make: @escaping @Sendable (String) throws(ModelError) -> Value
    ) -> SettingForm.TextRule {
        SettingForm.TextRule(allowed, plural: plural, pattern: "^[A-Za-z0-9]", maximumLength: 128) { text in
            do throws(ModelError) {
                _ = try make(text)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    private static func programRule(
        _ name: String, _ member: any KeyPath<AgentConfiguration, [String]> & Sendable
    ) -> SettingsGroup<AgentConfiguration>.Rule {
        .init(
            SettingsSchema.object([
                "properties": SettingsSchema.object([
                    (
                        name,
                        SettingsSchema.object(["prefixItems": [SettingsSchema.object(["minLength": 1])]])
                    )
                ])
            ])
        ) { configuration in
            configuration[keyPath: member].first?.isEmpty == false
                ? nil : (name, "must begin with a program, which is empty here")
        }
    }

    private static let keysRule = SettingsGroup<AgentConfiguration>.Rule(
        SettingsSchema.object([
            "if": SettingsSchema.object([
                "required": ["requireOperatorSignature"],
                "properties": SettingsSchema.object([
                    "requireOperatorSignature": SettingsSchema.object(["const": true])
                ]),
            ]),
            "then": SettingsSchema.object([
                "required": ["operatorKeys"],
                "properties": SettingsSchema.object([
                    "operatorKeys": SettingsSchema.object(["type": "array", "minItems": 1])
                ]),
            ]),
        ])
    ) { configuration in
        !configuration.requireOperatorSignature || !configuration.operatorKeys.isEmpty
            ? nil : ("requireOperatorSignature", "needs operatorKeys, or nothing is ever installed")
    }

    private var pinnedNames: [String] {
        get { pinned.map(\.text) }
        // The names have passed their rule, which is the same initializer.
        set { pinned = newValue.compactMap { try? ProductName($0) } }
    }

    private var schedulerSettings: SchedulerSettings {
        get { SchedulerSettings(scheduler) }
        set { scheduler = newValue.scheduler }
    }
}

/// The object `scheduler`: either of two settings.
private struct SchedulerSettings: Sendable {
    var unit: String?
    var pidFile: String?

    init(_ scheduler: AgentConfiguration.Scheduler) {
        switch scheduler {
        case .notConfigured: break
        case .unit(let unit): self.unit = unit
        case .pidFile(let file): pidFile = file
        }
    }

    var scheduler: AgentConfiguration.Scheduler {
        if let unit { return .unit(unit) }
        return pidFile.map { .pidFile($0) } ?? .notConfigured
    }

    private static func schema(of name: String, without other: String) -> JSONValue {
        SettingsSchema.object([
            ("type", "object"), ("required", [.string(JSONText(name))]),
            (
                "properties",
                SettingsSchema.object([
                    (name, SettingsSchema.object(["type": "string"])), (other, SettingsSchema.object(["type": "null"])),
                ])
            ),
        ])
    }

    static let settings = SettingsGroup<SchedulerSettings>(
        [
            .text(
                "unit", \.unit, AgentConfiguration.name("a service's name", "names of services", ServiceName.init),
                "systemd unit of the scheduler", absent: "none", example: "cron.service"),
            .text(
                "pidFile", \.pidFile, .path, "File with the number of the scheduler's process", absent: "none",
                example: "/run/tool.pid", isAlternative: true),
        ],
        rules: [
            .init(
                SettingsSchema.object([
                    "anyOf": [
                        SettingsSchema.object(["type": "null"]), schema(of: "unit", without: "pidFile"),
                        schema(of: "pidFile", without: "unit"),
                    ]
                ])
            ) { settings in
                (settings.unit == nil) != (settings.pidFile == nil) ? nil : (nil, "must have either unit or pidFile")
            }
        ])
}
