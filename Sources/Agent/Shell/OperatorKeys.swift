internal import Settings
internal import System
internal import TLS
internal import Trust

/// The public keys of operators that the machine's owner has named.
enum OperatorKeys {
    /// The named files that cannot be used, each with the reason.
    static func unusable(_ configuration: AgentConfiguration) -> [SettingsError] {
        configuration.operatorKeys.enumerated().compactMap { index, path in
            do throws(AgentError) {
                _ = try key(path)
                return nil
            } catch {
                return SettingsError("operatorKeys[\(index)]", error.message)
            }
        }
    }

    /// What the configuration asks for; throws `configInvalid` for a file that holds no public
    /// P-256 key.
    static func policy(_ configuration: AgentConfiguration) throws(AgentError) -> OperatorPolicy {
        OperatorPolicy(
            keys: try configuration.operatorKeys.map { path throws(AgentError) in try key(path) },
            isRequired: configuration.requireOperatorSignature)
    }

    private static func key(_ path: String) throws(AgentError) -> [UInt8] {
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
}
