internal import Model
internal import Storage

/// How bringing a content into a pool ended.
enum IntakeEnd {
    case done
    case cancelled
    case full(StorageError)
    /// What came out is not what was signed.
    case wrong
    case failed(String)

    init(_ error: StorageError) {
        switch error {
        case .alreadyHeld: self = .done
        case .hashMismatch, .incomplete: self = .wrong
        case _ where error.isFull: self = .full(error)
        default: self = .failed(error.description)
        }
    }
}

/// What `ContentIntake` does with a limited child: reserve, make in pieces that take their time, publish; and what goes wrong with it.
extension SimulatedDaemon {
    /// Brings a content into a pool that holds the objects of which `make` makes it; nil of that is a child that cannot.
    ///
    /// What an attempt before left is gone on from, and made anew, once, when it was wrong.
    func intake(
        _ content: PackageContent, of objects: [SHA256Digest], in pool: MemoryPool, isAgain: Bool = false,
        isCancelled: @escaping () -> Bool = { false }, make: @escaping ([[UInt8]]) -> [UInt8]?,
        done: @escaping (IntakeEnd) -> Void
    ) {
        fleet.poolsTouched = true
        let reservation: Reservation
        do throws(StorageError) {
            reservation = try pool.reserve(content.sha256, length: content.length)
        } catch {
            return done(IntakeEnd(error))
        }
        var readers: [any PackageReader] = []
        var sources: [[UInt8]] = []
        do throws(StorageError) {
            for object in objects {
                let reader = try pool.open(object)
                sources.append(try reader.read(at: .zero, count: Int(clamping: reader.length.bytes)))
                readers.append(reader)
            }
        } catch {
            pool.abandon(reservation, keepingBytes: true)
            return done(.failed(error.description))
        }
        let open = keepOpen(readers)
        func end(_ end: IntakeEnd) {
            fleet.poolsTouched = true
            close(readers: open)
            if case .wrong = end {
                pool.abandon(reservation, keepingBytes: false)
            } else {
                pool.abandon(reservation, keepingBytes: true)
            }
            done(end)
        }
        let fault = fleet.faults.work(random: &random)
        later(random.milliseconds(20...1_000)) { [self, sources] in
            guard !isCancelled() else { return end(.cancelled) }
            if fault == .refuses { return end(.failed("the child refuses it")) }
            if fault == .fillsDisk { return end(.full(.diskFull)) }
            guard var made = make(sources) else { return end(.failed("the child can make nothing of it")) }
            if fault == .lies, let last = made.popLast() { made.append(~last) }
            let held = min(Int(clamping: reservation.resumeOffset.bytes), made.count)
            let middle = (held + made.count) / 2
            do throws(StorageError) {
                try write(made[held..<middle], reservation, pool)
            } catch {
                return end(IntakeEnd(error))
            }
            later(random.milliseconds(20...1_000)) { [self, made] in
                guard !isCancelled() else { return end(.cancelled) }
                if fault == .isKilled { return crash("while it makes a content", restartAfter: fleet.faults.pause()) }
                if fault == .dies { return end(.failed("the child died")) }
                do throws(StorageError) {
                    try write(made[middle...], reservation, pool)
                    try pool.publish(reservation)
                    end(.done)
                } catch {
                    guard case .hashMismatch(resumed: true) = error, !isAgain else { return end(IntakeEnd(error)) }
                    close(readers: open)
                    intake(
                        content, of: objects, in: pool, isAgain: true, isCancelled: isCancelled, make: make, done: done)
                }
            }
        }
    }

    private func write(
        _ bytes: ArraySlice<UInt8>, _ reservation: Reservation, _ pool: MemoryPool
    ) throws(StorageError) {
        fleet.poolsTouched = true
        guard !bytes.isEmpty else { return }
        try pool.write(reservation, at: ByteCount(UInt64(bytes.startIndex)), Array(bytes).span.bytes)
    }
}
