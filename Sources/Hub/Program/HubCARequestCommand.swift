internal import System
internal import TLS

/// `axle-hub ca-request`: a key for an issuing authority, and the request that the operator's own PKI signs.
enum HubCARequestCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let (keyFile, requestFile) = (try invocation.required("key"), try invocation.required("out"))
        guard !File.exists(keyFile) else { throw UsageError("\(keyFile) is there already; no key is written over") }
        let key = try PrivateKey.generate(.p256)
        try key.withPEM { try AtomicFile.write([UInt8]($0), to: keyFile, mode: 0o600) }
        try AtomicFile.write(try CertificateRequest(key: key).pem(), to: requestFile)
        streams.line("made \(keyFile) and \(requestFile)")
        streams.message(
            "next: have \(requestFile) signed, then axle-hub init --ca CHAIN.pem --ca-key \(keyFile) --state DIR")
        return 0
    }
}
