import Model
import System
import TLS
import Trust

/// The keys of a publisher in one folder: `NAME.pem`, the private half, readable by its owner only and encrypted when there is
/// a passphrase; beside it `NAME.pub`, the public half, to be given to whoever makes the catalog.
///
/// Keys that sign unattended (`timestamp`, `snapshot`) are never encrypted: their passphrase would have to lie beside them.
struct PublishKeys {
    /// Roles whose keys are made for a machine that is online.
    static let onlineRoles = ["timestamp", "snapshot"]

    private let folder: String
    private let passphrase: Passphrase
    /// Nothing is written.
    private let isDryRun: Bool

    init(_ folder: String, passphrase: Passphrase, isDryRun: Bool = false) {
        self.folder = folder
        self.passphrase = passphrase
        self.isDryRun = isDryRun
    }

    private func path(_ name: String, _ ending: String) -> String {
        Directory.join(folder, name + ending)
    }

    /// Makes a key and keeps both halves; refuses to replace one. Gives whether it was encrypted too.
    func make(_ name: String, _ kind: KeyKind, isOnline: Bool) throws -> (signer: PublishSigner, isEncrypted: Bool) {
        let path = path(name, ".pem")
        guard !File.exists(path) else {
            throw OperatorError(
                "there is a key at \(path) already", next: "Keys are never replaced; use another name or folder.")
        }
        let key = try PrivateKey.generate(kind)
        let secret = isOnline || isDryRun ? nil : try passphrase.fresh()
        if !isDryRun {
            try Directory.create(folder, mode: 0o700)
            try key.withPEM(passphrase: secret) { try AtomicFile.write(Array($0), to: path, mode: 0o600) }
            try AtomicFile.write(try key.publicKey.pem(), to: self.path(name, ".pub"))
        }
        return (try PublishSigner(key, name: name), secret != nil)
    }

    /// A name that no key here has: `timestamp`, then `timestamp-2` and so on.
    func freeName(_ role: String) throws -> String {
        for number in 1..<10_000 {
            let name = number == 1 ? role : "\(role)-\(number)"
            if !File.exists(path(name, ".pem")), !File.exists(path(name, ".pub")) { return name }
        }
        throw OperatorError("\(folder) has too many keys for \(role)")
    }

    /// The private key of that name if it is here.
    func signer(_ name: String) throws -> PublishSigner? {
        let path = path(name, ".pem")
        return File.exists(path) ? try read(path, name) : nil
    }

    /// The private keys of the folder that can make one of the wanted signatures. A key whose public half lies beside it is not
    /// opened in vain.
    func signers(for wanted: [MetadataKey]) throws -> [PublishSigner] {
        guard File.exists(folder) else { throw OperatorError("there is no folder of keys at \(folder)") }
        let names = try Directory.list(folder).sorted().filter { $0.hasSuffix(".pem") && !$0.hasPrefix(".") }
        return try names.compactMap { file in
            let name = String(file.dropLast(4))
            let half = path(name, ".pub")
            if File.exists(half) {
                let key = try Self.publicKey(half)
                guard wanted.contains(where: { $0.publicKey == key.publicKey }) else {
                    try Passphrase.checkPrivate(Directory.join(folder, file))
                    return nil
                }
            }
            return try read(Directory.join(folder, file), name)
        }
    }

    /// A public key from a file, named after the file.
    static func publicKey(_ file: String) throws -> MetadataKey {
        let last = file.split(separator: "/").last.map(String.init) ?? file
        let name = last.hasSuffix(".pub") ? String(last.dropLast(4)) : last
        guard Event.singleLine(name, limit: 128) == name, (1...128).contains(name.utf8.count) else {
            throw OperatorError("\(file): its name becomes the key's name and is no plain text")
        }
        do {
            return try PublishSigner.key(try PublicKey(pem: try File.read(file, limit: 1 << 16)), name: name)
        } catch let error as TLSError {
            throw OperatorError(
                "\(file) is no public key: \(error)",
                next: "Its holder makes one with 'axle publish key NAME --keys DIR' and gives you NAME.pub.")
        }
    }

    private func read(_ path: String, _ name: String) throws -> PublishSigner {
        try Passphrase.checkPrivate(path)
        let pem = try File.read(path, limit: 1 << 16)
        do {
            return try PublishSigner(try PrivateKey(pem: pem), name: name)
        } catch let error as TLSError {
            guard error.code == .wrongPassphrase else { throw OperatorError("\(path): \(error)") }
        }
        do {
            guard let secret = try passphrase.existing(for: path) else {
                throw OperatorError(
                    "\(path): the key is encrypted and there is no passphrase",
                    next: "Name the file that holds it with --passphrase-file, or run this at a terminal.")
            }
            return try PublishSigner(try PrivateKey(pem: pem, passphrase: secret), name: name)
        } catch let error as TLSError {
            guard error.code == .wrongPassphrase else { throw OperatorError("\(path): \(error)") }
            throw OperatorError(
                "\(path): the passphrase does not fit",
                next: "Name the file that holds the right one with --passphrase-file.")
        }
    }
}
