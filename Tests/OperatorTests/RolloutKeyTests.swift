import System
import TLS
import TestSupport
import Testing

/// `axle rollout key`: the operator's key is made here, never replaced, and its private half never shown.
struct RolloutKeyTests {
    @Test func aKeyIsMadeOnceAndItsPublicHalfPrinted() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/operator.pem"
        let run = await axle(["rollout", "key", file])
        #expect(run.status == 0 && run.errors.contains("operatorKeys"))
        let printed = try PublicKey(pem: Array(run.output.utf8))
        let key = try PrivateKey(pem: try File.read(file, limit: 4096))
        #expect(printed.kind == .p256 && printed.der == key.publicKey.der)
        #expect(try File.status(file)?.mode == 0o600)
        let again = await axle(["rollout", "key", file])
        #expect(again.status == 1 && again.errors.contains("never replaced"))
        #expect(try PrivateKey(pem: try File.read(file, limit: 4096)).publicKey.der == key.publicKey.der)
    }

    @Test func withAPassphraseItIsEncrypted() async throws {
        let folder = try TemporaryFolder()
        let (file, secret) = (folder.path + "/operator.pem", folder.path + "/passphrase")
        try AtomicFile.write("correct horse\n", to: secret, mode: 0o600)
        #expect(await axle(["rollout", "key", file, "--passphrase-file", secret]).status == 0)
        let pem = try File.read(file, limit: 4096)
        #expect(String(decoding: pem, as: UTF8.self).contains("ENCRYPTED"))
        #expect(throws: TLSError.self) { try PrivateKey(pem: pem) }
        #expect(try PrivateKey(pem: pem, passphrase: Array("correct horse".utf8)).kind == .p256)
    }
}
