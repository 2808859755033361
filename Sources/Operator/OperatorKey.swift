import Identity
import System
import TLS
import Trust

/// The key with which an operator signs rollouts: a P-256 key in a PEM file that only its owner can read. It never leaves this program.
struct OperatorKey {
    let signer: OpenSSLRecordSigner

    /// Reads the key; `passphraseFile` is for an encrypted one.
    init(_ path: String, passphraseFile: String?) throws {
        try Self.checkPrivate(path)
        let pem = try File.read(path, limit: 1 << 16)
        let passphrase = try passphraseFile.map(Self.passphrase)
        let key: PrivateKey
        do {
            key = try PrivateKey(pem: pem, passphrase: passphrase)
        } catch {
            guard error.code == .wrongPassphrase else { throw OperatorError("\(path): \(error)") }
            throw OperatorError(
                "\(path): the key is encrypted and the passphrase does not fit",
                next: "Name the file that holds the passphrase with --passphrase-file.")
        }
        guard key.kind == .p256 else {
            throw OperatorError("\(path) holds no P-256 key", next: "Make one with 'axle rollout key \(path)'.")
        }
        signer = OpenSSLRecordSigner(key)
    }

    /// Makes a new key; refuses to replace one. Gives the public half as PEM, which machines are given as one of their `operatorKeys`.
    static func make(_ path: String, passphraseFile: String?) throws -> [UInt8] {
        guard !File.exists(path) else {
            throw OperatorError(
                "there is a file at \(path) already", next: "Keys are never replaced; use another name.")
        }
        let passphrase = try passphraseFile.map(Self.passphrase)
        let key = try PrivateKey.generate(.p256)
        try key.withPEM(passphrase: passphrase) { try AtomicFile.write(Array($0), to: path, mode: 0o600) }
        return try key.publicKey.pem()
    }

    private static func passphrase(_ path: String) throws -> [UInt8] {
        try checkPrivate(path)
        var bytes = try File.read(path, limit: 4096)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw OperatorError("\(path) holds no passphrase") }
        return bytes
    }

    private static func checkPrivate(_ path: String) throws {
        guard let status = try File.status(path) else { throw OperatorError("there is no file \(path)") }
        guard status.mode & 0o077 == 0 else {
            throw OperatorError("others can read \(path)", next: "Run: chmod 600 \(path)")
        }
    }
}
