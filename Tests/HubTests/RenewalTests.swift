import Hub
import Identity
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing
import Trust

/// A member renews its certificate: what an honest one gets, and what everybody else does not.
@Suite struct RenewalTests {
    private func refusal(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as IdentityError {
            if case .refused(let why) = error { return why }
            return "\(error)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: StoreKind.allCases) func aCertificateIsRenewedWithAFreshKeyAndTheOldOneGoesWhenTheNewIsUsed(
        kind: StoreKind
    ) async throws {
        let world = try IdentityWorld(kind)
        let spoke = try await world.join(.spoke, "s1")
        let old = spoke.leaf
        world.time.advance(days: 46)
        #expect(try world.renew(spoke).hasNewCertificate)
        #expect(spoke.leaf != old && spoke.leaf.publicKeyInfo != old.publicKeyInfo)
        #expect(spoke.leaf.notAfter == world.time.seconds + 90 * 86_400)
        #expect(try world.store.certificates(of: spoke.id).count == 2)
        try world.use(spoke)
        try world.renew(spoke, certificate: false)
        #expect(try world.store.certificates(of: spoke.id).map(\.serial) == [spoke.leaf.serial])
        try spoke.restart()
        #expect(spoke.leaf.notAfter == world.time.seconds + 90 * 86_400)
        #expect(!File.exists(spoke.folder + "/key.pem") && !File.exists(spoke.folder + "/next.key"))
        #expect(try world.events(.certificateRenewed).count == 1)
    }

    @Test func aMemberComesBackFromAHubWhoseClockWasAheadByItselfAndAfterARestart() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        try world.renew(spoke, certificate: false)
        // The hub's clock is fifty days ahead for a while, the spoke's is right.
        world.hubAhead = 50 * 86_400
        try world.renew(spoke)
        #expect(spoke.clock.now >= world.now)
        try world.use(spoke)
        try world.renew(spoke, certificate: false)
        // It is right again: the fresh answer takes the time back, and the certificate is one to be replaced.
        world.hubAhead = 0
        try world.restartHub()
        try world.renew(spoke, certificate: false)
        #expect(abs(spoke.clock.now.seconds - world.time.seconds) < 10)
        let schedule = RenewalSchedule(
            begins: UnixTime(seconds: spoke.leaf.notBefore), ends: UnixTime(seconds: spoke.leaf.notAfter),
            isUnderIssuingRoot: true, share: 0)
        #expect(schedule.need(at: spoke.clock.now, word: spoke.clock.now, hasNews: false) == .certificate)
        try world.renew(spoke)
        try world.use(spoke)
        #expect(spoke.leaf.notAfter == world.time.seconds + 90 * 86_400)
        #expect(spoke.leaf.notBefore <= world.time.seconds)
        // Nothing of it is on the disk: another process begins with the right time.
        try spoke.restart()
        #expect(abs(spoke.clock.now.seconds - world.time.seconds) < 10)
        try world.renew(spoke, certificate: false)
    }

    @Test func aTimeCountsForTheHubWhenAMembersClockAgreesAndNotBefore() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        #expect(try world.store.setting(.clockFloor) == nil)
        spoke.time.skew(by: 3600)
        try world.renew(spoke, certificate: false)
        #expect(try world.store.setting(.clockFloor) == nil)
        spoke.time.skew(by: 0)
        try world.renew(spoke, certificate: false)
        #expect(try world.store.setting(.clockFloor) == "\(world.time.seconds)")
        #expect(world.effects.contains(.raiseClock(world.now)))
    }

    @Test func aClockThatIsYearsAheadRemovesNoRevocation() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let other = try await world.join(.spoke, "s2")
        try world.renew(spoke, certificate: false)
        try world.run(.members(.revokeSpoke(other.id)))
        world.time.advance(days: 3650)
        try world.send(.woke)
        #expect(try world.store.revocations().map(\.node) == [other.id])
    }

    @Test func aCutAtAnyMomentLeavesAnIdentityThatWorks() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        world.time.advance(days: 46)
        /// A new process finds the folder as it is: its identity is accepted, and it can renew.
        func check(_ moment: String) throws {
            try spoke.restart()
            let identity = spoke.keeper.identity
            #expect(try world.isAccepted(identity.tls, by: identity.anchors), "\(moment)")
            try world.renew(spoke, certificate: false)
        }
        let question = try spoke.keeper.ask(forCertificate: true, clock: spoke.clock)
        try check("the fresh key is on the disk")
        let answer = try world.ask(question.message)
        try check("the hub has issued, the answer is lost")
        // The same key is asked for again.
        let again = try spoke.keeper.ask(forCertificate: true, clock: spoke.clock)
        _ = try spoke.keeper.take(try world.ask(again.message), to: again, clock: spoke.clock)
        try check("the new certificate is on the disk")
        _ = answer
        // The session was opened, but the cut came between the change and the sweeping of the old files.
        let copy = try File.read(spoke.folder + "/key.pem", limit: 1 << 16)
        let fresh = try File.read(spoke.folder + "/next.key", limit: 1 << 16)
        try world.use(spoke)
        try AtomicFile.write(copy, to: spoke.folder + "/key.pem")
        try AtomicFile.write(fresh, to: spoke.folder + "/next.key")
        try check("the old files are still there")
        // The key in use is never taken for a fresh one.
        world.time.advance(days: 46)
        let before = spoke.leaf.publicKeyInfo
        try world.renew(spoke)
        #expect(spoke.leaf.publicKeyInfo != before)
    }

    @Test func anExpiredUnrevokedKeyRenewsUntilTheHorizonAndIsThenToldWhatToDo() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let late = try await world.join(.spoke, "s2")
        world.time.advance(days: 90 + 44)
        #expect(try !world.isAccepted(spoke.keeper.identity.tls, by: spoke.keeper.identity.anchors))
        try world.renew(spoke)
        #expect(try world.isAccepted(spoke.keeper.identity.tls, by: spoke.keeper.identity.anchors))
        world.time.advance(days: 2)
        let why = try #require(refusal { try world.renew(late) })
        #expect(why.contains("join again") && why.contains("axle token create --role spoke"))
        #expect(try world.events(.renewalRefused).count == 1)
    }

    @Test func aRevokedMemberRenewsNothing() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let link = try world.connect(spoke)
        let agent = try await world.join(.agent, "a1", through: link)
        try world.run(.members(.revokeClient(agent.id)))
        #expect(refusal { try world.renew(agent, through: link) }?.contains("revoked") == true)
        try world.run(.members(.revokeSpoke(spoke.id)))
        #expect(refusal { try world.renew(spoke) }?.contains("revoked") == true)
        #expect(try world.store.certificates(of: spoke.id).count == 1)
    }

    @Test func aSpokeThatRelaysCannotSwapTheKey() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let link = try world.connect(spoke)
        let agent = try await world.join(.agent, "a1", through: link)
        let thief = try PrivateKey.generate(.p256)
        /// The spoke's own request in the agent's name, signed by a key of its own.
        func forged(certificate: Certificate) throws -> Message {
            let request = try RenewalRequest(
                fleet: world.fleet, node: agent.id, nonce: Array(repeating: 1, count: 32), time: world.now, anchors: 1,
                certificate: certificate.der, csr: try CertificateRequest(key: thief).der)
            return .renew(Renew(node: agent.id, signed: try request.signed(by: OpenSSLRecordSigner(thief))))
        }
        for certificate in [agent.leaf, spoke.leaf] {
            guard case .error(let error) = try world.ask(try forged(certificate: certificate), through: link) else {
                Issue.record("a forged renewal was answered")
                continue
            }
            #expect(!error.code.isRetryable)
        }
        #expect(try world.events(.attackSeen).count == 2)
        // The agent's own request with one byte changed.
        let altered = refusal {
            try world.renew(
                agent, through: link,
                request: { message in
                    guard case .renew(var renew) = message else { return message }
                    renew.signed[renew.signed.count / 2] ^= 1
                    return .renew(renew)
                })
        }
        #expect(altered != nil)
        #expect(try world.store.certificates(of: agent.id).count == 1)
    }

    @Test func anAnswerThatTheHubDidNotSignOrThatIsOfBeforeIsNotBelieved() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        var kept: Message?
        try world.renew(
            spoke, certificate: false,
            answer: {
                kept = $0; return $0
            })
        let old = try #require(kept)
        world.time.advance(days: 5)
        #expect(refusal { try world.renew(spoke, answer: { _ in old }) }?.contains("another request") == true)
        let forged = refusal {
            try world.renew(
                spoke,
                answer: { message in
                    guard case .renewed(var renewed) = message else { return message }
                    renewed.signed[renewed.signed.count - 1] ^= 1
                    return .renewed(renewed)
                })
        }
        #expect(forged != nil)
        #expect(spoke.clock.now.seconds == world.time.seconds)
        #expect(spoke.leaf.notAfter == world.time.seconds - 5 * 86_400 + 90 * 86_400)
    }

    @Test func aSpokeRenewsNoAgentOfAnotherAndNoOtherSpoke() async throws {
        let world = try IdentityWorld()
        let one = try await world.join(.spoke, "s1")
        let two = try await world.join(.spoke, "s2")
        let (linkOne, linkTwo) = (try world.connect(one), try world.connect(two))
        let agent = try await world.join(.agent, "a1", through: linkOne)
        #expect(refusal { try world.renew(agent, through: linkTwo) }?.contains("its own spoke") == true)
        #expect(refusal { try world.renew(agent) } != nil)
        #expect(refusal { try world.renew(one, through: linkTwo) } != nil)
        try world.renew(agent, through: linkOne)
    }

    @Test func aKeyThatWasReplacedRenewsNothing() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let stolen = try IdentityWorld.Member(folder: try copy(of: spoke, in: world), time: world.time)
        world.time.advance(days: 46)
        try world.renew(spoke)
        try world.use(spoke)
        try world.renew(spoke, certificate: false)
        #expect(refusal { try world.renew(stolen) }?.contains("replaced") == true)
        #expect(try world.events(.attackSeen).count == 1)
    }

    @Test func aCertificateOfAnotherFleetsAuthorityRenewsNothing() async throws {
        let world = try IdentityWorld()
        let other = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        let stranger = try await other.join(.spoke, "s1")
        // The stranger in the name of ours: its authority has signed that name.
        let key = try PrivateKey.generate(.p256)
        let issued = try other.cryptography.issue(
            request: try CertificateRequest(key: key).der, identity: spoke.keeper.identity.peer,
            name: try NodeName("s1"), under: try #require(other.keys.authorities.first).pin, at: world.now)
        let request = try RenewalRequest(
            fleet: world.fleet, node: spoke.id, nonce: Array(repeating: 1, count: 32), time: world.now, anchors: 1,
            certificate: issued.chain[0], csr: nil)
        let message = Message.renew(
            Renew(node: spoke.id, signed: try request.signed(by: OpenSSLRecordSigner(key))))
        guard case .error(let error) = try world.ask(message) else {
            Issue.record("another authority's certificate was taken")
            return
        }
        #expect(error.text.contains("not of this fleet's authority"))
        #expect(refusal { try world.renew(stranger) } != nil)
    }

    @Test func aMemberHasFewCertificatesMadeInAnHour() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        var busy = false
        for _ in 0..<HubLimits.renewalsPerHour {
            do { try world.renew(spoke) } catch IdentityError.later { busy = true }
        }
        #expect(busy)
        world.time.advance(seconds: 3601)
        try world.renew(spoke)
    }

    /// A spoke may repeat what its agents signed, and a member may go on to show its oldest
    /// certificate.
    @Test(arguments: StoreKind.allCases) func aMemberThatNeverUsesANewCertificateHasFewOnRecord(
        kind: StoreKind
    ) async throws {
        let world = try IdentityWorld(kind)
        let spoke = try await world.join(.spoke, "s1")
        let first = spoke.leaf.serial
        var said: Message?
        try world.renew(
            spoke,
            request: { message in
                said = message
                return message
            })
        let message = try #require(said)
        for _ in 0..<HubLimits.certificates * 2 {
            world.time.advance(seconds: 1201)
            _ = try world.ask(message)
        }
        let kept = try world.store.certificates(of: spoke.id)
        #expect(kept.count == HubLimits.certificates)
        // What it shows is among them, and so is what it was given last.
        #expect(kept.contains { $0.serial == first })
        #expect(kept.map(\.issued).max() == world.now)
        // The member itself goes on with what it was given first.
        world.time.advance(seconds: 3601)
        try world.use(spoke)
        try world.renew(spoke)
        #expect(try world.isAccepted(spoke.keeper.identity.tls, by: spoke.keeper.identity.anchors))
    }

    @Test func aHubFromAnOlderBackupStillRenewsACertificateThatItHasForgotten() async throws {
        let world = try IdentityWorld()
        let spoke = try await world.join(.spoke, "s1")
        world.time.advance(days: 46)
        try world.renew(spoke)
        try world.use(spoke)
        // The backup knows neither the new certificate nor that the old one was replaced.
        let forgotten = try world.store.certificates(of: spoke.id).filter { $0.serial == spoke.leaf.serial }
        #expect(forgotten.count == 1)
        try world.store.removeCertificates(of: spoke.id, endingBefore: .distantFuture)
        try world.renew(spoke)
        #expect(try world.isAccepted(spoke.keeper.identity.tls, by: spoke.keeper.identity.anchors))
    }

    private func copy(of member: IdentityWorld.Member, in world: IdentityWorld) throws -> String {
        let folder = world.temporary.path("stolen")
        try Directory.create(folder, mode: 0o700)
        for name in try Directory.list(member.folder) {
            try AtomicFile.write(try File.read("\(member.folder)/\(name)", limit: 1 << 20), to: "\(folder)/\(name)")
        }
        return folder
    }
}
