internal import Content
internal import Identity
internal import Model
internal import Protocol
internal import Storage
internal import System
internal import Transport

/// What the core wants done, done.
extension SpokeShell {
    func execute(_ effect: SpokeEffect) {
        switch effect {
        case .link(let effect): links.perform(effect)
        case .answerJoin(let join, let message): joins.answer(join, message, over: links)
        case .findTarget(let path): find(path)
        case .refreshCatalog: refresh()
        case .transfer(let replica, let plan): transfer(replica, plan)
        case .unpack(let replica): unpack(replica)
        case .stopUnpacking: unpacking?.cancel()
        case .evict(let objects): evict(objects)
        case .repair(let replica): repair(replica)
        case .verify(let object): verify(object)
        case .serveMetadata(let link, let request, let name): serveMetadata(link, request, name)
        case .servePackage(let link, let request, let sha256, let length, let offset):
            servePackage(link, request, sha256, length: length, offset: offset)
        case .setQuota(let name, let quota): disk.submit { self.setQuota(quota, of: name) }
        case .limitAgents(let rate): links.limit(all: .agent, to: rate)
        case .setAccess(let name, let access):
            pools.setAccess(access, of: name)
            drainPools()
            tell(.pool(.changed(PoolFigures(pool))))
        case .prune(let sha256, let content): prune(sha256, content)
        case .checkPool(let check): checkPool(check)
        case .checkRevocations(let link, let request, let signed):
            tell(.revocationsChecked(link, request, signed: signed, check(signed)))
        case .checkAnchors(let link, let request, let signed):
            Task { [upkeep] in
                do {
                    let isNew = try await upkeep.run { try $0.take(anchors: signed) }
                    tell(.anchorsChecked(link, request, signed: signed, refusal: nil))
                    if isNew { upkeep.anchorsCame() }
                } catch {
                    tell(.anchorsChecked(link, request, signed: signed, refusal: "\(error)"))
                }
            }
        case .surveyCatalog(let products): survey(products)
        case .tendShare(let share, let package): tend(share, package)
        case .wake(let time): setAlarm(at: time)
        }
    }

    private func find(_ path: TargetPath) {
        guard let hub else { return tell(.targetFound(path, .unreachable("the hub is away"))) }
        Task { [catalog] in
            let finding = await catalog.find(path, through: hub)
            tell(.targetFound(path, finding))
            await announce()
        }
    }

    private func refresh() {
        guard let hub else { return }
        Task { [catalog, messages] in
            do {
                try await catalog.refresh(through: hub)
                await announce()
            } catch {
                messages("the catalog was not refreshed: \(error)")
            }
        }
    }

    private func announce() async {
        if let version = await catalog.timestampVersion { tell(.catalogRefreshed(timestampVersion: version)) }
    }

    private func transfer(_ replica: WantedReplica, _ plan: TransferPlan) {
        guard let hub else { return tell(.transferEnded(replica.sha256, .interrupted("the hub is away"))) }
        let transfer = SpokeTransfer(
            replica: replica, plan: plan, pool: pool, disk: disk, links: links, making: making, intake: intake
        ) { held in self.tell(.transferProgressed(replica.sha256, held: held)) }
        Task { [pool] in
            let outcome = await transfer.run(from: hub)
            if outcome == .verified { tellPlaces(of: replica.objects) }
            tell(.transferEnded(replica.sha256, outcome))
            tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func unpack(_ replica: WantedReplica) {
        guard let content = replica.packed else {
            return tell(.unpacked(replica.sha256, .failed("its content is not known")))
        }
        let cancellation = Cancellation()
        unpacking = cancellation
        making.submit { [pool, intake] in
            let outcome: UnpackOutcome
            do {
                try intake.unpack(
                    replica.sha256, content.coding, to: ContentIdentity(content), from: pool, into: pool,
                    cancellation: cancellation)
                outcome = .done
            } catch let error as ContentError where error.code == .cancelled {
                outcome = .cancelled
            } catch let error as StorageError where error.isFull {
                outcome = .noRoom(error.description, lacking: error.lacking?.bytes ?? .zero)
            } catch {
                outcome = .failed("\(error)")
            }
            self.tell(.unpacked(replica.sha256, outcome))
            self.tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func evict(_ objects: [SHA256Digest]) {
        disk.submit { [pool, messages] in
            let (gone, refusal) = pool.evict(each: objects)
            switch refusal {
            // Somebody reads it: it goes another time.
            case nil, .inUse, .inTransfer: break
            case .some(let refusal): messages("an object could not be removed from the pool: \(refusal)")
            }
            self.tell(.evicted(gone))
            self.tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func repair(_ replica: WantedReplica) {
        guard let hub else { return tell(.transferEnded(replica.sha256, .interrupted("the hub is away"))) }
        let source = HubRepairSource(replica: replica, hub: hub, links: links, queue: importing)
        Task { [pool, repairing] in
            let outcome = await repairing.run { source.repair(in: pool) }
            tell(.transferEnded(replica.sha256, outcome))
            tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    /// On a queue of its own: a large package is read for minutes.
    private func verify(_ object: SHA256Digest) {
        verifying.submit { [pool, messages] in
            var isWhole = false
            do throws(StorageError) {
                try pool.verify(object)
                isWhole = true
            } catch {
                switch error {
                case .corrupt: self.tell(.pool(.damaged([object])))
                // It has left the pool meanwhile.
                case .notHeld: break
                default: messages("a package that an agent refused could not be checked: \(error)")
                }
            }
            self.tell(.verified(object, isWhole: isWhole))
        }
    }

    private func serveMetadata(_ link: LinkID, _ request: RequestID, _ name: String) {
        links.sendFile(link, request, named: name) { [catalog, revoked] in
            if let segment = revoked.file(named: name) { return segment }
            return try await catalog.file(named: name)
        }
    }

    private func servePackage(
        _ link: LinkID, _ request: RequestID, _ sha256: SHA256Digest, length: UInt64, offset: UInt64
    ) {
        reading.submit { [pool, links, reading] in
            do {
                let reader = try pool.open(sha256)
                let source = BulkSource.reader(
                    reading,
                    { buffer, offset in
                        do throws(StorageError) {
                            return try reader.read(into: buffer, at: ByteCount(offset))
                        } catch {
                            if case .corrupt(let digest) = error { self.tell(.pool(.damaged([digest]))) }
                            throw error
                        }
                    },
                    atHand: { buffer, offset in reader.readAtHand(into: buffer, at: ByteCount(offset)) })
                links.sendContent(link, request, Content(length: length, offset: offset), from: source)
            } catch {
                let reply = ErrorReply(code: .internalFault, text: "\(error)", retryAfterSeconds: 30)
                links.perform(.reply(link, request, .error(reply)))
            }
        }
    }

    /// Behind what the disk has to do already, and before what is asked of it later.
    private func prune(_ sha256: SHA256Digest, _ content: SHA256Digest?) {
        disk.submit { [pool] in
            let (gone, refusal) = pool.evict(each: [sha256, content].compactMap { $0 })
            do {
                try pool.compact()
            } catch {
                self.messages("the room of removed packages comes back later: \(error)")
            }
            self.tell(.evicted(gone))
            self.tell(.evictionEnded(sha256, refusal: refusal?.description))
            self.tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func checkPool(_ request: CheckPool) {
        Task { [scrub, pools] in
            // A disk that has come back is taken up by a check.
            await lookAtPools()
            let check = await scrub.check(readsData: request.readsData, of: pools.part(request.pool)) { check, total in
                self.tell(.poolChecked(PoolChecked(request, check, total: total, isOver: false)))
            }
            if !check.corrupt.isEmpty { tell(.pool(.damaged(Set(check.corrupt)))) }
            tell(.poolChecked(PoolChecked(request, check, total: check.bytesRead, isOver: true)))
            tell(.pool(.changed(PoolFigures(pool))))
        }
    }
}

extension PoolChecked {
    /// How far a check is.
    init(_ request: CheckPool, _ check: PoolCheck, total: ByteCount, isOver: Bool) {
        self.init(
            pool: request.pool, check: request.check, isOver: isOver, read: check.bytesRead.bytes,
            total: max(total, check.bytesRead).bytes, problems: check.problems, corrupt: check.corrupt)
    }
}
