package import Codec
package import Model

/// `PackageMetadata` as a target's `custom` object; docs/formats/target-custom.schema.json is its schema.
///
/// What equals its default is left out. Reading is strict in kinds, ranges and names. Members that this release does not
/// know are passed over, so that newer catalogs can say more, but not within `requires` and `install`: there an unknown
/// member may forbid the installation or change it, so the package is refused by those who cannot tell.
extension PackageMetadata {
    /// The format of the `custom` object.
    package static let customFormat: Int64 = 1

    /// Reads a target's `custom` object; `path` is the target's name, for errors.
    package init(custom: JSONObject, path: JSONText) throws(MetadataError) {
        let fields = CustomFields(custom, "custom", path)
        let format = try fields.integer("format")
        guard format == UInt64(Self.customFormat) else { throw fields.refused("format", "\(format) is unknown") }
        self.init(
            product: try fields.text("product"), release: try fields.text("release"), line: try fields.text("line"),
            versionScheme: try fields.optional("versionScheme", fields.string).flatMap(VersionScheme.init(name:)),
            counter: try fields.integer("counter"), platform: try Self.platform(try fields.object("platform")),
            kind: try fields.code("kind"), severity: try fields.optional("severity", fields.code) ?? .normal,
            content: try fields.optional("content", fields.object).map(Self.content),
            unpackedSize: try fields.byteCount("unpackedSize"),
            requires: try fields.optional("requires", fields.object).map(Self.requirements) ?? PackageRequirements(),
            floor: try fields.optional("floor", fields.object).map(Self.floor),
            install: try fields.optional("install", fields.object).map(Self.steps) ?? InstallSteps(),
            detection: try fields.objects("detection").map(Self.rule),
            notes: try fields.optional("notes", fields.string) ?? "")
        do {
            try validate()
        } catch {
            throw MetadataError(.malformedMetadata, role: path, error.description)
        }
    }

    private static func platform(_ fields: CustomFields) throws(MetadataError) -> Platform {
        let bits = try fields.optional("bits", fields.integer)
        let os = try fields.string("os")
        let arch = try fields.string("arch")
        let libc = try fields.string("libc")
        return try fields.checked("platform") { () throws(ModelError) in
            try Platform(os: os, arch: arch, bits: bits.map { Int(clamping: $0) }, libc: libc)
        }
    }

    private static func content(_ fields: CustomFields) throws(MetadataError) -> PackageContent {
        PackageContent(
            coding: try fields.code("coding"), length: ByteCount(try fields.integer("length")),
            sha256: try fields.text("sha256"))
    }

    private static func requirements(_ fields: CustomFields) throws(MetadataError) -> PackageRequirements {
        try fields.allow([
            "versions", "fromLines", "freshInstall", "dependencies", "conflicts", "scheduler", "root", "freeSpace",
        ])
        return PackageRequirements(
            versions: try fields.optional("versions", fields.text) ?? .any,
            fromLines: try fields.strings("fromLines").map { text throws(MetadataError) in
                try fields.checked("fromLines") { () throws(ModelError) in try LineName(text) }
            },
            freshInstall: try fields.optional("freshInstall", fields.bool) ?? true,
            dependencies: try fields.objects("dependencies").map(range),
            conflicts: try fields.objects("conflicts").map(range),
            scheduler: try fields.optional("scheduler", fields.bool) ?? false,
            root: try fields.optional("root", fields.bool) ?? false, freeSpace: try fields.byteCount("freeSpace"))
    }

    private static func range(_ fields: CustomFields) throws(MetadataError) -> ProductRange {
        try fields.allow(["product", "versions"])
        return ProductRange(
            product: try fields.text("product"), versions: try fields.optional("versions", fields.text) ?? .any)
    }

    private static func floor(_ fields: CustomFields) throws(MetadataError) -> Floor {
        Floor(release: try fields.text("release"), counter: try fields.integer("counter"))
    }

    private static func steps(_ fields: CustomFields) throws(MetadataError) -> InstallSteps {
        try fields.allow(["services", "restart", "health", "program", "migration"])
        return InstallSteps(
            services: try fields.strings("services"), restart: try fields.optional("restart", fields.code) ?? .none,
            health: try fields.optional("health", fields.object).map(health),
            program: try fields.optional("program", fields.string), migration: try fields.dictionary("migration"))
    }

    private static func health(_ fields: CustomFields) throws(MetadataError) -> HealthCheck {
        try fields.allow(["argv", "timeoutSeconds"])
        return HealthCheck(
            argv: try fields.strings("argv"), timeoutSeconds: UInt32(clamping: try fields.integer("timeoutSeconds")))
    }

    private static func rule(_ fields: CustomFields) throws(MetadataError) -> DetectionRule {
        DetectionRule(source: try fields.code("source"), value: try fields.string("value"))
    }
}

extension PackageMetadata {
    /// The `custom` object, members by ascending name.
    package var custom: JSONObject {
        var object = CustomWriter()
        object.set("content", content.map { Self.object(of: $0) })
        object.set("counter", .number(counter))
        object.set("detection", detection.map(Self.object(of:)))
        object.set("floor", floor.map { Self.object(of: $0) })
        object.set("format", .integer(Self.customFormat))
        object.set("install", Self.object(of: install))
        object.set("kind", .text(kind.name))
        object.set("line", .text(line.text))
        object.set("notes", notes.isEmpty ? nil : .text(notes))
        object.set("platform", Self.object(of: platform))
        object.set("product", .text(product.text))
        object.set("release", .text(release.text))
        object.set("requires", Self.object(of: requires))
        object.set("severity", severity == .normal ? nil : .text(severity.name))
        object.set("unpackedSize", unpackedSize == .zero ? nil : .number(unpackedSize.bytes))
        object.set("versionScheme", versionScheme.map { .text($0.name) })
        return object.object
    }

    private static func object(of content: PackageContent) -> JSONValue {
        var object = CustomWriter()
        object.set("coding", .text(content.coding.name))
        object.set("length", .number(content.length.bytes))
        object.set("sha256", .text(content.sha256.description))
        return .object(object.object)
    }

    private static func object(of rule: DetectionRule) -> JSONValue {
        var object = CustomWriter()
        object.set("source", .text(rule.source.name))
        object.set("value", .text(rule.value))
        return .object(object.object)
    }

    private static func object(of floor: Floor) -> JSONValue {
        var object = CustomWriter()
        object.set("counter", .number(floor.counter))
        object.set("release", .text(floor.release.text))
        return .object(object.object)
    }

    private static func object(of platform: Platform) -> JSONValue {
        var object = CustomWriter()
        object.set("arch", .text(platform.arch))
        object.set("bits", platform.bits.map { .integer(Int64($0)) })
        object.set("libc", .text(platform.libc))
        object.set("os", .text(platform.os))
        return .object(object.object)
    }

    private static func object(of requires: PackageRequirements) -> JSONValue? {
        var object = CustomWriter()
        object.set("conflicts", requires.conflicts.map(object(of:)))
        object.set("dependencies", requires.dependencies.map(object(of:)))
        object.set("freeSpace", requires.freeSpace == .zero ? nil : .number(requires.freeSpace.bytes))
        object.set("freshInstall", requires.freshInstall ? nil : false)
        object.set("fromLines", requires.fromLines.map { .text($0.text) })
        object.set("root", requires.root ? true : nil)
        object.set("scheduler", requires.scheduler ? true : nil)
        object.set("versions", requires.versions.bounds.isEmpty ? nil : .text(requires.versions.description))
        return object.object.isEmpty ? nil : .object(object.object)
    }

    private static func object(of range: ProductRange) -> JSONValue {
        var object = CustomWriter()
        object.set("product", .text(range.product.text))
        object.set("versions", range.versions.bounds.isEmpty ? nil : .text(range.versions.description))
        return .object(object.object)
    }

    private static func object(of steps: InstallSteps) -> JSONValue? {
        var object = CustomWriter()
        object.set(
            "health",
            steps.health.map { health in
                var object = CustomWriter()
                object.set("argv", health.argv.map { .text($0) })
                object.set("timeoutSeconds", .integer(Int64(health.timeoutSeconds)))
                return .object(object.object)
            })
        if !steps.migration.isEmpty {
            var migration = CustomWriter()
            for (name, value) in steps.migration.sorted(by: { JSONText($0.key) < JSONText($1.key) }) {
                migration.set(JSONText(name), .text(value))
            }
            object.set("migration", .object(migration.object))
        }
        object.set("program", steps.program.map { .text($0) })
        object.set("restart", steps.restart == .none ? nil : .text(steps.restart.name))
        object.set("services", steps.services.map { .text($0) })
        return object.object.isEmpty ? nil : .object(object.object)
    }
}

/// Writes the members that are there.
private struct CustomWriter {
    var object = JSONObject()

    mutating func set(_ name: JSONText, _ value: JSONValue?) {
        if let value { object.set(name, value) }
    }

    mutating func set(_ name: JSONText, _ values: [JSONValue]) {
        if !values.isEmpty { object.set(name, .array(values)) }
    }
}

extension JSONValue {
    fileprivate static func text(_ text: String) -> JSONValue { .string(JSONText(text)) }

    /// A count; beyond 2^53 it is written as 2^53, which `Package.validate` of the publisher refuses before.
    fileprivate static func number(_ value: UInt64) -> JSONValue {
        .integer(min(Int64(clamping: value), JSONValue.greatestInteger))
    }
}
