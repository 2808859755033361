import Hub
import Model
import Protocol
import Rollout
import Testing
import Trust

@Suite struct HubJoiningTests {
    private func code(_ message: Message?) -> RequestErrorCode? {
        if case .error(let error) = message { return error.code }
        return nil
    }

    @Test(arguments: StoreKind.allCases) func aTokenLetsOneSpokeInAndIsUsedUp(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let token = try world.token(.spoke)
        let spoke = try world.id(world.join(token, .spoke, "north"))
        #expect(try world.store.spoke(spoke)?.name.text == "north")
        #expect(try world.store.certificates(of: spoke).count == 1)
        #expect(try world.events(.spokeJoined).count == 1)
        #expect(code(try world.join(token, .spoke, "south")) == .refused)
        #expect(try world.store.spokes().count == 1)
        #expect(try world.store.token(token.id)?.secret == [])
    }

    @Test func aTokenRacedFiftyWaysLetsAsManyInAsItHasUses() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke, uses: 3)
        var nonces: [[UInt8]] = []
        for _ in 0..<50 {
            guard case .joinChallenge(let challenge) = try world.joinAsk(.joinBegin(JoinBegin(token: token.id)), nil)
            else { continue }
            nonces.append(challenge.nonce)
        }
        #expect(Set(nonces).count == 50)
        var joined = 0
        for (number, nonce) in nonces.enumerated() {
            let body = JoinRequestBody(csr: [7], name: try name("s\(number)"), reportKey: nil, role: .spoke).encoded()
            let proof = try JoinProof.request(secret: token.secret, nonce: nonce, body: body, FakeCryptography())
            let request = JoinRequest(token: token.id, nonce: nonce, body: body, proof: proof)
            if case .joinAnswer = try world.joinAsk(.joinRequest(request), nil) { joined += 1 }
        }
        #expect(joined == 3)
        #expect(try world.store.spokes().count == 3)
    }

    @Test func aReplayedOrLateRequestIsRefused() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke, uses: 5)
        var seen: JoinRequest?
        _ = try world.join(token, .spoke, "a") { seen = $0 }
        #expect(code(try world.joinAsk(.joinRequest(try #require(seen)), nil)) == .expired)
        guard case .joinChallenge(let challenge) = try world.joinAsk(.joinBegin(JoinBegin(token: token.id)), nil) else {
            Issue.record("no challenge")
            return
        }
        world.now = at(61)
        var late = try #require(seen)
        late.nonce = challenge.nonce
        #expect(code(try world.joinAsk(.joinRequest(late), nil)) == .expired)
        #expect(try world.store.spokes().count == 1)
    }

    @Test func whoDoesNotKnowTheSecretLearnsNothingAndUsesNothingUp() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke)
        let wrong = try world.join(token, .spoke, "a", secret: [UInt8](repeating: 1, count: 32))
        let unknown = try world.join(
            JoinToken(id: TokenID(high: 1, low: 1), secret: token.secret, pin: token.pin), .spoke, "a")
        #expect(code(wrong) == .refused && wrong == unknown)
        #expect(try world.store.token(token.id)?.usesLeft == 1)
        #expect(try world.events(.joinRefused).count == 2)
    }

    @Test func aRequestAlteredOnItsWayIsRefused() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let token = try world.token(.agent)
        let mine = JoinRequestBody(csr: [66], name: try name("evil"), reportKey: [6], role: .agent).encoded()
        #expect(code(try world.join(token, .agent, "a", through: link) { $0.body = mine }) == .refused)
        #expect(try world.store.clients().isEmpty)
        _ = try world.id(world.join(token, .agent, "a", through: link))
    }

    @Test func anExpiredTokenIsRefused() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke, life: .seconds(10))
        world.now = at(10)
        #expect(code(try world.join(token, .spoke, "a")) == .expired)
    }

    @Test func aTokenIsGoodForItsRoleAndSpokeOnly() throws {
        let world = try HubWorld()
        let one = try world.addSpoke("s1")
        let two = try world.addSpoke("s2")
        let (linkOne, linkTwo) = (try world.connect(one), try world.connect(two))
        #expect(code(try world.join(try world.token(.spoke), .agent, "a", through: linkOne)) == .refused)
        #expect(code(try world.join(try world.token(.agent), .spoke, "s3")) == .refused)
        #expect(code(try world.join(try world.token(.agent), .agent, "a")) == .refused)
        #expect(code(try world.join(try world.token(.spoke), .spoke, "s3", through: linkOne)) == .refused)
        let bound = try world.token(.agent, spoke: one)
        #expect(code(try world.join(bound, .agent, "a", through: linkTwo)) == .refused)
        let agent = try world.id(world.join(bound, .agent, "a", through: linkOne))
        #expect(try world.store.client(agent)?.spoke == one)
    }

    @Test func aBadCertificateRequestUsesNothingUp() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke)
        #expect(code(try world.join(token, .spoke, "a", csr: [0])) == .invalid)
        _ = try world.id(world.join(token, .spoke, "a"))
    }

    @Test func aMachineThatJoinsAgainGetsANameOfItsOwn() throws {
        let world = try HubWorld()
        for _ in 0..<3 { _ = try world.addSpoke("north") }
        #expect(try world.store.spokes().map(\.name.text) == ["north", "north-2", "north-3"])
        let long = String(repeating: "x", count: 64)
        for _ in 0..<2 { _ = try world.addSpoke(long) }
        #expect(try world.store.spokes().count == 5)
    }

    @Test func refusedJoinsCannotFloodTheLog() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke)
        for _ in 0..<100 { _ = try world.join(token, .spoke, "a", secret: [1]) }
        #expect(try world.events(.joinRefused).count == HubLimits.joinerLines.burst)
        world.now = at(61)
        _ = try world.join(token, .spoke, "a", secret: [1])
        #expect(try world.events(.joinRefused).count == HubLimits.joinerLines.burst + 1)
    }

    @Test func nobodyCanUseUpTheNoncesOfOthers() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        let token = try world.token(.agent)
        for number in 0..<5000 {
            let begin = Message.joinBegin(JoinBegin(token: TokenID(high: 1, low: UInt64(number))))
            for through in [nil, link] {
                guard case .joinChallenge = try world.joinAsk(begin, through) else {
                    Issue.record("attempt \(number) of a stranger got no nonce")
                    return
                }
            }
            world.effects = []
        }
        _ = try world.id(world.join(token, .agent, "a", through: link))
        _ = try world.id(world.join(try world.token(.spoke), .spoke, "s2"))
    }

    @Test func aNonceIsForItsTokenAndItsWayOnly() throws {
        let world = try HubWorld()
        let one = try world.connect(try world.addSpoke("s1"))
        let two = try world.connect(try world.addSpoke("s2"))
        let (token, other) = (try world.token(.agent, uses: 9), try world.token(.agent, uses: 9))
        func nonce(_ token: JoinToken, _ link: LinkID?) throws -> [UInt8] {
            guard case .joinChallenge(let challenge) = try world.joinAsk(.joinBegin(JoinBegin(token: token.id)), link)
            else { throw FakeCryptography.Broken() }
            return challenge.nonce
        }
        func ask(_ nonce: [UInt8], _ link: LinkID?) throws -> Message? {
            let body = JoinRequestBody(csr: [7], name: try name("a"), reportKey: [6], role: .agent).encoded()
            let proof = try JoinProof.request(secret: token.secret, nonce: nonce, body: body, FakeCryptography())
            return try world.joinAsk(
                .joinRequest(JoinRequest(token: token.id, nonce: nonce, body: body, proof: proof)), link)
        }
        let good = try nonce(token, one)
        let strange: [([UInt8], LinkID?)] = [
            (good, two), (good, nil), (try nonce(other, one), one), (try nonce(token, nil), one),
            ([UInt8](repeating: 0, count: 32), one),
        ]
        for (nonce, link) in strange { #expect(code(try ask(nonce, link)) == .expired) }
        for index in good.indices {
            var changed = good
            changed[index] ^= 1
            #expect(code(try ask(changed, one)) == .expired, "byte \(index)")
        }
        #expect(try world.store.clients().isEmpty)
        guard case .joinAnswer = try ask(good, one) else {
            Issue.record("the nonce itself is refused")
            return
        }
        // A relay that repeats it within its life gets nothing and uses nothing up.
        world.now = at(59)
        #expect(code(try ask(good, one)) == .expired)
        #expect(try world.store.token(token.id)?.usesLeft == 8)
        // Nor does a hub that was started again know it.
        try world.restart()
        #expect(code(try ask(good, try world.connect(try #require(world.store.spokes().first).id))) == .expired)
    }

    @Test func aUsedNonceIsRefusedForAllOfItsLifeHoweverManyJoinInBetween() throws {
        let world = try HubWorld()
        let token = try world.token(.spoke, uses: 200)
        var seen: [JoinRequest] = []
        for second in 0..<130 {
            world.now = at(Int64(second))
            _ = try world.id(world.join(token, .spoke, "s") { seen.append($0) })
            for request in seen.suffix(70) {
                #expect(code(try world.joinAsk(.joinRequest(request), nil)) == .expired)
            }
            world.effects = []
        }
        #expect(try world.store.spokes().count == 130)
    }

    @Test(arguments: [1, 40_000, 48_000, 49_152, 60_000, 65_536, 512_000])
    func aJoinSucceedsWhateverTheLengthOfThePinnedRoot(length: Int) throws {
        let world = try HubWorld()
        let root = [UInt8](repeating: 0x20, count: length)
        try world.run(.catalog(.set(url: "https://vendor.example/", root: root)))
        let joined = try world.join(try world.token(.spoke), .spoke, "a")
        guard case .joinAnswer(let answer)? = joined else {
            Issue.record("no answer: \(String(describing: joined))")
            return
        }
        #expect(answer.body.count <= ProtocolLimits.signedLength)
        let body = try JoinAnswerBody(decoding: answer.body)
        #expect(body.catalogRoot == (length < 48_500 ? root : nil))
    }

    @Test func aRevokedSpokeIsCutOffAndNamedInASignedList() throws {
        let world = try HubWorld()
        let one = try world.addSpoke("s1")
        let two = try world.addSpoke("s2")
        let linkOne = try world.connect(one)
        let linkTwo = try world.connect(two)
        world.answers = false
        world.effects = []
        try world.run(.members(.revokeSpoke(one)))
        #expect(world.effects.contains(.link(.close(linkOne, .refused, "this spoke has been revoked"))))
        let lists = world.requests().compactMap { link, _, message -> [UInt8]? in
            if link == linkTwo, case .revocations(let list) = message { return list.signed }
            return nil
        }
        let list = try RevocationList.open(
            try #require(lists.first), keys: [FakeCryptography().orderKey], verifier: FakeCryptography.Verifier())
        // The first list, of nobody, was signed when the hub began.
        #expect(list.number == 2 && list.nodes == [one])
        world.effects = []
        let again = try world.connect(one)
        #expect(world.effects.contains { if case .link(.close(again, .refused, _)) = $0 { true } else { false } })
        try world.run(.members(.revokeSpoke(one)))
        #expect(try world.store.setting(.revocationNumber) == "2")
    }

    @Test func aPeerOfAnotherFleetOrRoleIsNotServed() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let hello = Hello(time: world.now, role: .spoke, program: "1")
        for peer in [
            PeerIdentity(fleet: try FleetName("other"), role: .spoke, id: spoke),
            PeerIdentity(fleet: world.fleet, role: .agent, id: spoke),
            PeerIdentity(fleet: world.fleet, role: .spoke, id: node(77)),
        ] {
            world.effects = []
            try world.send(.link(.opened(LinkID(5000), peer, hello)))
            #expect(
                world.effects.contains { if case .link(.close(LinkID(5000), .refused, _)) = $0 { true } else { false } }
            )
        }
    }

    @Test func commandsWithBadValuesAreRefusedAndChangeNothing() throws {
        let world = try HubWorld()
        let before = try world.store.lastEvent()
        let commands: [HubCommand] = [
            .members(.createToken(role: .hub, spoke: nil, uses: 1, life: .seconds(60))),
            .members(.createToken(role: .spoke, spoke: nil, uses: 0, life: .seconds(60))),
            .members(.createToken(role: .spoke, spoke: nil, uses: 1, life: .seconds(0))),
            .members(.createToken(role: .spoke, spoke: nil, uses: 1, life: .seconds(86_400 * 31))),
            .members(.createToken(role: .agent, spoke: node(9), uses: 1, life: .seconds(60))),
            .members(.revokeSpoke(node(9))), .members(.revokeClient(node(9))), .members(.labelClient(node(9), [:])),
            .pools(.setQuota(node: node(9), pool: world.pool, ByteCount(1))),
            .catalog(.set(url: "file:///etc", root: [1])),
            .catalog(.set(url: "https://a\nb/", root: [1])), .catalog(.set(url: "https://a/", root: [])),
            .catalog(.refresh),
            .catalog(.importPackage(try samplePackage().path)), .rollouts(.create(try sampleSpecification())),
            .rollouts(.start(RolloutID(high: 1, low: 1))), .rollouts(.stop(RolloutID(high: 1, low: 1))),
            .rollouts(.settleAction(ActionID(high: 1, low: 1))),
        ]
        for command in commands {
            #expect(throws: HubRefusal.self, "\(command)") { try world.run(command) }
        }
        #expect(try world.store.lastEvent() == before)
    }
}
