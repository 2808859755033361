internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// What people do in every run, and when faults begin and end.
extension Fleet {
    private static let faultsBegin: Duration = .seconds(120)
    private static let firstRollout: Duration = .seconds(300)
    private static let interim: Duration = .seconds(800)
    private static let secondRollout: Duration = .seconds(1_200)
    /// From then on an operator has everything pruned again and again that may go.
    private static let pruning: Duration = .seconds(600)
    private static let windowStart: Duration = .seconds(2_700)
    private static let windowEnd: Duration = .seconds(9_000)
    private static let faultsEnd: Duration = .seconds(3_600)
    /// By then all must be well.
    private static let deadline: Duration = .seconds(10_800)

    func book() {
        hub.start()
        network.latencies = 1...max(2, plan.latency)
        setUpMachines()
        operate(.zero) { [self] in
            try hub.execute(.catalog(.set(url: "https://vendor.example/", root: vendor.firstRoot))) != nil && join()
        }
        after(Self.faultsBegin) { [self] in
            faults.areOn = true
            network.cutPermille = plan.cutPermille
            bookPartitions()
        }
        operate(Self.firstRollout) { [self] in try create("first", "1.0", .anyTime, waves: [.init()]) }
        if plan.hasInterim { after(Self.interim) { [self] in publish("1.5", counter: 15) } }
        after(Self.secondRollout) { [self] in
            publish("2.0", counter: 20, restart: plan.restartsMachines ? .machine : .service)
        }
        operate(Self.secondRollout + .seconds(5)) { [self] in try createSecond() }
        if plan.spokeQuota < FaultPlan.raisedQuota {
            operate(.seconds(1_900)) { [self] in
                for spoke in spokes where spoke.hasJoined {
                    let command = HubCommand.pools(
                        .setQuota(
                            node: spoke.identity.id, pool: try NodeName("main"), FaultPlan.raisedQuota))
                    guard try hub.execute(command) != nil else { return false }
                }
                return true
            }
        }
        operate(Self.pruning) { [self] in try hub.execute(.pools(.setRetention(1))) != nil }
        every(.seconds(300)) { [self] in if scheduler.uptime > Self.pruning { pruneAll() } }
        for number in 0..<plan.revocations {
            operate(.seconds(2_100 + 240 * number)) { [self] in try revokeOne() }
        }
        every(.seconds(60)) { [self] in resumePaused() }
        after(Self.faultsEnd) { [self] in calm() }
        every(.seconds(30)) { [self] in
            checks.lookForRevoked()
            guard calmSince != nil else { return }
            if scheduler.uptime >= Self.deadline || isSettled { isOver = true }
        }
    }

    private func publish(_ release: String, counter: UInt64, restart: RestartNeed = .none) {
        do {
            try vendor.add(release, counter: counter, restart: restart)
            try vendor.publish(at: now)
        } catch {
            breach(.cleanStoreFailure, "the vendor cannot publish: \(error)")
        }
        operate(.zero) { [self] in try hub.execute(.catalog(.refresh)) != nil }
    }

    private func after(_ time: Duration, _ body: @escaping () -> Void) { scheduler.at(Scheduler.start + time, body) }

    private func every(_ interval: Duration, _ body: @escaping () -> Void) {
        scheduler.after(interval) { [unowned self] in
            body()
            every(interval, body)
        }
    }

    /// Does something for an operator, who tries again until the hub has answered it.
    private func operate(_ time: Duration, _ body: @escaping () throws -> Bool) {
        after(time) { [unowned self] in
            do {
                guard try !body(), scheduler.uptime < Self.deadline else { return }
                operate(scheduler.uptime + .seconds(10), body)
            } catch {
                breach(.cleanStoreFailure, "an operator's command threw: \(error)")
            }
        }
    }

    /// A person accepts the failures of each rollout that pauses.
    private func resumePaused() {
        do {
            for rollout in try hub.store.rollouts(in: [.paused]) {
                // The checks look while the command is carried out.
                resumed.insert(rollout.id)
                guard try hub.execute(.rollouts(.resume(rollout.id))) != nil else {
                    resumed.remove(rollout.id)
                    continue
                }
                note("operator", "resumed rollout \(rollout.specification.name)")
            }
        } catch {
            breach(.cleanStoreFailure, "resuming threw: \(error)")
        }
    }

    private func pruneAll() {
        do {
            let name = try NodeName("main")
            for node in [hub.identity.id] + spokes.filter(\.hasJoined).map(\.identity.id) {
                // A hub that is away does it the next time.
                _ = try hub.execute(.pools(.prune(node: node, pool: name)))
            }
        } catch {
            breach(.cleanStoreFailure, "an operator's command threw: \(error)")
        }
    }

    private func setUpMachines() {
        for agent in agents {
            var random = SimulationRandom.fork(configuration.seed, "machine \(agent.name)")
            agent.skew = random.milliseconds(-plan.skew...plan.skew)
        }
        let release = try? ReleaseName("2.0")  // a good name
        for agent in agents.suffix(plan.sick) { agent.machine.failing = Set([release].compactMap { $0 }) }
    }

    // MARK: Rollouts

    private func create(
        _ name: String, _ release: String, _ window: WindowRule, waves: [WaveShape]
    ) throws -> Bool {
        let specification = RolloutSpecification(
            name: name, product: vendor.product, release: try ReleaseName(release), target: .init(all: true),
            start: now,
            window: window, leadMinutes: 10, waves: waves)
        // Nobody plans before the machines have reported.
        let isEnough = try hub.store.allFacts().count * 10 >= agents.count * 8 || scheduler.uptime > Self.windowStart
        guard isEnough else { return false }
        let answer = try hub.execute(.rollouts(.create(specification)))
        if case .rollout(let rollout) = answer { note("operator", "made rollout \(name): \(rollout.state)") }
        return answer != nil
    }

    private func createSecond() throws -> Bool {
        let window = try TimeSpan(start: Scheduler.start + Self.windowStart, end: Scheduler.start + Self.windowEnd)
        let canary = WaveShape(size: .count(3), soakSeconds: 60)
        guard try create("second", "2.0", .span(window), waves: plan.hasCanary ? [canary, .init()] : [.init()]) else {
            return false
        }
        guard plan.stops else { return true }
        let id = try hub.store.rollouts(after: 0, limit: .max).last?.id
        let earliest = max(scheduler.uptime.wholeMilliseconds + 1, 1_800_000)
        let time = random.milliseconds(earliest...(earliest + 1_200_000))
        operate(time) { [self] in
            guard let id else { return true }
            if try hub.store.rollout(id)?.state.isFinal == true { return true }
            // A repeated stop has one effect.
            return try hub.execute(.rollouts(.stop(id))) != nil && hub.execute(.rollouts(.stop(id))) != nil
        }
        return true
    }

    private func revokeOne() throws -> Bool {
        let victim = agents.last {
            $0.hasJoined && !isRevoked($0.identity.id) && $0.machine.mayInstall && $0.machine.failing.isEmpty
        }
        guard let victim
        else {
            return true
        }
        guard try hub.execute(.members(.revokeClient(victim.identity.id))) != nil else { return false }
        revoked.insert(victim.identity.id)
        note("operator", "revoked \(victim.name)")
        return true
    }

    // MARK: Faults

    private func bookPartitions() {
        for _ in 0..<plan.partitions {
            let names = spokes.map(\.name) + agents.map(\.name)
            let name = names[random.integer(0...(random.chance(500) ? spokes.count - 1 : names.count - 1))]
            let start = random.milliseconds(200_000...3_000_000)
            let length = random.milliseconds(30_000...1_500_000)
            after(start) { [self] in
                guard calmSince == nil else { return }
                note("network", "partitions \(name)")
                network.partition(name)
            }
            after(start + length) { [self] in
                note("network", "reconnects \(name)")
                network.reconnect(name)
            }
        }
    }

    /// From now on nothing goes wrong any more.
    private func calm() {
        note("faults", "stop")
        faults.areOn = false
        network.cutPermille = 0
        network.latencies = 1...20
        network.reconnectAll()
        calmSince = now
    }

    // MARK: Joining

    /// Brings spokes and agents into the fleet with tokens; each tries until it is in.
    private func join() throws -> Bool {
        guard
            case .token(_, let spokeToken)? = try hub.execute(
                .members(.createToken(role: .spoke, spoke: nil, uses: 100, life: .seconds(86_400)))),
            case .token(_, let agentToken)? = try hub.execute(
                .members(.createToken(role: .agent, spoke: nil, uses: 10_000, life: .seconds(86_400))))
        else { return false }
        let (forSpokes, forAgents) = (try JoinToken(spokeToken), try JoinToken(agentToken))
        for spoke in spokes { try join(spoke, forSpokes) }
        for (index, agent) in agents.enumerated() { try join(agent, index, forAgents) }
        if let hostile { try join(hostile, forAgents) }
        return true
    }

    private func join(_ spoke: SpokeNode, _ token: JoinToken) throws {
        let body = JoinRequestBody(csr: [1], name: try NodeName(spoke.name), reportKey: nil, role: .spoke)
        spoke.upstream = { [unowned self] in hub }
        attempt(body, token, isDone: { spoke.hasJoined }, ask: { [unowned self] in hub.join($0, $1) }) {
            [unowned self] answer in
            spoke.join(PeerIdentity(fleet: fleetName, role: .spoke, id: answer.id))
        }
    }

    private func join(_ agent: AgentNode, _ index: Int, _ token: JoinToken) throws {
        let body = JoinRequestBody(csr: [1], name: try NodeName(agent.name), reportKey: agent.reportKey, role: .agent)
        let spoke = spoke(ofAgent: index)
        agent.upstream = { spoke }
        attempt(body, token, isDone: { agent.hasJoined }, ask: { spoke.join($0, $1) }) { [unowned self] answer in
            agent.join(
                PeerIdentity(fleet: fleetName, role: .agent, id: answer.id), catalogRoot: answer.catalogRoot ?? [])
        }
    }

    private func join(_ hostile: HostileAgent, _ token: JoinToken) throws {
        let body = JoinRequestBody(
            csr: [1], name: try NodeName(hostile.name), reportKey: hostile.reportKey, role: .agent)
        let spoke = spoke(ofAgent: 0)
        hostile.upstream = { spoke }
        attempt(body, token, isDone: { hostile.hasJoined }, ask: { spoke.join($0, $1) }) { [unowned self] answer in
            hostile.join(PeerIdentity(fleet: fleetName, role: .agent, id: answer.id))
        }
    }

    private func attempt(
        _ body: JoinRequestBody, _ token: JoinToken, isDone: @escaping () -> Bool,
        ask: @escaping (Message, @escaping (Message) -> Void) -> Void, done: @escaping (JoinAnswerBody) -> Void
    ) {
        guard !isDone() else { return }
        scheduler.after(random.milliseconds(15_000...20_000)) { [unowned self] in
            attempt(body, token, isDone: isDone, ask: ask, done: done)
        }
        ask(.joinBegin(JoinBegin(token: token.id))) { [unowned self] message in
            guard case .joinChallenge(let challenge) = message else { return }
            do {
                let hash = try SimulatedCryptography()
                let encoded = body.encoded()
                let proof = try JoinProof.request(secret: token.secret, nonce: challenge.nonce, body: encoded, hash)
                let request = JoinRequest(token: token.id, nonce: challenge.nonce, body: encoded, proof: proof)
                ask(.joinRequest(request)) { [unowned self] message in
                    guard case .joinAnswer(let answer) = message, !isDone() else { return }
                    do {
                        try JoinProof.checkAnswer(
                            answer.proof, secret: token.secret, nonce: challenge.nonce, body: answer.body, hash)
                        done(try JoinAnswerBody(decoding: answer.body))
                    } catch {
                        breach(.cleanStoreFailure, "a join's answer is no good: \(error)")
                    }
                }
            } catch {
                breach(.cleanStoreFailure, "a join cannot be asked for: \(error)")
            }
        }
    }
}
