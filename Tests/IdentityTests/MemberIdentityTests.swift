import Identity
import Model
import System
import TLS
import TestSupport
import Testing
import Trust

@Suite struct MemberIdentityTests {
    private func make(withReportKey: Bool) throws -> MemberIdentity {
        let fleet = try TestFleet()
        let member = MemberIdentity.Member(
            fleet: try FleetName("test"), role: .agent, id: try NodeID(TestFleet.agentID), name: try NodeName("mail-1"),
            upstream: "spoke.example:7441", upstreamID: try NodeID(TestFleet.spokeID))
        return MemberIdentity(
            member: member, tls: fleet.agent, anchors: fleet.anchors.anchors,
            hubOrderKey: try PrivateKey.generate(.p256).publicKey,
            reportKey: withReportKey ? try PrivateKey.generate(.p256) : nil)
    }

    @Test(arguments: [true, false]) func anIdentityComesBackAsItWasWritten(_ withReportKey: Bool) throws {
        let temporary = try TemporaryFolder()
        let written = try make(withReportKey: withReportKey)
        let folder = temporary.path + "/identity"
        try written.write(to: folder)
        let read = try MemberIdentity(folder: folder)
        #expect(read.member == written.member)
        #expect(read.tls.chain == written.tls.chain)
        #expect(read.anchors == written.anchors)
        #expect(read.hubOrderKey == written.hubOrderKey)
        #expect(read.reportKey?.publicKey == written.reportKey?.publicKey)
    }

    @Test func keysAreReadableByTheirOwnerOnly() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/identity"
        try make(withReportKey: true).write(to: folder)
        for name in ["key.pem", "report-key.pem"] {
            let status = try #require(try File.status(folder + "/" + name))
            #expect(status.mode & 0o777 == 0o600)
        }
    }

    @Test(arguments: ["member.json", "chain.pem", "key.pem", "anchors.pem", "hub-order-key.pem"])
    func aMissingOrDamagedFileIsRefused(_ name: String) throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/identity"
        try make(withReportKey: true).write(to: folder)
        try AtomicFile.write("damaged", to: folder + "/" + name)
        let error = #expect(throws: (any Error).self) { try MemberIdentity(folder: folder) }
        // A chain and its key are checked together.
        let named = name == "key.pem" ? "chain.pem" : name
        #expect("\(try #require(error))".hasPrefix("\(folder)/\(named) is damaged: "))
        try File.remove(folder + "/" + name)
        #expect(throws: (any Error).self) { try MemberIdentity(folder: folder) }
    }

    @Test(arguments: ["anchors.cose", "word.cose", "revocations.cose", "next.pem"])
    func aDamagedFileThatCameLaterIsNamedWithTheWayOut(_ name: String) throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/identity"
        try make(withReportKey: true).write(to: folder)
        try AtomicFile.write("damaged", to: folder + "/" + name)
        let error = #expect(throws: (any Error).self) { try IdentityKeeper(folder: folder) }
        let text = "\(try #require(error))"
        #expect(text.hasPrefix("\(folder)/\(name) is damaged: "))
        if name.hasSuffix(".cose") { #expect(text.hasSuffix("remove the file: the hub signs it anew")) }
        try File.remove(folder + "/" + name)
        _ = try IdentityKeeper(folder: folder)
    }

    @Test func aSignatureIsValidForItsMessageKeyAndSchemeOnly() throws {
        let verifier = OpenSSLVerifier()
        let key = try PrivateKey.generate(.p256)
        let other = try PrivateKey.generate(.p256)
        let signature = try key.sign([1, 2, 3], by: .es256)
        for _ in 1...2 {
            #expect(verifier.verify(.es256, publicKey: key.publicKey.der, message: [1, 2, 3], signature: signature))
            #expect(!verifier.verify(.es256, publicKey: key.publicKey.der, message: [1, 2], signature: signature))
            #expect(!verifier.verify(.es256, publicKey: other.publicKey.der, message: [1, 2, 3], signature: signature))
            #expect(
                !verifier.verify(.ecdsaP256, publicKey: key.publicKey.der, message: [1, 2, 3], signature: signature))
            #expect(!verifier.verify(.es256, publicKey: [0, 1], message: [1, 2, 3], signature: signature))
        }
    }
}
