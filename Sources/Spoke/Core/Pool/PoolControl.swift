import Codec
import Model
import Protocol

/// What the hub sets for a pool, and the checks that it asks for. It has no memory of its own: the
/// settings and the result of the last check are in the store.
enum PoolControl {
    static func setQuota(
        _ setting: SetQuota, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        guard isHere(setting.pool, link, request, pool, &turn) else { return }
        let quota = ByteCount(setting.quota)
        if setting.pool == pool.firstName {
            try turn.store.set(.quota, to: Array(String(quota.bytes).utf8))
        } else {
            var settings = try PoolSettings(turn.store)
            settings[setting.pool].quota = quota
            try settings.keep(in: turn.store)
        }
        turn.effect(.setQuota(setting.pool, quota))
        turn.note(.roomMade)
        turn.reply(link, request, .ok(OK()))
    }

    static func setAccess(
        _ setting: SetAccess, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        guard isHere(setting.pool, link, request, pool, &turn) else { return }
        if setting.pool == pool.firstName {
            try turn.store.set(.access, to: Array(setting.access.name.utf8))
        } else {
            var settings = try PoolSettings(turn.store)
            settings[setting.pool].access = setting.access
            try settings.keep(in: turn.store)
        }
        turn.effect(.setAccess(setting.pool, setting.access))
        turn.note(.roomMade)
        turn.reply(link, request, .ok(OK()))
    }

    private static func isHere(
        _ name: NodeName, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) -> Bool {
        if pool.has(name) { return true }
        turn.refuse(link, request, .notFound, "there is no pool \(name)")
        return false
    }

    // MARK: - Checks

    /// Begins a check, or says again what it has found: the hub asks on a new connection for what
    /// it has not heard the end of.
    static func check(
        _ check: CheckPool, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        guard isHere(check.pool, link, request, pool, &turn) else { return }
        // What another release wrote and this one cannot read counts as none: the pool is checked
        // anew.
        if let bytes = try turn.store.setting(.lastCheck),
            let last = try? PoolChecked(MessageFields(frame: bytes.span, of: PoolChecked.name)),
            last.check == check.check, last.pool == check.pool
        {
            turn.tellHub(.poolChecked(last), .poolChecked)
        } else {
            turn.effect(.checkPool(check))
        }
        turn.reply(link, request, .ok(OK()))
    }

    /// A pool that is to be emptied is empty, or why it is not.
    static func drained(_ text: String, isEmpty: Bool, _ turn: inout SpokeTurn) throws {
        try turn.log(isEmpty ? .notice : .warning, .poolDrained, "pool", text)
    }

    /// How a check goes.
    static func checked(_ check: PoolChecked, _ turn: inout SpokeTurn) throws {
        if check.isOver { try turn.store.set(.lastCheck, to: CBOREncoder.encode(.map(check.cbor))) }
        turn.tellHub(.poolChecked(check), .poolChecked)
    }
}
