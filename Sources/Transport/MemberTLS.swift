package import Identity
internal import System
package import TLS

/// The TLS contexts of a member whose identity changes while it runs: made anew when it has, kept otherwise, since a new context costs all
/// its tickets. Safe from any thread.
package final class MemberTLS: Sendable {
    private struct State {
        var dialler: (version: UInt64, context: TLSContext)?
        var listener: (version: UInt64, context: TLSContext)?
    }

    private let keeper: IdentityKeeper
    private let state = NativeLock(State())

    package init(_ keeper: IdentityKeeper) {
        self.keeper = keeper
    }

    /// For an attempt at a session that begins now.
    package func dialler() throws -> TLSContext {
        let version = keeper.version
        let identity = keeper.dialling()
        if let known = state.withLock({ $0.dialler }), known.version == version { return known.context }
        let context = try SessionTLS.dialler(identity: identity.tls, anchors: try TrustStore(identity.anchors))
        state.withLock { $0.dialler = (version, context) }
        return context
    }

    /// For a connection that a listener has accepted. An identity that cannot be used leaves the one before.
    package func listener() throws -> TLSContext {
        let version = keeper.version
        let known = state.withLock { $0.listener }
        if let known, known.version == version { return known.context }
        let identity = keeper.identity
        do {
            let context = try SessionTLS.listener(
                identity: identity.tls, anchors: try TrustStore(identity.anchors), takesJoins: true)
            state.withLock { $0.listener = (version, context) }
            return context
        } catch {
            guard let known else { throw error }
            return known.context
        }
    }
}
