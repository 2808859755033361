internal import Hub
internal import Model
internal import Protocol
internal import Storage
internal import TLS

/// What `PatchMaker` does: one piece of work after the other, contents unpacked first, patches in a pool of their own.
extension HubNode {
    /// A patch now and then fails, takes long, or is one that nobody can use.
    func makePatch(_ job: PatchJob) {
        making.submit { [unowned self] ended in
            var evicted: [SHA256Digest] = []
            func end(_ outcome: PatchOutcome) {
                let held = [job.old, job.new].filter {
                    $0.content.coding != .none && pool.length(of: $0.content.sha256) != nil
                }
                fleet.note(name, "making \(job.means.name) ends: \(Self.brief(outcome))")
                tell(
                    .patches(
                        .ended(
                            PatchResult(
                                key: job.key, outcome: outcome, contents: Set(held.map(\.content.sha256)),
                                evicted: evicted)
                        )))
                tell(.patches(.poolChanged(patchFigures)))
                tell(.pool(.changed(figures)))
                ended()
            }
            guard hasLibrary || job.means == .plainChunks else { return end(.unavailable("it is not here")) }
            unpack(job.old) { [unowned self] failure in
                if let failure { return end(failure) }
                unpack(job.new) { [unowned self] failure in
                    if let failure { return end(failure) }
                    write(job) { [unowned self] bytes in
                        guard let bytes else { return end(.failed("the child died")) }
                        guard UInt64(bytes.count) <= job.limit else {
                            return end(.useless("it would save less than a tenth of the file"))
                        }
                        end(keep(bytes, job.evictable, &evicted))
                    }
                }
            }
        }
    }

    private static func brief(_ outcome: PatchOutcome) -> String {
        switch outcome {
        case .made(_, let length): "made, \(length) bytes"
        case .useless(let why): "useless, \(why)"
        case .failed(let why): "failed, \(why)"
        case .unavailable: "unavailable"
        }
    }

    /// Puts a packed file's content into the pool beside it; `done` is given how the making ends where that fails.
    private func unpack(_ package: Package, _ done: @escaping (PatchOutcome?) -> Void) {
        guard package.content.coding != .none else { return done(nil) }
        guard hasLibrary || package.content.coding != .zstd else { return done(.useless("libzstd is not here")) }
        intake(package.content, of: [package.sha256], in: pool) {
            $0.first.flatMap { SimulatedCoding.unpacked($0) }
        } done: { end in
            switch end {
            case .done: done(nil)
            case .cancelled: done(.failed("cancelled"))
            case .full(let error): done(.failed(error.description))
            case .wrong: done(.useless("what is inside a published file is not what was signed"))
            case .failed(let why): done(.failed(why))
            }
        }
    }

    /// The patch's bytes; nil when its child died.
    private func write(_ job: PatchJob, _ done: @escaping ([UInt8]?) -> Void) {
        let readers: [any PackageReader]
        let contents: [[UInt8]]
        do throws(StorageError) {
            readers = [try pool.open(job.key.old), try pool.open(job.key.new)]
            contents = [
                try readers[0].read(at: .zero, count: Int(clamping: readers[0].length.bytes)),
                try readers[1].read(at: .zero, count: Int(clamping: readers[1].length.bytes)),
            ]
        } catch {
            return done(nil)
        }
        let open = keepOpen(readers)
        let fault = fleet.faults.work(isPatch: job.means == .patch, random: &random)
        // Some take longer than anybody waits.
        later(random.chance(150) ? random.milliseconds(5_000...60_000) : random.milliseconds(20...3_000)) { [self] in
            if fault == .isKilled { return crash("while it makes a patch", restartAfter: fleet.faults.pause()) }
            close(readers: open)
            var bytes = SimulatedPatch.make(
                job.means, from: (job.key.old, contents[0]), to: (job.key.new, contents[1]))
            switch fault {
            case nil: done(bytes)
            case .lies?:
                if let last = bytes.popLast() { bytes.append(~last) }
                done(bytes)
            default: done(nil)
            }
        }
    }

    private func keep(
        _ bytes: [UInt8], _ evictable: [SHA256Digest], _ evicted: inout [SHA256Digest]
    ) -> PatchOutcome {
        let length = ByteCount(UInt64(bytes.count))
        guard length <= patches.account().quota else { return .useless("the pool of patches is smaller") }
        fleet.poolsTouched = true
        do {
            let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
            let known = Set(evictable)
            var rest = (patches.list().map(\.digest).filter { !known.contains($0) && $0 != digest } + evictable)[...]
            while true {
                do throws(StorageError) {
                    let reservation = try patches.reserve(digest, length: length)
                    try patches.write(
                        reservation, at: reservation.resumeOffset,
                        Array(bytes.dropFirst(Int(clamping: reservation.resumeOffset.bytes))).span.bytes)
                    try patches.publish(reservation)
                    return .made(digest, length: length.bytes)
                } catch {
                    if case .alreadyHeld = error { return .made(digest, length: length.bytes) }
                    guard error.isFull, let next = rest.popFirst() else { throw error }
                    // One that is being read stays.
                    if patches.evict(each: [next]).refusal == nil { evicted.append(next) }
                }
            }
        } catch {
            return .failed("\(error)")
        }
    }

    // MARK: Serving and keeping

    func servePatch(_ link: LinkID, _ request: RequestID, _ fetch: FetchPackage, to spoke: NodeID) {
        guard patches.length(of: fetch.sha256) == nil else {
            return serve(fetch, from: patches, over: links[link], request, to: spoke)
        }
        // The spoke takes another way.
        let reply = ErrorReply(code: .notFound, text: "the patch is no longer here")
        links[link]?.perform(.reply(link, request, .error(reply)))
        tell(.patches(.lost(fetch.sha256, "the patch cannot be read")))
    }

    /// Reads a patch again that somebody could not use.
    func checkPatch(_ digest: SHA256Digest) {
        making.submit { [unowned self] ended in
            fleet.poolsTouched = true
            if (try? patches.verify(digest)) == nil {  // not there, or damaged: said to the core
                try? patches.evict(digest)  // it may be gone already, or is being read
                tell(.patches(.lost(digest, "damaged")))
            }
            ended()
        }
    }

    func dropPatches(_ digests: [SHA256Digest]) {
        making.submit { [unowned self] ended in
            fleet.poolsTouched = true
            _ = patches.evict(each: digests)  // one that is being read stays until the next start
            tell(.patches(.poolChanged(patchFigures)))
            ended()
        }
    }

    func dropContents(_ digests: [SHA256Digest]) {
        making.submit { [unowned self] ended in
            fleet.poolsTouched = true
            _ = pool.evict(each: digests)  // one that is being read stays until the next start
            tell(.pool(.changed(figures)))
            ended()
        }
    }

    func setPatchQuota(_ quota: ByteCount) {
        making.submit { [unowned self] ended in
            try? patches.setQuota(quota)  // the hub hears what it really is
            tell(.patches(.poolChanged(patchFigures)))
            ended()
        }
    }
}
