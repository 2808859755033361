internal import Model
internal import SQLite
internal import System

/// The hub's records for reading, over a read-only connection on a queue of its own: pages never wait for the core.
///
/// `@unchecked Sendable`: the store is touched on its queue only.
final class HubReader: @unchecked Sendable {
    private let queue = NamedQueue("hub.query")
    private let store: SQLiteHubStore
    private let failed: @Sendable (any Error) -> Void

    /// `failed` hears of every question that could not be answered.
    init(path: String, now: UnixTime, failed: @escaping @Sendable (any Error) -> Void) throws {
        store = try SQLiteHubStore(path: path, mode: .readOnly, now: now)
        self.failed = failed
    }

    /// Runs a question over one state of the store.
    func read<Value: Sendable>(_ body: @escaping @Sendable (SQLiteHubStore) throws -> Value) async throws -> Value {
        try await queue.run { [self] in
            do {
                return try store.transaction { try body(store) }
            } catch {
                failed(error)
                throw error
            }
        }
    }
}
