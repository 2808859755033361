internal import Identity
internal import Model
internal import Protocol
internal import System
internal import Transport
internal import Trust

/// What the core wants done, done.
extension AgentShell {
    func execute(_ effect: AgentEffect) {
        switch effect {
        case .link(let effect): links.perform(effect)
        case .checkTarget(let action, let path, let hubRoot, let now):
            Task { [catalog, link] in
                tell(.targetChecked(action, await catalog.check(path, hubRoot: hubRoot, now: now, link: link)))
            }
        case .takeFleetWord(let link, let request, let message): takeFleetWord(link, request, message)
        case .gatherFacts(let purpose, let package, let known): gather(purpose, package, known)
        case .download(let action, let package): download(action, package)
        case .stopDownload(let action): transfers.removeValue(forKey: action)?.cancel()
        case .perform(let job):
            installing.submit { [executor] in
                self.tell(.performed(job.action, job.step, executor.perform(job)))
            }
        case .confirmTrial:
            installing.submit { [trial, messages] in
                do {
                    try trial.remove()
                    messages(.notice, "the agent's new release has proved itself")
                } catch {
                    messages(.error, "the trial's record could not be removed: \(error)")
                }
            }
        case .restartAgent:
            messages(.notice, "ending, so that the agent's current release is started")
            restart()
        case .wake(let time): setAlarm(at: time)
        case .log(let severity, let text): messages(severity, text)
        }
    }

    private func takeFleetWord(_ link: LinkID, _ request: RequestID, _ message: Message) {
        Task { [upkeep, keeper, revoked, segments, links, messages, clock, peer = identity.member.upstreamID] in
            do {
                switch message {
                case .revocations(let list):
                    try await upkeep.run { keeper in
                        try keeper.take(revocations: list.signed) { try revoked.take($0) }
                        try revoked.sweep()
                    }
                    await segments.fetch(over: link)
                    if let issued = keeper.revocations?.issued { clock.raise(toSeconds: issued.seconds) }
                case .anchors(let set):
                    if try await upkeep.run({ try $0.take(anchors: set.signed) }) { upkeep.anchorsCame() }
                default: break
                }
                links.perform(.reply(link, request, .ok(OK())))
                if revoked.revokes(peer) {
                    links.perform(.close(link, .refused, "this spoke has been revoked"))
                }
            } catch {
                messages(.error, "the spoke brought what the hub has not signed so: \(error)")
                links.perform(.reply(link, request, .error(ErrorReply(code: .refused, text: "\(error)"))))
            }
        }
    }

    private func gather(_ purpose: FactsPurpose, _ package: Package?, _ known: FactsGatherer.Known) {
        asking.submit { [gatherer, messages] in
            do {
                self.tell(.facts(purpose, try gatherer.gather(for: package, known: known)))
            } catch {
                messages(.error, "the facts of this machine cannot be gathered: \(error)")
                Task {
                    // Cancelled only with the process.
                    try? await Task.sleep(for: .seconds(30))
                    await self.gather(purpose, package, known)
                }
            }
        }
    }

    private func download(_ action: ActionID, _ package: Package) {
        guard let link else { return tell(.downloaded(action, .failed("there is no connection to the spoke"))) }
        let download = AgentDownload(
            files: PackageFiles(package, in: downloads), links: links, queue: downloading, bases: bases, worker: worker,
            say: { [messages] in messages($0, $1) })
        transfers[action]?.cancel()
        // Packages of the same bytes share their files, and the second finds what the first has fetched.
        let digest = package.sha256
        let before = lastDownloads[digest]
        let task = Task {
            await before?.value
            guard !Task.isCancelled else { return }
            let outcome = await download.run(from: link)
            if !Task.isCancelled { tell(.downloaded(action, outcome)) }
        }
        transfers[action] = task
        lastDownloads[digest] = task
        Task {
            await task.value
            if lastDownloads[digest] == task { lastDownloads[digest] = nil }
        }
    }

    private func setAlarm(at time: UnixTime) {
        alarm?.cancel()
        let wait = max(time - clock.now, .milliseconds(1))
        alarm = Task { [weak self] in
            // Looked at again every hour, since the machine's clock may be set meanwhile.
            do { try await Task.sleep(for: min(wait, .seconds(3600))) } catch { return }
            self?.tell(.wake)
        }
    }
}
