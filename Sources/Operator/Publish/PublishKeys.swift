import Identity
import System
import TLS
import Trust

/// The private keys of a publisher: PEM files of one folder, `ROLE.pem`, readable by their owner only.
///
/// With a passphrase file the keys are encrypted; that file is the operator's own secret to keep.
struct PublishKeys {
    private let folder: String
    private let passphrase: [UInt8]?

    init(_ folder: String, passphraseFile: String?) throws {
        self.folder = folder
        guard let passphraseFile else {
            passphrase = nil
            return
        }
        try Self.checkPrivate(passphraseFile)
        var bytes = try File.read(passphraseFile, limit: 4096)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { throw OperatorError("\(passphraseFile) holds no passphrase") }
        passphrase = bytes
    }

    /// Makes a new Ed25519 key for a role and keeps it; refuses to replace one.
    func make(_ role: String) throws -> PublishSigner {
        let path = Directory.join(folder, role + ".pem")
        guard !File.exists(path) else {
            throw OperatorError(
                "there is a key at \(path) already", next: "Keys are never replaced; use another folder.")
        }
        let key = try PrivateKey.generate(.ed25519)
        try Directory.create(folder, mode: 0o700)
        try key.withPEM(passphrase: passphrase) { try AtomicFile.write(Array($0), to: path, mode: 0o600) }
        return try PublishSigner(key)
    }

    /// The key of a role if it is here.
    func signer(_ role: String) throws -> PublishSigner? {
        let path = Directory.join(folder, role + ".pem")
        return File.exists(path) ? try read(path) : nil
    }

    /// Every key of the folder.
    func signers() throws -> [PublishSigner] {
        guard File.exists(folder) else { throw OperatorError("there is no folder of keys at \(folder)") }
        return try Directory.list(folder).sorted().filter { $0.hasSuffix(".pem") && !$0.hasPrefix(".") }
            .map { try read(Directory.join(folder, $0)) }
    }

    private func read(_ path: String) throws -> PublishSigner {
        try Self.checkPrivate(path)
        let pem = try File.read(path, limit: 1 << 16)
        let key: PrivateKey
        do {
            key = try PrivateKey(pem: pem, passphrase: passphrase)
        } catch {
            guard error.code == .wrongPassphrase else { throw OperatorError("\(path): \(error)") }
            throw OperatorError(
                "\(path): the key is encrypted and the passphrase does not fit",
                next: "Name the file that holds the passphrase with --passphrase-file.")
        }
        return try PublishSigner(key)
    }

    private static func checkPrivate(_ path: String) throws {
        guard let status = try File.status(path) else { throw OperatorError("there is no file \(path)") }
        guard status.mode & 0o077 == 0 else {
            throw OperatorError("others can read \(path)", next: "Run: chmod 600 \(path)")
        }
    }
}

/// Signs metadata with a private key of this process.
struct PublishSigner: MetadataSigner {
    let key: MetadataKey
    private let privateKey: PrivateKey

    init(_ privateKey: PrivateKey) throws {
        self.privateKey = privateKey
        let digester = OpenSSLDigester()
        let publicKey = privateKey.publicKey
        let made: MetadataKey?
        if let raw = publicKey.ed25519Bytes {
            made = .ed25519(raw, digester: digester)
        } else {
            let pem = String(decoding: try publicKey.pem(), as: UTF8.self)
            made =
                publicKey.kind == .p256 ? .ecdsaP256(pem: pem, digester: digester) : .rsa(pem: pem, digester: digester)
        }
        guard let made else { throw OperatorError("the key cannot sign metadata") }
        key = made
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        switch privateKey.kind {
        case .ed25519: try privateKey.sign(message, by: .ed25519)
        case .p256: try privateKey.sign(message, by: .ecdsaP256DER)
        case .rsa: try privateKey.sign(message, by: .rsaPSSSHA256)
        }
    }
}
