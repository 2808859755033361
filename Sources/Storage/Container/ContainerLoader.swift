import Model
import Synchronization
import System

/// Reads a container pool's folder into fresh books at the start; nothing on the disk is believed without its checksum.
struct ContainerLoader {
    private let folder: String
    private let containers: String
    private let settings: ContainerPoolSettings
    private let step: PoolStepHook
    private(set) var state: ContainerPool.State
    private(set) var writer: ContainerWriter

    init(
        folder: String, quota: ByteCount, settings: ContainerPoolSettings, step: @escaping PoolStepHook
    ) throws(StorageError) {
        try PoolFolder.prepare(folder, .container, step: step)
        self.folder = folder
        containers = folder + "/containers"
        self.settings = settings
        self.step = step
        state = ContainerPool.State(ledger: PoolLedger(quota: quota))
        writer = ContainerWriter(folder: containers, next: 1, step: step)
    }

    mutating func load() throws(StorageError) {
        let names = try PoolFolder.names(containers)
        let numbers = names.compactMap { ContainerFile.number($0, suffix: ".container") }.sorted()
        writer = ContainerWriter(folder: containers, next: (numbers.last ?? 0) + 1, step: step)
        for number in numbers { try load(number, isLast: number == numbers.last) }
        for name in names {
            guard let number = ContainerFile.number(name, suffix: ".index"), state.files[number] == nil else {
                continue
            }
            try PoolFolder.remove("\(containers)/\(name)", step: step)
        }
        for (digest, status, mark) in try PoolFolder.packages(folder) { try load(digest, status, mark) }
        for (digest, status) in try PoolFolder.partials(folder) { try load(partial: digest, status) }
        state.settle()
    }

    // MARK: Containers

    private mutating func load(_ number: UInt64, isLast: Bool) throws(StorageError) {
        let path = "\(containers)/\(ContainerFile.name(number)).container"
        let opened = try storage { () throws(SystemError) in try FileDescriptor.open(path, [.readWrite, .noFollow]) }
        let file = ContainerFile(number: number, path: path, file: opened)
        let length = try file.length
        state.files[number] = file
        state.index.addContainer(number, length: length)
        if let index = readIndex(number), index.number == number, index.containerLength == length {
            for found in index.chunks { state.index.adopt(found, in: number) }
            state.index.setContainer(number, length: length, chunks: UInt64(index.chunks.count))
        } else {
            try scan(file, length, isLast: isLast)
        }
    }

    private func readIndex(_ number: UInt64) -> ContainerIndex? {
        // An index that cannot be read is one that is not there.
        guard
            let bytes = try? File.read(
                ContainerWriter.indexPath(containers, number), limit: ContainerIndex.longest)
        else { return nil }
        return ContainerIndex(bytes)
    }

    /// Rebuilds what an index would have said: every record whose bytes are as they were written.
    private mutating func scan(_ file: ContainerFile, _ length: UInt64, isLast: Bool) throws(StorageError) {
        let scan = try ContainerScan(length: length) { (offset, count) throws(StorageError) in
            try file.read(at: offset, count: count)
        }
        var whole: [ContainerScan.Found] = []
        var end = UInt64(ContainerHeader.length)
        for found in scan.found {
            let place = ChunkIndex.Place(container: file.number, offset: found.offset, header: found.header)
            guard try file.payload(place) != nil else {
                continue
            }
            whole.append(found)
            end = found.offset + found.header.recordLength
            state.index.adopt(found, in: file.number)
        }
        if isLast {
            // A torn tail is what a cut leaves. Nothing durable needs it.
            if end < length {
                try step(.truncate(file.path, to: end))
                try file.truncate(to: end)
            }
            let header = ContainerHeader(number: file.number)
            if ContainerHeader(try file.read(at: 0, count: ContainerHeader.length)) != header {
                try step(.write(file.path, at: 0, count: ContainerHeader.length))
                try header.encoded.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in
                    try file.write(bytes, at: 0)
                }
            }
            state.index.setContainer(file.number, length: end, chunks: UInt64(whole.count))
            try step(.synchronize(file.path))
            try file.synchronize()
            writer.resume(file, position: end, chunks: whole)
        } else {
            state.index.setContainer(file.number, length: length, chunks: UInt64(whole.count))
            try file.synchronize()
            ContainerWriter.write(
                ContainerIndex(number: file.number, containerLength: length, chunks: whole), folder: containers,
                step: step)
        }
    }

    // MARK: Manifests

    private mutating func load(
        _ digest: SHA256Digest, _ status: FileStatus, _ mark: PackageMark?
    ) throws(StorageError) {
        let path = PoolFolder.path(folder, digest, mark)
        let manifest = try read(path, status)
        let entries = manifest.whole(digest)
        let slots = demand(manifest.entries.compactMap { $0 })
        let isWhole = entries != nil && slots.allSatisfy { state.index[$0]?.place != nil }
        let length = manifest.entries.reduce(0) { $0 + UInt64($1?.length ?? 0) }
        state.packages[digest] = ContainerPool.Content(slots: slots, isWhole: entries != nil)
        state.ledger.adopt(held: digest, length: length, stored: UInt64(max(0, status.size)), mark: mark)
        if !isWhole, mark != .corrupt {
            try PoolFolder.move(path, to: PoolFolder.path(folder, digest, .corrupt), step: step)
            state.ledger.setMark(digest, .corrupt)
        }
    }

    private mutating func load(partial digest: SHA256Digest, _ status: FileStatus) throws(StorageError) {
        let path = PoolFolder.partialPath(folder, digest)
        if let held = state.ledger.held[digest], held.mark != .corrupt {
            return try PoolFolder.remove(path, step: step)
        }
        let manifest = try read(path, status)
        var slots: [UInt32] = []
        // Only what came whole, in order, and is really here.
        if manifest.header?.digest == digest {
            let entries = manifest.entries.prefix { $0.map { state.index.holds($0.digest) } ?? false }
            slots = demand(entries.compactMap { $0 })
        }
        state.partials[digest] = slots
        state.ledger.adopt(leftover: digest, bytes: UInt64(max(0, status.size)))
    }

    private func read(_ path: String, _ status: FileStatus) throws(StorageError) -> PackageManifest {
        let limit = Int(PackageManifest.length(entries: PackageManifest.mostEntries))
        guard status.size <= limit else { return PackageManifest(reading: []) }
        let bytes = try storage { () throws(SystemError) in try File.read(path, limit: limit) }
        return PackageManifest(reading: bytes)
    }

    private mutating func demand(_ entries: [PackageManifest.Entry]) -> [UInt32] {
        entries.map { entry in
            let slot = state.index.demand(entry.digest, length: entry.length)
            state.index.retain(slot)
            return slot
        }
    }
}
