package import Model
package import Trust

/// What an agent remembers across restarts, in its own nouns; `MemoryAgentStore` and `SQLiteAgentStore` behave alike.
///
/// Used from one thread at a time, inside `transaction`, so that what one event changed is kept whole or not at all. Lists come in the order in
/// which their elements were added. Reads and writes throw when the store fails, and then nothing of the transaction is kept.
package protocol AgentStore: AnyObject {
    /// Runs `body`; what it changed is durable when this returns, and undone when it throws.
    func transaction<Result>(_ body: () throws -> Result) throws -> Result

    // Journal.

    /// The record of one action, finished or not.
    func action(_ id: ActionID) throws -> ActionRecord?
    /// All actions that are not over, by sequence.
    func openActions() throws -> [ActionRecord]
    /// The actions of the highest sequences, open or over, at most so many, lowest first.
    func lastActions(limit: Int) throws -> [ActionRecord]
    /// Adds or replaces a record. Of those that are over the newest `AgentStoreLimits.finishedActions` are kept.
    func save(_ record: ActionRecord) throws

    // Reports.

    /// The machine's incarnation and the next report's counter, which is taken by this.
    func takeReportCounter() throws -> ReportNumber
    /// Puts a signed report at the end of the queue.
    func queue(_ report: QueuedReport) throws
    /// The reports that are not acknowledged, oldest first, at most so many.
    func queuedReports(limit: Int) throws -> [QueuedReport]
    /// Takes an acknowledged report out of the queue; one that is not in it is no error.
    func removeReport(_ number: ReportNumber) throws
    /// When a report was queued last, by the believed time.
    func lastReport() throws -> UnixTime?
    func setLastReport(_ time: UnixTime) throws
    /// Begins a new incarnation: counters start again, queued reports of the old one stay.
    func setIncarnation(_ incarnation: UInt64) throws

    // Floors: none of them ever falls.

    /// The sequence of the highest order obeyed.
    func sequenceFloor() throws -> OrderSequence?
    /// Raises it to that of an order, which is kept as it was signed.
    func raiseSequenceFloor(_ floor: OrderSequence, order: [UInt8]) throws
    /// The order of the floor; nil before the first.
    func newestOrder() throws -> [UInt8]?
    /// The latest signed time seen: no earlier time is believed.
    func signedTimeFloor() throws -> UnixTime?
    func raiseSignedTimeFloor(_ time: UnixTime) throws
    /// Replaces it: its signer has taken back what it said while its clock was ahead.
    func setSignedTimeFloor(_ time: UnixTime) throws
    /// The version of trusted metadata by role name.
    func trustedVersion(_ role: String) throws -> UInt64?
    func raiseTrustedVersion(_ role: String, _ version: UInt64) throws
    /// The highest counter installed of a product's line; lowered by a rollback order only.
    func counterFloor(_ product: ProductName, _ line: LineName) throws -> UInt64?
    func setCounterFloor(_ product: ProductName, _ line: LineName, _ counter: UInt64) throws

    // The machine.

    /// What Axle has installed, by product.
    func installed() throws -> [InstalledPackage]
    func setInstalled(_ package: InstalledPackage) throws
    func removeInstalled(_ product: ProductName) throws
    /// Releases that failed here and are not to be tried again.
    func rejected() throws -> [RejectedRelease]
    func reject(_ release: RejectedRelease) throws
    func unreject(_ release: RejectedRelease) throws
    /// Products whose scheduled update failed; a person removes the lock.
    func locked() throws -> [ProductName]
    func lock(_ product: ProductName) throws
    func unlock(_ product: ProductName) throws
    /// Products whose last download failed; a complete download clears the flag.
    func warnings() throws -> [ProductName]
    func setWarning(_ product: ProductName, _ on: Bool) throws
    /// The facts that were reported last and acknowledged or queued.
    func reportedFacts() throws -> ClientFacts?
    func setReportedFacts(_ facts: ClientFacts?) throws
}

/// What a store keeps at most.
package enum AgentStoreLimits {
    /// Finished actions that are remembered, so that a repeated order is known.
    package static let finishedActions = 256
    /// Reports that may wait; past this the oldest of no action go first, then the oldest.
    package static let queuedReports = 10_000
}

/// Names a report once and for all: the hub applies each number once.
package struct ReportNumber: Codable, Hashable, Sendable {
    package var incarnation: UInt64
    /// From 1 on.
    package var counter: UInt64

    package init(incarnation: UInt64, counter: UInt64) {
        self.incarnation = incarnation
        self.counter = counter
    }
}

/// A signed report that waits for the spoke's word that it is durable there.
package struct QueuedReport: Equatable, Sendable {
    package var number: ReportNumber
    /// The COSE_Sign1 message.
    package var signed: [UInt8]

    package init(number: ReportNumber, signed: [UInt8]) {
        self.number = number
        self.signed = signed
    }
}
