package import Trust

/// The keys and hashes of an agent, handed to its core; the simulation hands in others.
///
/// Synchronous and without IO.
package struct AgentCryptography: Sendable {
    let verifier: any SignatureVerifier
    let digester: any Digester
    /// Signs reports.
    let signer: any RecordSigner & Sendable

    package init(verifier: any SignatureVerifier, digester: any Digester, signer: any RecordSigner & Sendable) {
        self.verifier = verifier
        self.digester = digester
        self.signer = signer
    }
}
