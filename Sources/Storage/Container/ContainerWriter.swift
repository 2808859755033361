import Model
import System

/// The container that chunks are being added to: appends records, synchronises, and closes it with an index when it is full.
///
/// Used under the pool's writing lock alone. A record's bytes may not be referenced by anything durable before `synchronize` has returned.
struct ContainerWriter {
    private let folder: String
    private let step: PoolStepHook
    private(set) var file: ContainerFile?
    private(set) var position: UInt64 = 0
    /// How much of the file is known to be on the disk.
    private(set) var durable: UInt64 = 0
    private(set) var chunks: [ContainerScan.Found] = []
    private var next: UInt64
    private var scratch: [UInt8] = []

    init(folder: String, next: UInt64, step: @escaping PoolStepHook) {
        self.folder = folder
        self.next = next
        self.step = step
    }

    var cost: UInt64 { position + ContainerIndex.length(chunks: chunks.count) }

    /// Goes on with a container that was not full at the last end, and is on the disk up to `position`.
    mutating func resume(_ file: ContainerFile, position: UInt64, chunks: [ContainerScan.Found]) {
        self.file = file
        self.position = position
        self.chunks = chunks
        durable = position
    }

    /// Begins a container; its name is on the disk on return.
    mutating func begin() throws(StorageError) -> ContainerFile {
        let number = next
        let path = "\(folder)/\(ContainerFile.name(number)).container"
        try step(.createFile(path))
        let opened = try storage { () throws(SystemError) in
            try FileDescriptor.open(path, [.readWrite, .create, .truncate, .noFollow], mode: 0o600)
        }
        let made = ContainerFile(number: number, path: path, file: opened)
        next += 1
        let header = ContainerHeader(number: number).encoded
        try step(.write(path, at: 0, count: header.count))
        try header.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in try made.write(bytes, at: 0) }
        try step(.synchronize(folder))
        try storage { () throws(SystemError) in try Directory.synchronize(folder) }
        file = made
        position = UInt64(header.count)
        durable = 0
        chunks = []
        return made
    }

    /// Adds a record; one that fails half-way is written over by the next.
    mutating func append(
        _ header: ChunkHeader, _ payload: UnsafeRawBufferPointer
    ) throws(StorageError) -> ChunkIndex.Place {
        guard let file else { throw .io("no container is open") }
        scratch.removeAll(keepingCapacity: true)
        scratch += header.encoded
        scratch += payload
        try step(.write(file.path, at: position, count: scratch.count))
        let position = position
        do throws(StorageError) {
            try scratch.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in
                try file.write(bytes, at: position)
            }
        } catch {
            // What came of the record is on the disk and in no book; if it cannot be cut off, the next record lies over it.
            try? file.truncate(to: position)
            throw error
        }
        let place = ChunkIndex.Place(container: file.number, offset: position, header: header)
        chunks.append(ContainerScan.Found(header: header, offset: position))
        self.position += header.recordLength
        return place
    }

    /// Returns once every record is on the disk.
    mutating func synchronize() throws(StorageError) {
        guard let file, durable < position else { return }
        try step(.synchronize(file.path))
        try file.synchronize()
        durable = position
    }

    /// Takes no more records into the container: synchronises it and writes its index, without which a start merely takes longer.
    mutating func close() throws(StorageError) {
        guard let file else { return }
        try synchronize()
        let index = ContainerIndex(number: file.number, containerLength: position, chunks: chunks)
        Self.write(index, folder: folder, step: step)
        self.file = nil
        chunks = []
    }

    static func indexPath(_ folder: String, _ number: UInt64) -> String {
        "\(folder)/\(ContainerFile.name(number)).index"
    }

    /// Writes a container's index; false where that failed, and the container is scanned at the next start.
    @discardableResult
    static func write(_ index: ContainerIndex, folder: String, step: PoolStepHook) -> Bool {
        let path = indexPath(folder, index.number)
        do {
            try step(.replace(path))
            try AtomicFile.write(index.encoded, to: path, mode: 0o600)
            return true
        } catch {
            return false
        }
    }

    /// After a failed synchronisation nobody knows what is on the disk: gives up all records behind the last one that is, and the container.
    mutating func giveUp() -> (
        lost: [ContainerScan.Found], kept: [ContainerScan.Found], durable: UInt64, file: ContainerFile?
    ) {
        let split = chunks.firstIndex { $0.offset + $0.header.recordLength > durable } ?? chunks.count
        defer {
            file = nil
            chunks = []
        }
        return (Array(chunks[split...]), Array(chunks[..<split]), max(durable, UInt64(ContainerHeader.length)), file)
    }
}
