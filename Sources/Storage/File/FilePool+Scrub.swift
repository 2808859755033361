package import Model
import Synchronization
import System
import TLS

/// Finding damage and mending it.
extension FilePool {
    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        let reader = try open(digest)
        guard try reader.contentDigest() != digest else { return }
        try mark(digest, .corrupt)
        throw .corrupt(digest)
    }

    package func scrubUnits() -> [ScrubUnit] {
        state.withLock { $0.ledger.held.keys.sorted() }.map { .package($0) }
    }

    package func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        guard case .package(let digest) = unit, state.withLock({ $0.ledger.visibleLength(of: digest) }) != nil else {
            return []
        }
        let reader = try open(digest)
        guard try reader.contentDigest(pace: pace) != digest else { return [] }
        try mark(digest, .corrupt)
        return [digest]
    }

    package func check(readData: Bool) -> PoolCheck {
        var check = PoolCheck()
        let held = state.withLock { $0.ledger.held }
        check.packages = held.count
        check.found(held.filter { $0.value.mark == .corrupt }.map(\.key))
        for (digest, package) in held.sorted(by: { $0.key < $1.key }) {
            do throws(SystemError) {
                let path = PoolFolder.path(folder, digest, package.mark)
                guard let status = try File.status(path, followLinks: false), status.kind == .file else {
                    check.problems.append("the file of package \(digest) is not there")
                    continue
                }
                if UInt64(max(0, status.size)) != package.length {
                    check.problems.append("package \(digest) has \(status.size) bytes instead of \(package.length)")
                }
            } catch {
                check.problems.append(error.description)
            }
        }
        if readData { readEverything(&check) }
        return check
    }

    package func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport {
        if try isWhole(digest, length: length) { return RepairReport(fetched: .zero) }
        let id = try beginRepair(digest, length)
        defer { state.withLock { $0.ledger.end(id, as: .removed) } }
        let path = PoolFolder.path(folder, digest, .corrupt)
        var fetch = RepairFetch(source, digest)
        try storage { () throws(SystemError) in try File.setMode(path, 0o600) }
        let file = try storage { () throws(SystemError) in try FileDescriptor.open(path, [.readWrite, .noFollow]) }
        if try storage({ () throws(SystemError) in try file.status().size }) > length.signed {
            try step(.truncate(path, to: length.bytes))
            try storage { () throws(SystemError) in try file.truncate(to: length.signed) }
        }
        let sums = readSums(of: digest, length: length.bytes)
        var made = try mend(file, path, length.bytes, known: sums, &fetch)
        if made.digest != digest, sums != nil { made = try mend(file, path, length.bytes, known: nil, &fetch) }
        guard made.digest == digest else { throw .hashMismatch(resumed: false) }
        try step(.synchronize(path))
        try storage { () throws(SystemError) in
            try file.synchronizeData()
            try File.setMode(path, 0o400)
        }
        let extra = sums == made.sums ? BlockSums.fileLength(for: length.bytes) : try writeSums(made.sums, of: digest)
        try PoolFolder.move(path, to: PoolFolder.path(folder, digest, nil), step: step)
        state.withLock { state in
            state.ledger.setStored(digest, length: length.bytes, stored: length.bytes + extra)
            state.ledger.setMark(digest, nil)
        }
        return RepairReport(fetched: ByteCount(fetch.fetched))
    }

    /// Marks the package corrupt if nobody has yet, and promises the room that it lacks.
    private func beginRepair(_ digest: SHA256Digest, _ length: ByteCount) throws(StorageError) -> UInt64 {
        guard state.withLock({ $0.ledger.held[digest] }) != nil else { throw .notHeld(digest) }
        try mark(digest, .corrupt)
        return try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            if state.ledger.leftover(of: digest) > 0 { try dropLeftovers([digest], &state) }
            let whole = length.bytes + BlockSums.fileLength(for: length.bytes)
            let stored = state.ledger.held[digest]?.stored ?? 0
            let lacking = whole - min(whole, stored)
            guard state.ledger.available >= lacking else {
                throw .quotaExceeded(needed: ByteCount(lacking), available: ByteCount(state.ledger.available))
            }
            return state.ledger.begin(digest, length: length, stored: 0, promised: lacking)
        }
    }

    private func readSums(of digest: SHA256Digest, length: UInt64) -> BlockSums? {
        let limit = BlockSums.fileLength(for: length)
        // Without sums a repair reads the whole package: dearer, and as right.
        guard limit > 0, let bytes = try? File.read(Self.sumsPath(folder, digest), limit: Int(limit)),
            let sums = BlockSums(bytes), sums.length == length
        else { return nil }
        return sums
    }

    /// Goes through the file block by block, fetching those that differ from their known sum, or all without sums.
    private func mend(
        _ file: borrowing FileDescriptor, _ path: String, _ length: UInt64, known: BlockSums?,
        _ fetch: inout RepairFetch
    ) throws(StorageError) -> (digest: SHA256Digest, sums: BlockSums) {
        var hash = SHA256()
        var builder = BlockSums.Builder()
        for index in 0..<BlockSums.blocks(in: length) {
            let start = index * BlockSums.block
            let count = min(BlockSums.block, length - start)
            var bytes = try blockRead(file, start, count)
            if UInt64(bytes.count) != count || known?.sums[Int(index)] != Checksum.of(bytes) {
                bytes = try fetch.read(at: start, count: count)
                try step(.write(path, at: start, count: bytes.count))
                do throws(SystemError) {
                    try file.write(bytes, at: Int64(clamping: start))
                } catch {
                    throw StorageError(error)
                }
            }
            hash.update(bytes)
            bytes.withUnsafeBytes { builder.update($0) }
        }
        return (SHA256Digest(computed: hash.finish()), builder.finish(length: length))
    }

    private func blockRead(
        _ file: borrowing FileDescriptor, _ start: UInt64, _ count: UInt64
    ) throws(StorageError) -> [UInt8] {
        do throws(SystemError) {
            return try file.read(count: Int(count), at: Int64(clamping: start))
        } catch {
            // A sector that cannot be read is damage like any other.
            if error.errno == .inputOutput { return [] }
            throw StorageError(error)
        }
    }
}
