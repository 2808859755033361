/// Who may come in: counts connections by stage and address, and drops newcomers at random before all places are taken.
///
/// Pure: randomness comes in with each newcomer. Its memory is bounded by the places and `knownLimit`. The model is OpenSSH's
/// `MaxStartups` and `PerSourceMaxStartups`: a flood leaves every newcomer a chance, and those who come again get in.
package struct Admission: Sendable {
    package enum Stage: Sendable {
        case handshake, visitor, peer
    }

    /// Why a newcomer is dropped.
    package enum Refusal: Sendable {
        /// No place is left for it.
        case full
        /// Its address has as many places as it may have.
        case address
        /// Places are running out, and the dice said no.
        case early
    }

    /// Connections of one stage, in all and by address.
    package struct Tally: Sendable {
        package private(set) var count = 0
        private var sources: [AddressGroup: Int] = [:]

        subscript(_ source: AddressGroup) -> Int { sources[source] ?? 0 }

        mutating func add(_ source: AddressGroup) {
            count += 1
            sources[source, default: 0] += 1
        }

        mutating func remove(_ source: AddressGroup) {
            count -= 1
            let rest = self[source] - 1
            sources[source] = rest > 0 ? rest : nil
        }
    }

    /// Addresses that are remembered because a peer showed there who it is; the oldest is forgotten first.
    package static let knownLimit = 16_384

    package let rules: AdmissionRules
    package private(set) var peers = 0
    package private(set) var handshakes = Tally()
    package private(set) var visitors = Tally()
    /// Remembered addresses, in two generations: a full one takes the place of the other, which is forgotten.
    private var (young, old): (Set<AddressGroup>, Set<AddressGroup>) = ([], [])

    package init(_ rules: AdmissionRules) {
        self.rules = rules
    }

    /// Takes a place for a handshake; why not if there is none. `random` is evenly distributed.
    package mutating func enter(_ source: AddressGroup, random: UInt64) -> Refusal? {
        let isKnown = knows(source)
        let room = room(of: rules.handshakes, isKnown)
        guard handshakes.count < room else { return .full }
        guard handshakes[source] < rules.handshakesPerAddress else { return .address }
        if !isKnown, isDropped(handshakes.count, of: room, random) { return .early }
        handshakes.add(source)
        return nil
    }

    /// Takes a place of the next stage for that of another; false, and nothing has changed, if there is none.
    package mutating func move(_ source: AddressGroup, from now: Stage, to next: Stage) -> Bool {
        switch next {
        case .handshake: return false
        case .visitor:
            guard visitors.count < room(of: rules.visitors, knows(source)),
                visitors[source] < rules.visitorsPerAddress
            else { return false }
            visitors.add(source)
        case .peer:
            guard peers < rules.peers else { return false }
            peers += 1
            remember(source)
        }
        leave(source, now)
        return true
    }

    /// Gives a place back.
    package mutating func leave(_ source: AddressGroup, _ stage: Stage) {
        switch stage {
        case .handshake: handshakes.remove(source)
        case .visitor: visitors.remove(source)
        case .peer: peers -= 1
        }
    }

    private func knows(_ source: AddressGroup) -> Bool { young.contains(source) || old.contains(source) }

    private mutating func remember(_ source: AddressGroup) {
        young.insert(source)
        guard young.count >= Self.knownLimit / 2 else { return }
        (young, old) = ([], young)
    }

    /// The places of a stage that a newcomer may take, those kept for known addresses left out for all others.
    private func room(of places: Int, _ isKnown: Bool) -> Int {
        guard !isKnown, rules.keptPercent > 0 else { return places }
        return max(1, places - places / 100 * rules.keptPercent - places % 100 * rules.keptPercent / 100)
    }

    /// Whether the dice say no: from `dropPercent` where the drops begin, evenly up to all where no place is left.
    private func isDropped(_ count: Int, of room: Int, _ random: UInt64) -> Bool {
        let begin = Double(room) * Double(rules.dropFromPercent) / 100
        guard rules.dropFromPercent < 100, Double(count) >= begin else { return false }
        let first = Double(rules.dropPercent) / 100
        let chance = first + (1 - first) * (Double(count) - begin) / (Double(room) - begin)
        return Double(random >> 11) / Double(1 << 53) < chance
    }
}
