import Codec
import Model

/// Installed packages and facts as maps of a report; keys are in docs/formats/report.cddl.
enum InventoryFields {
    static func installed(_ fields: RecordFields, _ key: UInt64) throws(RecordError) -> [InstalledPackage] {
        var installed: [InstalledPackage] = []
        for item in try fields.list(key, limit: RecordLimits.installed) {
            let entry = try RecordFields(item, of: "\(fields.name): field \(key)")
            installed.append(
                InstalledPackage(
                    product: try entry.value(1), release: try entry.value(2),
                    line: entry.has(3) ? try entry.value(3) : nil, counter: entry.has(4) ? try entry.size(4) : nil,
                    path: entry.has(5) ? try entry.value(5) : nil, sha256: entry.has(6) ? try entry.sha256(6) : nil,
                    source: try entry.code(7)))
        }
        return installed
    }

    static func cbor(_ installed: [InstalledPackage]) -> CBOR {
        .array(
            installed.prefix(RecordLimits.installed).map { package in
                .record([
                    1: .value(package.product),
                    2: .value(package.release),
                    3: package.line.map { .value($0) },
                    4: package.counter.map { .unsigned($0) },
                    5: package.path.map { .value($0) },
                    6: package.sha256.map { .bytes($0.bytes) },
                    7: .code(package.source),
                ])
            })
    }

    static func facts(
        _ fields: RecordFields, _ key: UInt64, installed: [InstalledPackage]
    ) throws(RecordError) -> ClientFacts {
        let facts = try RecordFields(try fields.required(key), of: "\(fields.name): field \(key)")
        var rejected: [RejectedRelease] = []
        for item in try facts.list(18, limit: RecordLimits.installed) {
            let entry = try RecordFields(item, of: "\(facts.name): field 18")
            rejected.append(RejectedRelease(product: try entry.value(1), release: try entry.value(2)))
        }
        return ClientFacts(
            platform: try platform(facts), userlandBits: try bits(facts, 5),
            programBits: facts.has(6) ? try bits(facts, 6) : nil, osName: try facts.text(7, limit: RecordLimits.text),
            kernel: try facts.text(8, limit: RecordLimits.text), hostname: try facts.text(9, limit: RecordLimits.text),
            agentVersion: try facts.value(10), isRoot: try facts.bool(11), autodeploy: try facts.code(12),
            scheduler: try facts.code(13), passwordAccess: try facts.code(14),
            freeSpace: ByteCount(try facts.size(15)), sessions: Int(clamping: try facts.size(16)),
            installed: installed, pinned: try facts.values(17, limit: RecordLimits.installed),
            locked: try facts.values(19, limit: RecordLimits.installed), rejected: rejected,
            identityChanged: try facts.bool(20), kinds: facts.has(21) ? try kinds(facts) : nil)
    }

    /// Kinds that this release knows; those of a newer agent are left out.
    private static func kinds(_ facts: RecordFields) throws(RecordError) -> [PackageKind] {
        var kinds: [PackageKind] = []
        for item in try facts.list(21, limit: 16) {
            guard let number = item.asUnsigned else { throw facts.malformed(21, "is no list of kinds") }
            guard let number = UInt8(exactly: number), let kind = PackageKind(rawValue: number) else { continue }
            if !kinds.contains(kind) { kinds.append(kind) }
        }
        return kinds
    }

    private static func platform(_ facts: RecordFields) throws(RecordError) -> Platform {
        let os = try facts.text(1, limit: 20)
        let arch = try facts.text(2, limit: 20)
        let libc = try facts.text(3, limit: 20)
        do {
            return try Platform(os: os, arch: arch, bits: facts.has(4) ? try bits(facts, 4) : nil, libc: libc)
        } catch {
            throw facts.malformed(1, "begins no platform")
        }
    }

    private static func bits(_ facts: RecordFields, _ key: UInt64) throws(RecordError) -> Int {
        switch try facts.unsigned(key) {
        case 32: return 32
        case 64: return 64
        default: throw facts.malformed(key, "is neither 32 nor 64")
        }
    }

    static func cbor(_ facts: ClientFacts) -> CBOR {
        .record([
            1: .text(facts.platform.os),
            2: .text(facts.platform.arch),
            3: .text(facts.platform.libc),
            4: facts.platform.bits.map { .integer(Int64($0)) },
            5: .integer(Int64(facts.userlandBits)),
            6: facts.programBits.map { .integer(Int64($0)) },
            7: .people(facts.osName),
            8: .people(facts.kernel),
            9: .people(facts.hostname),
            10: .value(facts.agentVersion),
            11: .bool(facts.isRoot),
            12: .code(facts.autodeploy),
            13: .code(facts.scheduler),
            14: .code(facts.passwordAccess),
            15: .unsigned(facts.freeSpace.bytes),
            16: .integer(Int64(max(0, facts.sessions))),
            17: .array(facts.pinned.prefix(RecordLimits.installed).map { .value($0) }),
            18: .array(
                facts.rejected.prefix(RecordLimits.installed).map { release in
                    .record([1: .value(release.product), 2: .value(release.release)])
                }),
            19: .array(facts.locked.prefix(RecordLimits.installed).map { .value($0) }),
            20: .bool(facts.identityChanged),
            21: facts.kinds.map { .array($0.map { .unsigned(UInt64($0.rawValue)) }) },
        ])
    }
}
