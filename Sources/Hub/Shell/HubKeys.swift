package import Model
internal import System
package import TLS

/// The hub's keys and certificates, in `identity/`: its first CA (see `HubAuthority`), later ones in `ca-…/` of it, the key that signs orders, the hub's own
/// leaf `wire` and the API's leaf `api`. Keys are readable by their owner only.
///
/// Leaves are replaced at half of their life and when the root under which is issued changes. Reading is safe from any thread; what writes blocks on the
/// disk and belongs to one queue.
package final class HubKeys: Sendable {
    private static let day: Int64 = 86_400
    /// A leaf lives 90 days and is replaced at half of that.
    package static let leafLife: Int64 = 90 * day

    private struct State {
        var authorities: [HubAuthority]
        var wire: TLSIdentity?
        var api: TLSIdentity?
    }

    package let orderKey: PrivateKey
    private let folder: String
    private let identity: PeerIdentity
    private let name: NodeName
    private let state: NativeLock<State>

    /// Makes everything new in the folder; `names` are those of the API; `authority` fills the
    /// folder with a CA.
    package static func create(_ folder: String, names: APINames, authority: (String) throws -> Void) throws {
        try Directory.create(folder, mode: 0o700)
        try authority(folder)
        try PrivateKey.generate(.p256).withPEM { pem in
            try AtomicFile.write([UInt8](pem), to: Directory.join(folder, "order.key"), mode: 0o600)
        }
        try names.write(identity: folder)
    }

    /// Reads the folder. A leaf that is missing, or of which a cut left half, is made by `renew`.
    package init(folder: String, identity: PeerIdentity, name: NodeName) throws {
        try AtomicFile.removeLeftovers(in: folder)
        func read(_ file: String) throws -> [UInt8] { try File.read(Directory.join(folder, file), limit: 1 << 20) }
        self.folder = folder
        self.identity = identity
        self.name = name
        orderKey = try PrivateKey(pem: try read("order.key"))
        var authorities = [try HubAuthority(folder: folder)]
        for entry in try Directory.list(folder).sorted() where entry.hasPrefix("ca-") && !entry.hasSuffix(".new") {
            authorities.append(try HubAuthority(folder: Directory.join(folder, entry)))
        }
        func leaf(_ file: String) -> TLSIdentity? {
            // Half of a leaf is as good as none.
            try? TLSIdentity(chainPEM: try read("\(file).pem"), keyPEM: try read("\(file).key"))
        }
        state = NativeLock(State(authorities: authorities, wire: leaf("wire"), api: leaf("api")))
    }

    /// Where the names of the API are.
    var namesFile: String { APINames.file(folder) }
    /// The hub's CAs, oldest first.
    package var authorities: [HubAuthority] { state.withLock { $0.authorities } }
    /// What spokes see.
    package var wire: TLSIdentity? { state.withLock { $0.wire } }
    /// What browsers and `axle` see.
    package var api: TLSIdentity? { state.withLock { $0.api } }

    /// The CA of a root.
    package func authority(_ pin: SHA256Digest) -> HubAuthority? { authorities.first { $0.pin == pin } }

    /// Adds a CA; `fill` puts it into the folder that it is given. A folder appears whole or not at all.
    package func add(_ fill: (String) throws -> Void) throws -> HubAuthority {
        // Padded, so that the names sort by age.
        let number = String(authorities.count + 1)
        let path = Directory.join(folder, "ca-" + String(repeating: "0", count: max(0, 4 - number.count)) + number)
        let partial = path + ".new"
        _ = try Directory.removeTree(partial)
        try Directory.create(partial, mode: 0o700)
        try fill(partial)
        try Directory.synchronize(partial)
        let authority = try HubAuthority(folder: partial)
        guard self.authority(authority.pin) == nil else { throw HubAuthorityError("the hub has this root already") }
        try File.rename(partial, to: path)
        try Directory.synchronize(folder)
        state.withLock { $0.authorities.append(authority) }
        return authority
    }

    /// Makes the leaves that are missing, past half of their life, without one of their names, or
    /// under another root than they are to be, and those that a wrong clock has dated; says whether
    /// anything has changed.
    ///
    /// `earliest` is the last time that somebody else vouches for: a leaf is valid from then on, so that it is not
    /// "not yet valid" to everyone else where this machine's clock is ahead.
    ///
    /// The API stays under the oldest root that is believed, since who looks after the fleet gets a new `ca.pem` by hand.
    package func renew(issuing: SHA256Digest, oldest: SHA256Digest, now: Int64, earliest: Int64 = .max) throws -> Bool {
        var changed = false
        func isGood(_ leaf: TLSIdentity?, _ pin: SHA256Digest) -> Bool {
            guard let leaf, leaf.chain.last?.publicKeyFingerprint == pin.bytes else { return false }
            return (Self.leafLife / 2...Self.leafLife + Self.day).contains(leaf.leaf.notAfter - now)
                && leaf.leaf.notBefore <= now
        }
        if !isGood(wire, issuing), let authority = authority(issuing) {
            let profile = LeafProfile(
                name: name.text, uris: [identity.description], isServer: true, isClient: true,
                dates: dates(now, earliest, authority))
            let made = try issue("wire", authority, profile)
            state.withLock { $0.wire = made }
            changed = true
        }
        let names = try APINames(identity: folder)
        if !isGood(api, oldest) || !holds(api, names), let authority = authority(oldest) {
            let profile = LeafProfile(
                name: name.text, uris: [], dnsNames: names.dnsNames, ipAddresses: names.addresses, isServer: true,
                isClient: false, dates: dates(now, earliest, authority))
            let made = try issue("api", authority, profile)
            state.withLock { $0.api = made }
            changed = true
        }
        return changed
    }

    /// Whether a leaf has exactly these names.
    private func holds(_ leaf: TLSIdentity?, _ names: APINames) -> Bool {
        guard let leaf = leaf?.leaf else { return false }
        return Set(leaf.dnsNames) == Set(names.dnsNames) && Set(leaf.ipAddresses) == Set(names.addresses)
    }

    private func dates(_ now: Int64, _ earliest: Int64, _ authority: HubAuthority) -> ClosedRange<Int64> {
        authority.begin(of: now, earliest: earliest)...now + Self.leafLife
    }

    private func issue(_ file: String, _ authority: HubAuthority, _ profile: LeafProfile) throws -> TLSIdentity {
        let key = try PrivateKey.generate(.p256)
        // The root goes along: a machine that joins knows it by its hash only.
        let identity = try TLSIdentity(
            chain: [try authority.issuing.issue(profile, for: key.publicKey)] + authority.chain, key: key)
        try key.withPEM { pem in
            try AtomicFile.write([UInt8](pem), to: Directory.join(folder, "\(file).key"), mode: 0o600)
        }
        try AtomicFile.write(try identity.chain.flatMap { try $0.pem() }, to: Directory.join(folder, "\(file).pem"))
        return identity
    }
}
