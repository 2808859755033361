import Content
import Model
import System

/// Reads the options of `axle publish add` as the signed data of a package.
struct PackageDescription {
    let invocation: CommandInvocation

    /// The package that the options describe, for a file that was taken in.
    ///
    /// - Parameters:
    ///   - content: what is inside it, if it is compressed.
    ///   - siblings: the product's packages so far, for the counter.
    func package(
        _ path: TargetPath, _ copy: PackageIntake.Copy, _ content: PackageContent?, siblings: [Package]
    ) throws -> Package {
        let line = try line(path, siblings)
        var metadata = PackageMetadata(
            product: path.product, release: path.release, line: line,
            versionScheme: try scheme(path, line, isDeb: ContentCoding(mark: copy.head) == .deb, siblings),
            counter: try counter(path.release, line, siblings), platform: try Platform(path.platform.text),
            kind: try code("kind", ContentCoding(mark: copy.head) == .deb ? .deb : PackageKind.tree))
        metadata.severity = try code("severity", Severity.normal)
        metadata.requires = try requirements()
        metadata.install = try installSteps()
        metadata.notes = invocation.value("notes") ?? ""
        if let floor = invocation.value("floor") { metadata.floor = try self.floor(floor, line, siblings) }
        metadata.content = content
        metadata.unpackedSize = try size("unpacked-size") ?? content?.length ?? ByteCount(copy.length)
        // A tree is refused by the format's name when it is unpacked.
        if metadata.kind != .tree, copy.isCompressed, content == nil, invocation.value("unpacked-size") == nil {
            throw UsageError("the file is compressed: say how much it unpacks to with --unpacked-size")
        }
        return Package(path: path, length: copy.length, sha256: copy.sha256, metadata: metadata)
    }

    /// As given; else that of the same release, else what the name shows.
    private func line(_ path: TargetPath, _ siblings: [Package]) throws -> LineName {
        if let text = invocation.value("line") {
            return try option("line", text) { text throws(ModelError) in try LineName(text) }
        }
        if let same = siblings.first(where: { $0.path.release == path.release }) { return same.metadata.line }
        // Lines that were begun when a line was always the name up to its first dot go on.
        let before = String(path.release.text.prefix { $0 != "." })
        if let same = siblings.first(where: { $0.metadata.line.text == before }) { return same.metadata.line }
        // So do lines that were begun when the v of `v1.2` and an epoch of zero were parts of a
        // line's name.
        let shown = VersionScheme.line(of: path.release)
        let names = [shown, "v" + shown, "0_" + shown]
        let known = names.first { name in siblings.contains { $0.metadata.line.text == name } }
        return try LineName(known ?? shown)
    }

    /// As given; else that of the same package, of the line, of Debian packages; else what the names of the line show.
    private func scheme(
        _ path: TargetPath, _ line: LineName, isDeb: Bool, _ siblings: [Package]
    ) throws -> VersionScheme? {
        if let text = invocation.value("version-scheme") { return VersionScheme(name: text) }
        if let same = siblings.first(where: { $0.path == path }) { return same.metadata.versionScheme }
        let inLine = siblings.filter { $0.metadata.line == line }
        let newest = inLine.filter { $0.metadata.versionScheme != nil }.max {
            $0.metadata.counter < $1.metadata.counter
        }
        if let newest { return newest.metadata.versionScheme }
        let names = inLine.map(\.path.release.text) + [try invocation.required("release")]
        if let shown = VersionScheme.detect(names) { return shown }
        return isDeb && VersionScheme.debian.isVersion(path.release.text) ? .debian : nil
    }

    /// As given; else that of the same release, else one more than the highest of the line.
    private func counter(_ release: ReleaseName, _ line: LineName, _ siblings: [Package]) throws -> UInt64 {
        if let text = invocation.value("counter") {
            guard let counter = UInt64(text), (1...(1 << 53)).contains(counter) else {
                throw UsageError("--counter is a number from 1 on, not '\(text)'")
            }
            return counter
        }
        let inLine = siblings.filter { $0.metadata.line == line }
        if let same = inLine.first(where: { $0.path.release == release }) { return same.metadata.counter }
        return (inLine.map(\.metadata.counter).max() ?? 0) + 1
    }

    private func floor(_ text: String, _ line: LineName, _ siblings: [Package]) throws -> Floor {
        let release = try option("floor", text) { text throws(ModelError) in try VersionText.release(text) }
        guard let known = siblings.first(where: { $0.path.release == release && $0.metadata.line == line }) else {
            throw UsageError("--floor \(text) is no release of line \(line) in the catalog")
        }
        return Floor(release: release, counter: known.metadata.counter)
    }

    private func requirements() throws -> PackageRequirements {
        var requires = PackageRequirements()
        if let text = invocation.value("requires") {
            requires.versions = try option("requires", text) { text throws(ModelError) in try versions(text) }
        }
        requires.fromLines = try invocation.values("from-line").map { text in
            try option("from-line", text) { text throws(ModelError) in try LineName(text) }
        }
        requires.freshInstall = !invocation.isSet("update-only")
        requires.dependencies = try invocation.values("depends").map { try range("depends", $0) }
        requires.conflicts = try invocation.values("conflicts").map { try range("conflicts", $0) }
        requires.scheduler = invocation.isSet("needs-scheduler")
        requires.root = invocation.isSet("needs-root")
        requires.freeSpace = try size("free-space") ?? .zero
        return requires
    }

    private func installSteps() throws -> InstallSteps {
        var steps = InstallSteps(services: invocation.values("service"), restart: try code("restart", .none))
        steps.program = invocation.value("program")
        let health = invocation.values("health")
        guard let first = health.first else { return steps }
        // One text is split at its blanks; several are the arguments one by one.
        let argv = health.count == 1 ? first.split(separator: " ").map(String.init) : health
        var seconds: UInt32 = 30
        if let text = invocation.value("health-timeout") {
            guard let given = Wording.seconds(text).flatMap({ UInt32(exactly: $0) }) else {
                throw UsageError("--health-timeout is a time such as 30s, not '\(text)'")
            }
            seconds = given
        }
        steps.health = HealthCheck(argv: argv, timeoutSeconds: seconds)
        return steps
    }

    /// `PRODUCT` or `PRODUCT RANGE`.
    private func range(_ name: String, _ text: String) throws -> ProductRange {
        let product = text.prefix { $0 != " " }
        let rest = text.dropFirst(product.count).drop { $0 == " " }
        return try option(name, text) { _ throws(ModelError) in
            let product = try ProductName(String(product))
            return ProductRange(product: product, versions: rest.isEmpty ? .any : try versions(String(rest)))
        }
    }

    /// A range; PEP 440's epochs are written as Debian's are.
    private func versions(_ text: String) throws(ModelError) -> VersionRange {
        try VersionRange(String(text.map { $0 == "!" ? ":" : $0 }))
    }

    private func size(_ name: String) throws -> ByteCount? {
        guard let text = invocation.value(name) else { return nil }
        return try option(name, text) { text throws(ModelError) in try ByteCount(text) }
    }

    private func code<Code: NamedCode>(_ name: String, _ fallback: Code) throws -> Code {
        guard let text = invocation.value(name) else { return fallback }
        guard let code = Code(name: text) else { throw UsageError("--\(name) cannot be '\(text)'") }
        return code
    }

    private func option<Value>(
        _ name: String, _ text: String, _ read: (String) throws(ModelError) -> Value
    ) throws(UsageError) -> Value {
        do throws(ModelError) {
            return try read(text)
        } catch {
            throw UsageError("--\(name): \(error)")
        }
    }
}
