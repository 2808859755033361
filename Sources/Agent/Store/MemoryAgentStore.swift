package import Model
package import Trust

/// The store of simulations and tests: all in memory, undone by copy.
package final class MemoryAgentStore: AgentStore {
    private struct State {
        var actions: [ActionRecord] = []
        var incarnation: UInt64
        var counter: UInt64 = 0
        var reports: [QueuedReport] = []
        var sequence: OrderSequence?
        var newestOrder: [UInt8]?
        var lastReport: UnixTime?
        var signedTime: UnixTime?
        var versions: [String: UInt64] = [:]
        var counters: [String: UInt64] = [:]
        var installed: [InstalledPackage] = []
        var rejected: [RejectedRelease] = []
        var locked: [ProductName] = []
        var warnings: [ProductName] = []
        var facts: ClientFacts?
    }

    private var state: State

    package init(incarnation: UInt64 = 1) { state = State(incarnation: incarnation) }

    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        let before = state
        do {
            return try body()
        } catch {
            state = before
            throw error
        }
    }

    package func action(_ id: ActionID) -> ActionRecord? { state.actions.first { $0.id == id } }
    package func openActions() -> [ActionRecord] {
        state.actions.filter { !$0.state.isFinal }.sorted { $0.sequence < $1.sequence }
    }
    package func lastActions(limit: Int) -> [ActionRecord] {
        Array(state.actions.sorted { $0.sequence < $1.sequence }.suffix(limit))
    }
    package func save(_ record: ActionRecord) {
        if let index = state.actions.firstIndex(where: { $0.id == record.id }) {
            state.actions[index] = record
        } else {
            state.actions.append(record)
        }
        let finished = state.actions.filter(\.state.isFinal).sorted { $0.sequence < $1.sequence }
        let gone = finished.dropLast(AgentStoreLimits.finishedActions).map(\.id)
        if !gone.isEmpty { state.actions.removeAll { gone.contains($0.id) } }
    }

    package func takeReportCounter() -> ReportNumber {
        state.counter += 1
        return ReportNumber(incarnation: state.incarnation, counter: state.counter)
    }
    package func queue(_ report: QueuedReport) {
        state.reports.append(report)
        if state.reports.count > AgentStoreLimits.queuedReports { state.reports.removeFirst() }
    }
    package func queuedReports(limit: Int) -> [QueuedReport] { Array(state.reports.prefix(limit)) }
    package func removeReport(_ number: ReportNumber) { state.reports.removeAll { $0.number == number } }
    package func lastReport() -> UnixTime? { state.lastReport }
    package func setLastReport(_ time: UnixTime) { state.lastReport = time }
    package func setIncarnation(_ incarnation: UInt64) {
        state.incarnation = incarnation
        state.counter = 0
    }

    package func sequenceFloor() -> OrderSequence? { state.sequence }
    package func raiseSequenceFloor(_ floor: OrderSequence, order: [UInt8]) {
        if let known = state.sequence, known >= floor { return }
        state.sequence = floor
        state.newestOrder = order
    }
    package func newestOrder() -> [UInt8]? { state.newestOrder }
    package func signedTimeFloor() -> UnixTime? { state.signedTime }
    package func setSignedTimeFloor(_ time: UnixTime) { state.signedTime = time }
    package func raiseSignedTimeFloor(_ time: UnixTime) { state.signedTime = max(state.signedTime ?? time, time) }
    package func trustedVersion(_ role: String) -> UInt64? { state.versions[role] }
    package func raiseTrustedVersion(_ role: String, _ version: UInt64) {
        state.versions[role] = max(state.versions[role] ?? version, version)
    }
    package func counterFloor(_ product: ProductName, _ line: LineName) -> UInt64? {
        state.counters["\(product)/\(line)"]
    }
    package func setCounterFloor(_ product: ProductName, _ line: LineName, _ counter: UInt64) {
        state.counters["\(product)/\(line)"] = counter
    }

    package func installed() -> [InstalledPackage] { state.installed.sorted { $0.product < $1.product } }
    package func setInstalled(_ package: InstalledPackage) {
        removeInstalled(package.product)
        state.installed.append(package)
    }
    package func removeInstalled(_ product: ProductName) { state.installed.removeAll { $0.product == product } }
    package func rejected() -> [RejectedRelease] { state.rejected }
    package func reject(_ release: RejectedRelease) {
        if !state.rejected.contains(release) { state.rejected.append(release) }
    }
    package func unreject(_ release: RejectedRelease) { state.rejected.removeAll { $0 == release } }
    package func locked() -> [ProductName] { state.locked }
    package func lock(_ product: ProductName) {
        if !state.locked.contains(product) { state.locked.append(product) }
    }
    package func unlock(_ product: ProductName) { state.locked.removeAll { $0 == product } }
    package func warnings() -> [ProductName] { state.warnings }
    package func setWarning(_ product: ProductName, _ on: Bool) {
        state.warnings.removeAll { $0 == product }
        if on { state.warnings.append(product) }
    }
    package func reportedFacts() -> ClientFacts? { state.facts }
    package func setReportedFacts(_ facts: ClientFacts?) { state.facts = facts }
}
