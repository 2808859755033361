package import Model

/// The answer to a request that carried an idempotency key, to be given again.
package struct IdempotencyRecord: Hashable, Sendable {
    /// The client's key, at most 128 bytes.
    package var key: String
    /// SHA-256 of method, path and body: another request with the same key is refused.
    package var request: [UInt8]
    package var status: Int
    package var body: [UInt8]
    package var created: UnixTime

    package init(key: String, request: [UInt8], status: Int, body: [UInt8], created: UnixTime) {
        self.key = key
        self.request = request
        self.status = status
        self.body = body
        self.created = created
    }
}

/// Answers kept for repeated requests.
package protocol IdempotencyStore: AnyObject {
    func answer(for key: String) throws -> IdempotencyRecord?
    /// Keeps an answer, in the same transaction as what it answers; refuses a key that is there.
    func insertAnswer(_ answer: IdempotencyRecord) throws
    func removeAnswers(createdBefore time: UnixTime) throws
}
