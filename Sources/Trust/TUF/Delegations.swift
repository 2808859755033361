package import Codec
import Model

/// Whom a targets role lets speak for which paths (§4.5, and TAP 15's succinct bins).
package struct Delegations: Sendable {
    /// Which paths a delegated role may speak for.
    package enum Scope: Sendable, Equatable {
        case paths([PathPattern])
        /// Beginnings of the hexadecimal SHA-256 of the path.
        case pathHashPrefixes([JSONText])
    }

    /// A delegated role.
    package struct Role: Sendable, Equatable {
        package let name: RoleName
        package let signers: RoleKeys
        package let scope: Scope
        /// Whether the search for a path in its scope ends with it.
        package let terminating: Bool
    }

    /// 2^bits roles of one set of keys, each for the paths whose hash begins with its number (TAP 15).
    package struct Bins: Sendable, Equatable {
        package let signers: RoleKeys
        /// 1 to 32.
        package let bits: Int
        package let namePrefix: JSONText

        package init(signers: RoleKeys, bits: Int, namePrefix: JSONText) {
            self.signers = signers
            self.bits = bits
            self.namePrefix = namePrefix
        }

        /// The role that speaks for a path with that SHA-256.
        package func role(forHash hash: [UInt8]) -> RoleName {
            let word = hash.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return role(Int(word >> UInt32(32 - bits)))
        }

        /// The name of a bin by its number.
        package func role(_ number: Int) -> RoleName {
            let digits = String(number, radix: 16)
            let width = (bits + 3) / 4
            let zeros = String(repeating: "0", count: max(0, width - digits.utf8.count))
            return RoleName(utf8: namePrefix.bytes + Array("-\(zeros)\(digits)".utf8))
        }

        /// Whether the name is one of the bins'.
        package func contains(_ name: RoleName) -> Bool {
            let width = (bits + 3) / 4
            guard name.count == namePrefix.count + 1 + width, name.bytes.starts(with: namePrefix.bytes),
                let number = Int(String(decoding: name.bytes.suffix(width), as: UTF8.self), radix: 16)
            else { return false }
            return number >> bits == 0 && role(number) == name
        }
    }

    package enum Roles: Sendable {
        /// In the order of the metadata, which is the order of search.
        case listed([Role])
        case bins(Bins)
    }

    package let keys: [JSONText: MetadataKey]
    package let roles: Roles

    init(_ value: JSONValue, role: RoleName, digester: any Digester) throws(MetadataError) {
        let fields = try MetadataFields(value, "delegations", role: role)
        keys = try MetadataKey.keys(try fields.object(MetadataName.keys), role: role, digester: digester)
        let listed = fields.object[MetadataName.roles]
        let bins = fields.object[MetadataName.succinctRoles]
        guard (listed == nil) != (bins == nil) else {
            throw fields.malformed(MetadataName.delegations, "either roles or succinct_roles")
        }
        if let bins {
            roles = .bins(try Self.bins(try MetadataFields(bins, "succinct_roles", role: role)))
        } else {
            roles = .listed(try Self.listed(try fields.array(MetadataName.roles), role: role))
        }
    }

    private static func bins(_ fields: MetadataFields) throws(MetadataError) -> Bins {
        let prefix = try fields.text(MetadataName.namePrefix)
        guard prefix.count > 0, prefix.count + 9 <= RoleName.maximumRoleLength else {
            throw MetadataError(.invalidRoleName, role: fields.role, "name_prefix is empty or too long")
        }
        return Bins(
            signers: try RoleKeys(fields), bits: Int(try fields.integer(MetadataName.bitLength, 1...32)),
            namePrefix: prefix)
    }

    private static func listed(_ values: [JSONValue], role: RoleName) throws(MetadataError) -> [Role] {
        var roles: [Role] = []
        var names: Set<RoleName> = []
        for value in values {
            let fields = try MetadataFields(value, "a delegated role", role: role)
            let name = try fields.text(MetadataName.name)
            guard name.count > 0, name.count <= RoleName.maximumRoleLength, !name.isTopLevel else {
                throw MetadataError(.invalidRoleName, role: role, "delegates to a role named \(name)")
            }
            guard names.insert(name).inserted else {
                throw MetadataError(.invalidRoleName, role: role, "delegates twice to \(name)")
            }
            roles.append(
                Role(
                    name: name, signers: try RoleKeys(fields), scope: try scope(fields),
                    terminating: try fields.bool(MetadataName.terminating)))
        }
        return roles
    }

    private static func scope(_ fields: MetadataFields) throws(MetadataError) -> Scope {
        let paths = fields.object[MetadataName.paths] != nil
        guard paths != (fields.object[MetadataName.pathHashPrefixes] != nil) else {
            throw fields.malformed(MetadataName.paths, "given, or else path_hash_prefixes, not both")
        }
        if paths { return .paths(try fields.texts(MetadataName.paths).map { PathPattern($0) }) }
        let prefixes = try fields.texts(MetadataName.pathHashPrefixes)
        return .pathHashPrefixes(prefixes)
    }

    /// The keys and threshold for a role, or nil when it is not delegated to here.
    package func signers(of name: RoleName) -> RoleKeys? {
        switch roles {
        case .listed(let roles): roles.first { $0.name == name }?.signers
        case .bins(let bins): bins.contains(name) ? bins.signers : nil
        }
    }

    /// The roles to search for a path, in order; `true` after one that ends the search. The path is hashed if need be.
    package func roles(for path: JSONText, digester: any Digester) -> (names: [RoleName], terminated: Bool) {
        switch roles {
        case .bins(let bins):
            return ([bins.role(forHash: digester.sha256(path.bytes))], true)
        case .listed(let roles):
            var hash: [UInt8]?
            var names: [RoleName] = []
            for role in roles {
                switch role.scope {
                case .paths(let patterns):
                    guard patterns.contains(where: { $0.matches(path) }) else { continue }
                case .pathHashPrefixes(let prefixes):
                    let known = hash ?? Array(ASCII.hex(digester.sha256(path.bytes)).utf8)
                    hash = known
                    guard prefixes.contains(where: { known.starts(with: $0.bytes) }) else { continue }
                }
                names.append(role.name)
                if role.terminating { return (names, true) }
            }
            return (names, false)
        }
    }
}
