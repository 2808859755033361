import Codec
package import Model

/// Which reports of one incarnation of an agent were taken in: each once, with gaps and resets named.
///
/// Reports normally come in order. A counter that is left out is remembered as missing, so that the
/// report is still taken if it comes; a counter that comes again with other content means that the
/// agent's state was reset to an earlier time, or that a second machine has it.
///
/// The agent chooses the counters, so the ledger has a fixed size whatever it sends: at most `ranges`
/// missing ranges and `remembered` digests. What is stored can therefore always be read back.
package struct ReportLedger: Equatable, Sendable {
    /// What a report's counter says.
    package enum Verdict: Equatable, Sendable {
        /// The next one.
        case next
        /// The reports of these counters were left out before it.
        case gap(ClosedRange<Int64>)
        /// One that was missing.
        case late
        /// Taken in before.
        case repeated
        /// Another report was taken in under this counter.
        case diverged
    }

    /// Counters whose digests are remembered.
    static let remembered = 64
    /// Ranges of missing counters that are remembered; past this the lowest is given up.
    static let ranges = 16
    /// What the stored form may cost its reader. This release writes at most 1 KiB and 130 items;
    /// earlier ones wrote more ranges, which are read and cut.
    private static let stored = CBORLimits(bytes: 64 << 10, items: 8192, depth: 4)

    /// The highest counter taken in; 0 for none.
    package private(set) var highest: Int64
    /// What is missing below it, in order.
    package private(set) var missing: [ClosedRange<Int64>] = []
    /// Eight bytes of the SHA-256 of each of the last reports, by counter modulo `remembered`; 0 for none.
    private var digests = [UInt64](repeating: 0, count: Self.remembered)
    /// When the agent was last asked to say everything anew, which ends this incarnation.
    package var askedAnew: UnixTime?
    /// Whether it was said in the log that two machines share the identity.
    package var isCloneNamed = false
    /// The stored form could not be read: only the highest counter is known. Not stored itself.
    package private(set) var isRepaired = false

    package init(highest: Int64 = 0) { self.highest = max(0, highest) }

    /// Judges a report by its counter (from 1 on) and the SHA-256 of its signed bytes, and remembers it.
    package mutating func take(_ counter: Int64, digest: [UInt8]) -> Verdict {
        let digest = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } | 1
        let slot = Int(counter % Int64(Self.remembered))
        guard counter <= highest else {
            let first = highest + 1
            for left in max(first, counter - Int64(Self.remembered))..<counter {
                digests[Int(left % Int64(Self.remembered))] = 0
            }
            highest = counter
            digests[slot] = digest
            guard first < counter else { return .next }
            let gap = first...(counter - 1)
            missing.append(gap)
            forgetLowest()
            return .gap(gap)
        }
        if let index = missing.firstIndex(where: { $0.contains(counter) }) {
            fill(index, counter)
            if counter > highest - Int64(Self.remembered) { digests[slot] = digest }
            return .late
        }
        guard counter > highest - Int64(Self.remembered), digests[slot] != 0 else { return .repeated }
        return digests[slot] == digest ? .repeated : .diverged
    }

    private mutating func fill(_ index: Int, _ counter: Int64) {
        let range = missing.remove(at: index)
        if counter < range.upperBound { missing.insert(counter + 1...range.upperBound, at: index) }
        if range.lowerBound < counter { missing.insert(range.lowerBound...counter - 1, at: index) }
        forgetLowest()
    }

    /// A report that fills the middle of a range splits it, so the bound holds here as well.
    private mutating func forgetLowest() {
        if missing.count > Self.ranges { missing.removeFirst(missing.count - Self.ranges) }
    }
}

extension ReportLedger {
    /// As the store keeps it, beside the highest counter.
    package var encoded: [UInt8] {
        CBOREncoder.encode(
            .record([
                1: .array(missing.map { .array([.integer($0.lowerBound), .integer($0.upperBound)]) }),
                2: .array(digests.map { .unsigned($0) }),
                3: .integer(askedAnew?.milliseconds ?? 0),
                4: .bool(isCloneNamed),
            ]))
    }

    /// Reads what was stored; no bytes are a ledger of an older release, which kept the counter only.
    ///
    /// A stored form that cannot be read costs the ranges and digests and nothing else: the ledger goes
    /// on from the highest counter, says that it was repaired, and takes no report twice.
    package init(highest: Int64, encoded: [UInt8]?) {
        self.init(highest: highest)
        guard let encoded else { return }
        do {
            try read(encoded)
        } catch {
            self.init(highest: highest)
            isRepaired = true
        }
    }

    private mutating func read(_ encoded: [UInt8]) throws {
        let damaged = HubStoreError.damaged("the ledger of an agent's reports")
        guard let pairs = try CBORDecoder(limits: Self.stored).decode(encoded).asMap, pairs.count == 4,
            let ranges = pairs[0].value.asArray, let kept = pairs[1].value.asArray, kept.count == Self.remembered,
            let askedAnew = pairs[2].value.asInteger, let isCloneNamed = pairs[3].value.asBool
        else { throw damaged }
        var end: Int64 = 0
        missing = try ranges.map { item in
            guard let bounds = item.asArray, bounds.count == 2, let lower = bounds[0].asInteger,
                let upper = bounds[1].asInteger, end < lower, lower <= upper, upper < highest
            else { throw damaged }
            end = upper
            return lower...upper
        }
        forgetLowest()
        digests = try kept.map { item in
            guard let digest = item.asUnsigned else { throw damaged }
            return digest
        }
        self.askedAnew = askedAnew == 0 ? nil : UnixTime(milliseconds: askedAnew)
        self.isCloneNamed = isCloneNamed
    }
}
