/// How many attacks an agent still reports on one link, so that an attacker cannot fill the queue
/// of reports.
struct AttackBudget {
    /// The first has the spoke check its copy, and the second says that it was not the copy.
    private static let refusalsMost = 2

    private var refusals = 0
    private var hasReportedAttack = false
    private var hasShownOrder = false

    /// A new link was opened.
    mutating func renew() { self = AttackBudget() }

    /// Whether a refusal of bytes may be reported.
    mutating func takeRefusal() -> Bool {
        guard refusals < Self.refusalsMost else { return false }
        refusals += 1
        return true
    }

    /// Whether an attack may be reported.
    mutating func takeAttack() -> Bool {
        defer { hasReportedAttack = true }
        return !hasReportedAttack
    }

    /// Whether an order that is not above the highest one may be reported, with the newest order.
    mutating func takeStaleOrder() -> Bool {
        defer { hasShownOrder = true }
        return !hasShownOrder
    }
}
