internal import Identity
internal import Model
internal import Protocol
internal import Storage
internal import System
internal import Transport
internal import Trust

/// What the core wants done, done.
extension HubShell {
    func execute(_ effect: HubEffect) {
        switch effect {
        case .link(let effect): links.perform(effect)
        case .answerJoin(let join, let message): joins.answer(join, message, over: links)
        case .refreshCatalog(let url, let root):
            let now = clock.now
            Task { [catalog] in tell(await catalog.refresh(url: url, root: root, now: now)) }
        case .importPackage(let package): importPackage(package, isDamaged: false)
        case .repairPackage(let package): importPackage(package, isDamaged: true)
        case .serveMetadata(let link, let request, let name): serveMetadata(link, request, name)
        case .servePackage(let link, let request, let fetch, let spoke): servePackage(link, request, fetch, to: spoke)
        case .limit(let link, let rate): links.limit(link, to: rate)
        case .setQuota(let name, let quota): disk.submit { self.setQuota(quota, of: name) }
        case .makePatch(let job): makePatch(job)
        case .servePatch(let link, let request, let fetch, let spoke): servePatch(link, request, fetch, to: spoke)
        case .checkPatch(let digest): patches?.check(digest) { self.tell(.patches(.lost(digest, $0))) }
        case .dropPatches(let digests): patches?.drop(digests) { self.tell(.patches(.poolChanged($0))) }
        case .dropContents(let digests):
            patches?.dropContents(digests) { [pool] _ in self.tell(.pool(.changed(PoolFigures(pool)))) }
        case .setPatchQuota(let quota): setPatchQuota(quota)
        case .setAccess(let name, let access):
            pools.setAccess(access, of: name)
            drainPools()
        case .evict(let objects): evict(objects)
        case .checkPool(let check): checkPool(check)
        case .useAuthorities(let set):
            do {
                try contexts.use(set)
            } catch {
                messages("the hub's own certificates could not be renewed: \(error)")
            }
        case .raiseClock(let time): clock.raise(toSeconds: time.seconds)
        case .wake(let time): setAlarm(at: time)
        }
    }

    private func importPackage(_ package: Package, isDamaged: Bool) {
        Task { [catalog, pool] in
            let url: String?
            do {
                url = try withStore { try $0.catalog()?.url }
            } catch {
                return tell(.packageImport(.ended(package.path, package.sha256, .interrupted("\(error)"))))
            }
            guard let url else {
                return tell(.packageImport(.ended(package.path, package.sha256, .interrupted("no catalog is set"))))
            }
            let outcome = await catalog.importPackage(package, from: url, isDamaged: isDamaged) { held in
                self.tell(.packageImport(.progressed(package.path, bytesHeld: held)))
            }
            tellPlaces(of: [package.sha256])
            tell(.packageImport(.ended(package.path, package.sha256, outcome)))
            tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func serveMetadata(_ link: LinkID, _ request: RequestID, _ name: String) {
        links.sendFile(link, request, named: name) { [catalog] in
            if let segment = RevocationSegment.sha256(named: name) {
                return try await self.withStore { try $0.segment(segment) }
            }
            // The root that the operator pinned: where those begin who joined before there was a catalog.
            let pinned = name == "root.json" ? try await self.withStore { try $0.catalog()?.root } : nil
            return try await pinned != nil ? pinned : catalog.file(named: name)
        }
    }

    private func servePackage(_ link: LinkID, _ request: RequestID, _ fetch: FetchPackage, to spoke: NodeID) {
        reading.submit { [pool, links, reading] in
            do {
                let source = BulkSource.package(try pool.open(fetch.sha256), on: reading) {
                    self.tell(.pool(.damaged([$0])))
                }
                self.send(fetch, link, request, to: spoke, from: source)
            } catch {
                let reply = ErrorReply(code: .internalFault, text: "\(error)", retryAfterSeconds: 30)
                links.perform(.reply(link, request, .error(reply)))
            }
        }
    }

    private nonisolated func send(
        _ fetch: FetchPackage, _ link: LinkID, _ request: RequestID, to spoke: NodeID, from source: BulkSource
    ) {
        links.sendContent(link, request, Content(length: fetch.length, offset: fetch.offset), from: source) {
            self.tell(.objectSent(fetch, to: spoke, bytes: $0))
        }
    }

    private func makePatch(_ job: PatchJob) {
        guard let patches else { return }
        patches.make(job) { [pool] result in
            self.tell(.patches(.ended(result)))
            self.tell(.patches(.poolChanged(PoolFigures(patches.patches.account()))))
            self.tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func evict(_ objects: [SHA256Digest]) {
        guard let package = objects.first else { return }
        disk.submit { [pool, messages] in
            let refusal = pool.evict(each: objects).refusal
            do {
                try pool.compact()
            } catch {
                messages("the room of removed packages comes back later: \(error)")
            }
            self.tell(.packageEvicted(package, refusal: refusal?.description))
            self.tell(.pool(.changed(PoolFigures(pool))))
        }
    }

    private func servePatch(_ link: LinkID, _ request: RequestID, _ fetch: FetchPackage, to spoke: NodeID) {
        guard let patches else { return }
        reading.submit { [links, reading] in
            do {
                let source = BulkSource.package(try patches.patches.open(fetch.sha256), on: reading)
                self.send(fetch, link, request, to: spoke, from: source)
            } catch {
                // The spoke takes another way.
                let reply = ErrorReply(code: .notFound, text: "the patch is no longer here")
                links.perform(.reply(link, request, .error(reply)))
                patches.drop([fetch.sha256]) { self.tell(.patches(.poolChanged($0))) }
                self.tell(.patches(.lost(fetch.sha256, "the patch cannot be read (\(error))")))
            }
        }
    }

    private func setPatchQuota(_ quota: ByteCount) {
        patches?.setQuota(quota) { [messages] figures, failure in
            if let failure { messages("the quota \(quota) of the patches could not be set: \(failure)") }
            self.tell(.patches(.poolChanged(figures)))
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
        }
    }
}

extension BulkSource {
    /// The bytes of a published package; the reader keeps it from being evicted while it is sent.
    /// `damaged` hears of one that the disk has damaged.
    static func package(
        _ reader: any PackageReader, on queue: NamedQueue,
        damaged: @escaping @Sendable (SHA256Digest) -> Void = { _ in }
    ) -> BulkSource {
        .reader(
            queue,
            { buffer, offset in
                do throws(StorageError) {
                    return try reader.read(into: buffer, at: ByteCount(offset))
                } catch {
                    if case .corrupt(let digest) = error { damaged(digest) }
                    throw error
                }
            },
            atHand: { buffer, offset in reader.readAtHand(into: buffer, at: ByteCount(offset)) })
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
