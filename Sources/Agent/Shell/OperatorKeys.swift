internal import System
internal import TLS
internal import Trust

/// The public keys of operators that the machine's owner has named.
enum OperatorKeys {
    /// What the configuration asks for; throws `configInvalid` for a file that holds no public P-256 key.
    static func policy(_ configuration: AgentConfiguration) throws -> OperatorPolicy {
        let keys = try configuration.operatorKeys.map { path in
            do {
                let key = try PublicKey(pem: File.read(path, limit: 1 << 14))
                guard key.kind == .p256 else {
                    throw AgentError(.configInvalid, "\(path) holds no P-256 key; make one with axle rollout key")
                }
                return key.der
            } catch let error as AgentError {
                throw error
            } catch {
                throw AgentError(.configInvalid, "operatorKeys: \(path): \(error)")
            }
        }
        return OperatorPolicy(keys: keys, isRequired: configuration.requireOperatorSignature)
    }
}
