import Model
import Protocol
import Rollout
import Trust

/// Join tokens: made and revoked by operators.
enum Tokens {
    static func create(
        _ role: Role, _ spoke: NodeID?, replacing: NodeID?, _ uses: Int, _ life: Duration, _ turn: inout HubTurn
    ) throws -> HubAnswer {
        guard role != .hub else { throw HubRefusal.invalid("a token is for a spoke or an agent") }
        guard (1...HubLimits.tokenUses).contains(uses) else {
            throw HubRefusal.invalid("a token has 1 to \(HubLimits.tokenUses) uses")
        }
        guard life >= .seconds(1), life <= HubLimits.tokenLife else {
            throw HubRefusal.invalid("a token lives for at least a second and at most 30 days")
        }
        if let spoke {
            guard role == .agent else { throw HubRefusal.invalid("only an agent's token can be bound to a spoke") }
            guard let record = try turn.store.spoke(spoke) else {
                throw HubRefusal.notFound("there is no spoke \(spoke)")
            }
            guard record.revoked == nil else {
                throw HubRefusal.conflict("spoke \(record.name) has been revoked; nothing joins through it")
            }
        }
        if let replacing {
            let known = try role == .agent ? turn.store.client(replacing) != nil : turn.store.spoke(replacing) != nil
            guard known else { throw HubRefusal.notFound("there is no \(role.name) \(replacing) to replace") }
            guard uses == 1 else { throw HubRefusal.invalid("a token that replaces a machine has one use") }
        }
        try turn.store.removeTokens(expiredBefore: turn.now - HubLimits.tokenKept)
        let token = try JoinToken(
            id: TokenID.random(using: &turn.random), secret: turn.randomBytes(32),
            pin: try Authorities.anchorSet(&turn).set.issuing)
        let record = TokenRecord(
            id: token.id, secret: token.secret, role: role, spoke: spoke, replaces: replacing, uses: uses,
            created: turn.now,
            expires: turn.now + life)
        try turn.store.insertToken(record)
        try turn.log(
            .notice, .tokenCreated, "token/\(token.id)",
            "a token for \(uses) \(role.name)\(uses == 1 ? "" : "s") was made, good until \(record.expires)")
        return .token(record, text: token.text)
    }

    /// A machine was replaced: another token that replaces it would let in a second one under its
    /// name.
    static func revokeAll(replacing node: NodeID, _ turn: inout HubTurn) throws {
        for token in try turn.store.tokens() where token.replaces == node && token.usesLeft > 0 {
            try turn.store.removeToken(token.id)
            try turn.log(
                .notice, .tokenRevoked, "token/\(token.id)",
                "the token was revoked; the machine that it replaces has been replaced with another token")
        }
    }

    static func revoke(_ id: TokenID, _ turn: inout HubTurn) throws -> TokenRecord {
        guard let token = try turn.store.token(id) else { throw HubRefusal.notFound("there is no token \(id)") }
        try turn.store.removeToken(id)
        try turn.log(
            .notice, .tokenRevoked, "token/\(id)",
            "the token was revoked; \(token.usesLeft) of its \(token.uses) uses were left")
        return token
    }
}
