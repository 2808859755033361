import Model
import Trust

/// The nonces of joins, without a record of those that were given out.
///
/// A nonce carries its time and a code over time, token and relaying spoke, made with a key that
/// only this core has. Any number of nonces can be asked for without costing memory, so nobody can
/// use them up. Only a nonce that let a machine in is remembered, until it would have ended anyway:
/// that takes a use of a token, so a stranger adds nothing here.
///
/// | bytes | field |
/// |---|---|
/// | 0–7 | hub's time in milliseconds, big endian |
/// | 8–15 | random |
/// | 16–31 | first half of HMAC-SHA256(key, `axle-join-nonce-1` ‖ bytes 0–15 ‖ token ‖ relaying spoke, if any) |
struct JoinNonces {
    private static let codeOffset = 16

    private let key: [UInt8]
    /// Used nonces of this period and the previous one; together they cover the life of a nonce.
    private var used: Set<[UInt8]> = []
    private var usedBefore: Set<[UInt8]> = []
    private var periodStart = UnixTime.distantPast

    /// `key` has 32 random bytes.
    init(key: [UInt8]) { self.key = key }

    /// A fresh nonce; `salt` has 8 random bytes.
    func make(
        token: TokenID, relay: NodeID?, salt: [UInt8], at now: UnixTime, _ hash: some KeyedHash
    ) throws -> [UInt8] {
        let time = UInt64(bitPattern: now.milliseconds)
        let head = stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: time >> $0) } + salt.prefix(8)
        return head + (try code(of: head, token, relay, hash))
    }

    /// Whether this is a nonce of this core, for that token and relay, neither too old nor used.
    func accepts(
        _ nonce: [UInt8], token: TokenID, relay: NodeID?, at now: UnixTime, _ hash: some KeyedHash
    ) throws -> Bool {
        guard nonce.count == JoinProof.nonceLength else { return false }
        let expected = try code(of: Array(nonce.prefix(Self.codeOffset)), token, relay, hash)
        let difference = zip(expected, nonce.dropFirst(Self.codeOffset)).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        guard difference == 0 else { return false }
        let milliseconds = nonce.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let issued = UnixTime(milliseconds: Int64(bitPattern: milliseconds))
        guard issued <= now, now - issued < HubLimits.challengeLife else { return false }
        return !used.contains(nonce) && !usedBefore.contains(nonce)
    }

    /// Remembers a nonce that let a machine in.
    mutating func use(_ nonce: [UInt8], at now: UnixTime) {
        if now - periodStart >= HubLimits.challengeLife {
            usedBefore = now - periodStart < HubLimits.challengeLife * 2 ? used : []
            used = []
            periodStart = now
        }
        used.insert(nonce)
    }

    private func code(
        of head: [UInt8], _ token: TokenID, _ relay: NodeID?, _ hash: some KeyedHash
    ) throws -> ArraySlice<UInt8> {
        let message = Array("axle-join-nonce-1".utf8) + head + token.bytes + (relay?.bytes ?? [])
        return try hash.hmacSHA256(key: key, message: message).prefix(JoinProof.nonceLength - Self.codeOffset)
    }
}
