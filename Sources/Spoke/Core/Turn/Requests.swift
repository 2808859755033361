import Model
import Protocol

/// The ledger of what the spoke has asked its peers and what they have not answered yet.
///
/// An errand is under way at most once. It belongs to a link: with the link it ends. States that a
/// peer could not take wait here until they are told again.
struct Requests {
    /// A request that is under way.
    struct Request {
        let link: LinkID
        let errand: Errand
        /// What was told; nil unless the errand tells a state.
        let state: Message?
        /// How often telling this state has failed in a row.
        let failures: Int
    }

    private var requests: [RequestID: Request] = [:]
    private var requestOf: [Errand: RequestID] = [:]
    /// States that a peer could not take, which are told again.
    private var untold = UntoldStates()
    /// Requests under way that tell a state.
    private var statesUnderWay = 0
    private var lastRequest: UInt64 = 0

    /// Notes a request and gives its number; nil if the same errand is under way already.
    mutating func open(_ link: LinkID, _ message: Message, _ errand: Errand, failures: Int) -> RequestID? {
        guard requestOf[errand] == nil else { return nil }
        lastRequest += 1
        let request = RequestID(lastRequest)
        requestOf[errand] = request
        if errand.isState {
            untold.remove(errand)
            statesUnderWay += 1
        }
        requests[request] = Request(
            link: link, errand: errand, state: errand.isState ? message : nil, failures: failures)
        return request
    }

    /// Forgets an errand's answer, so that a newer state of the same subject can be told at once.
    mutating func supersede(_ errand: Errand) {
        guard let request = requestOf[errand] else { return }
        close(request, errand)
    }

    /// Takes out the request that a peer answers; nil for a number that was not asked over this
    /// link.
    mutating func take(_ request: RequestID, on link: LinkID) -> Request? {
        guard let found = requests[request], found.link == link else { return nil }
        close(request, found.errand)
        return found
    }

    /// Takes out all that was asked over a link that ends, in the order of asking. It is asked anew
    /// over the next link, and every state is told anew.
    mutating func takeAll(on link: LinkID) -> [Request] {
        untold.forget(link)
        let left = requests.filter { $0.value.link == link }.sorted { $0.key < $1.key }
        for (request, asked) in left { close(request, asked.errand) }
        return left.map(\.value)
    }

    private mutating func close(_ request: RequestID, _ errand: Errand) {
        requests[request] = nil
        requestOf[errand] = nil
        if errand.isState { statesUnderWay -= 1 }
    }

    /// How many joins wait for the hub's answer.
    var joins: Int {
        requestOf.keys.count { if case .join = $0 { true } else { false } }
    }

    // MARK: - States that could not be told

    /// Notes a state that the peer could not take; what is no state is left to its own retry.
    mutating func tellLater(_ asked: Request, _ error: ErrorReply?, at now: UnixTime) {
        guard let message = asked.state else { return }
        let backoff = min(SpokeLimits.deliveryRetry * (1 << min(asked.failures, 10)), SpokeLimits.lastRetry)
        let wait = max(error?.retryAfter ?? .zero, backoff)
        untold.add(
            asked.errand,
            UntoldStates.State(link: asked.link, message: message, due: now + wait, failures: asked.failures + 1))
    }

    /// Takes out a state that is due to be told again; nil where none is, or where enough are under
    /// way.
    mutating func nextUntold(at now: UnixTime) -> (Errand, UntoldStates.State)? {
        statesUnderWay < SpokeLimits.statesInFlight ? untold.next(at: now) : nil
    }

    /// When the next state is due to be told again.
    func nextDue(at now: UnixTime) -> UnixTime? { untold.nextDue.flatMap { $0 > now ? $0 : nil } }

    // MARK: - Invariants

    /// The invariants of the ledger that do not hold; none when all is well.
    func invariantViolations() -> [String] {
        var found: [String] = []
        if requests.count != requestOf.count || requestOf.contains(where: { requests[$0.value]?.errand != $0.key }) {
            found.append("requests and errands are not each other's inverse")
        }
        if statesUnderWay != requests.values.count(where: \.errand.isState) {
            found.append("\(statesUnderWay) states are counted as under way")
        }
        return found
    }
}
