package import Model
import Synchronization
import System
import TLS

/// Finding damage.
extension ContainerPool {
    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        let isRight: Bool
        do throws(StorageError) {
            isRight = try open(digest).contentDigest() == digest
        } catch {
            // A chunk's checksum has told it already.
            guard case .corrupt = error else { throw error }
            isRight = false
        }
        guard !isRight else { return }
        try mark(digest, .corrupt)
        throw .corrupt(digest)
    }

    package func scrubUnits() -> [ScrubUnit] {
        state.withLock { state in
            state.packages.keys.sorted().map { .package($0) } + state.files.keys.sorted().map { .container($0) }
        }
    }

    package func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        switch unit {
        case .package(let digest): try scrubManifest(digest, pace)
        case .container(let number): try scrubContainer(number, pace)
        case .part: []
        }
    }

    /// A manifest that differs from what is in memory is written again from there; no byte has to be fetched for that.
    private func scrubManifest(_ digest: SHA256Digest, _ pace: (ByteCount) -> Void) throws(StorageError)
        -> [SHA256Digest]
    {
        let known = state.withLock { state -> (entries: [PackageManifest.Entry], path: String)? in
            guard let content = state.packages[digest], content.isWhole else { return nil }
            let entries = content.slots.compactMap { slot in
                state.index[slot].map { PackageManifest.Entry(digest: $0.digest, length: $0.length) }
            }
            return (entries, PoolFolder.path(folder, digest, state.ledger.held[digest]?.mark))
        }
        guard let (entries, path) = known else { return [] }
        let expected = PackageManifest.encode(digest, entries)
        pace(ByteCount(UInt64(expected.count)))
        // What cannot be read is damaged too, and mended the same way.
        if let found = try? File.read(path, limit: expected.count), found == expected { return [] }
        // Evicted or marked meanwhile: there is nothing to mend at that path.
        guard
            state.withLock({
                $0.packages[digest] != nil && PoolFolder.path(folder, digest, $0.ledger.held[digest]?.mark) == path
            })
        else { return [] }
        try step(.replace(path))
        try storage { () throws(SystemError) in try AtomicFile.write(expected, to: path, mode: 0o400) }
        return []
    }

    private func scrubContainer(_ number: UInt64, _ pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        let (found, places) = state.withLock { state -> (ContainerFile?, [(UInt32, ChunkIndex.Place)]) in
            let slots = state.index.slots(in: number)
            return (state.files[number], slots.compactMap { slot in state.index[slot]?.place.map { (slot, $0) } })
        }
        guard let file = found else { return [] }
        var bad: Set<UInt32> = []
        for (slot, place) in places.sorted(by: { $0.1.offset < $1.1.offset }) {
            pace(ByteCount(place.header.recordLength))
            guard try !isSound(file, place) else { continue }
            // It may have been moved meanwhile; then the bytes that were read are nobody's.
            if state.withLock({ $0.index[slot]?.place }) == place { bad.insert(slot) }
        }
        try mendFrame(file)
        return try lose(bad)
    }

    private func isSound(_ file: ContainerFile, _ place: ChunkIndex.Place) throws(StorageError) -> Bool {
        let header = ChunkHeader(try file.read(at: place.offset, count: ChunkHeader.length))
        guard header == place.header, let stored = try file.payload(place) else { return false }
        do throws(StorageError) {
            return try decode(stored, place.header, hashed: true) != nil
        } catch {
            // Without the coding the checksum is all there is.
            if case .codingMissing = error { return true }
            throw error
        }
    }

    /// The header and the index of a container say nothing that is not in memory: damage there is written over.
    private func mendFrame(_ file: ContainerFile) throws(StorageError) {
        let header = ContainerHeader(number: file.number)
        if ContainerHeader(try file.read(at: 0, count: ContainerHeader.length)) != header {
            try step(.write(file.path, at: 0, count: ContainerHeader.length))
            try header.encoded.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in try file.write(bytes, at: 0)
            }
            try step(.synchronize(file.path))
            try file.synchronize()
        }
        let isGrowing = writing.withLock { $0.file?.number == file.number }
        guard !isGrowing else { return }
        // An index that cannot be read is one that is damaged.
        let bytes = try? File.read(ContainerWriter.indexPath(containers, file.number), limit: ContainerIndex.longest)
        state.withLock { state in
            guard let book = state.index.books[file.number] else { return }
            if let index = bytes.flatMap({ ContainerIndex($0) }), index.number == file.number,
                index.containerLength == book.length
            {
                return
            }
            writeIndex(file.number, state)
        }
    }

    package func check(readData: Bool) -> PoolCheck {
        var check = PoolCheck()
        let (held, packages, problems, lengths) = state.withLock { state in
            (state.ledger.held, state.packages, bookProblems(state), state.index.books.mapValues(\.length))
        }
        check.packages = held.count
        check.problems = problems
        check.found(held.filter { $0.value.mark == .corrupt }.map(\.key))
        for (digest, package) in held.sorted(by: { $0.key < $1.key }) {
            let path = PoolFolder.path(folder, digest, package.mark)
            let expected = PackageManifest.length(entries: packages[digest]?.slots.count ?? 0)
            // An error says that the file is not as it has to be, which is all that is asked.
            let size = (try? File.status(path, followLinks: false))?.size
            if package.mark != .corrupt, size != Int64(clamping: expected) {
                check.problems.append("the manifest of package \(digest) has not \(expected) bytes")
            }
        }
        for (number, length) in lengths.sorted(by: { $0.key < $1.key }) {
            let path = "\(containers)/\(ContainerFile.name(number)).container"
            // As above.
            let size = (try? File.status(path, followLinks: false))?.size
            if (size ?? -1) < Int64(clamping: length) {
                check.problems.append("container \(number) has not the \(length) bytes that were written")
            }
        }
        if readData {
            readEverything(&check)
            check.found(marks().filter { $0.value == .corrupt }.map(\.key))
        }
        return check
    }

    /// Counts every reference anew and compares.
    private func bookProblems(_ state: State) -> [String] {
        var problems: [String] = []
        var counted: [UInt32: UInt32] = [:]
        let inTransfer = state.transfers.values.map(\.slots)
        for slots in state.packages.values.map(\.slots) + Array(state.partials.values) + inTransfer {
            for slot in slots { counted[slot, default: 0] += 1 }
        }
        for (slot, count) in counted where (state.index[slot]?.references ?? 0) < count {
            problems.append("chunk \(slot) has \(state.index[slot]?.references ?? 0) references instead of \(count)")
        }
        for (digest, content) in state.packages where state.ledger.held[digest]?.mark == nil {
            let missing = content.slots.filter { state.index[$0]?.place == nil }
            if !missing.isEmpty { problems.append("package \(digest) lacks \(missing.count) chunks") }
        }
        return problems
    }
}
