import System

/// Verifies signatures by public keys that are handed in as bytes, and keeps the keys decoded: decoding one costs twice
/// the verification.
///
/// Has the shape of the verifier that trust code asks for. Keeps at least the last `capacity` different keys and at most
/// twice as many (about 3 KiB each). Usable from many threads at once.
package final class KeptKeys: Sendable {
    private struct State {
        /// Keys used since the last change of generation, and those of the generation before.
        var young: [[UInt8]: PublicKey] = [:]
        var old: [[UInt8]: PublicKey] = [:]
    }

    private let capacity: Int
    private let state = NativeLock(State())

    package init(capacity: Int = 4096) {
        self.capacity = max(1, capacity)
    }

    /// Whether `signature` over `message` is by the private half of `publicKey`: 32 raw bytes for Ed25519, the DER of a
    /// SubjectPublicKeyInfo for the others. What cannot be read is not valid.
    package func isValid(
        _ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm, publicKey: [UInt8]
    ) -> Bool {
        // A key that cannot be read verifies nothing; why does not matter here.
        guard let key = try? key(publicKey, isRaw: algorithm == .ed25519) else { return false }
        return key.isValid(signature, of: message, by: algorithm)
    }

    /// The decoded key for `bytes`: 32 raw bytes of Ed25519 if `isRaw`, else the DER of a SubjectPublicKeyInfo.
    package func key(_ bytes: [UInt8], isRaw: Bool = false) throws(TLSError) -> PublicKey {
        if let kept = find(bytes) { return kept }
        // Outside the lock: two threads may decode the same key once each.
        let key = isRaw ? try PublicKey(ed25519: bytes) : try PublicKey(der: bytes)
        keep(key, bytes)
        return key
    }

    /// How many keys are kept now.
    package var count: Int { state.withLock { $0.young.count + $0.old.count } }

    private func find(_ bytes: [UInt8]) -> PublicKey? {
        let (found, isYoung) = state.withLock { state in
            if let key = state.young[bytes] { return (PublicKey?.some(key), true) }
            return (state.old.removeValue(forKey: bytes), false)
        }
        if let found, !isYoung { keep(found, bytes) }
        return found
    }

    private func keep(_ key: PublicKey, _ bytes: [UInt8]) {
        state.withLock { state in
            if state.young.count >= capacity {
                state.old = state.young
                state.young = [:]
            }
            state.young[bytes] = key
        }
    }
}
