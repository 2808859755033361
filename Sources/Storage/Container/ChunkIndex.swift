import Model

/// Where every chunk of a container pool is and how often it is needed; in memory, without IO.
///
/// A chunk has a slot number, so that the content of a package is a list of small numbers. A chunk that is needed and has no place is missing: what
/// needs it is corrupt. A chunk without references stays until its container is compacted, and may be needed again before.
struct ChunkIndex {
    /// A record in a container.
    struct Place: Hashable {
        let container: UInt64
        let offset: UInt64
        let header: ChunkHeader
    }

    struct Chunk {
        let digest: SHA256Digest
        let length: UInt32
        var place: Place?
        var references: UInt32
    }

    /// A container's size in the books: its bytes, and those of its index, written yet or not.
    struct Book {
        var length: UInt64
        var chunks: UInt64
        /// Bytes of records that are referenced.
        var live: UInt64 = 0
        var liveChunks: UInt64 = 0

        var cost: UInt64 {
            length + UInt64(ContainerIndex.headerLength + 8) + chunks * UInt64(ContainerIndex.entryLength)
        }
        /// What a compaction has to write to keep what is live.
        var liveCost: UInt64 { live + liveChunks * UInt64(ContainerIndex.entryLength) }
        var dead: UInt64 {
            cost - min(cost, liveCost + UInt64(ContainerHeader.length + ContainerIndex.headerLength + 8))
        }
    }

    private(set) var books: [UInt64: Book] = [:]
    /// What all containers take.
    private(set) var cost: UInt64 = 0
    private var chunks: [Chunk?] = []
    private var free: [UInt32] = []
    private var slots: [SHA256Digest: UInt32] = [:]

    subscript(slot: UInt32) -> Chunk? {
        Int(slot) < chunks.count ? chunks[Int(slot)] : nil
    }

    func slot(of digest: SHA256Digest) -> UInt32? { slots[digest] }

    /// True if the chunk is stored somewhere.
    func holds(_ digest: SHA256Digest) -> Bool {
        guard let slot = slots[digest] else { return false }
        return self[slot]?.place != nil
    }

    // MARK: Containers

    mutating func addContainer(_ number: UInt64, length: UInt64) {
        change(number, Book(length: length, chunks: 0))
    }

    /// Notes that a container has a record more (or a copy of one, which nothing points to yet).
    mutating func grow(_ number: UInt64, by header: ChunkHeader) {
        guard var book = books[number] else { return }
        book.length += header.recordLength
        book.chunks += 1
        change(number, book)
    }

    /// Notes how long a container is and how many records it counts.
    mutating func setContainer(_ number: UInt64, length: UInt64, chunks: UInt64) {
        guard var book = books[number] else { return }
        book.length = length
        book.chunks = chunks
        change(number, book)
    }

    private mutating func change(_ number: UInt64, _ book: Book?) {
        cost = cost - (books[number]?.cost ?? 0) + (book?.cost ?? 0)
        books[number] = book
    }

    /// Forgets a container; chunks that were only there are missing, or gone if nothing needs them.
    mutating func removeContainer(_ number: UInt64) {
        for slot in slots(in: number) { lose(slot) }
        change(number, nil)
    }

    /// The chunks whose place is in a container.
    func slots(in container: UInt64) -> [UInt32] {
        chunks.indices.compactMap { chunks[$0]?.place?.container == container ? UInt32($0) : nil }
    }

    /// Forgets the chunks in a container that nothing needs.
    mutating func dropUnused(in container: UInt64) {
        for slot in slots(in: container) where self[slot]?.references == 0 { lose(slot) }
    }

    // MARK: Chunks

    /// Takes over a record that was found at start; of two records of one chunk the later one counts.
    mutating func adopt(_ found: ContainerScan.Found, in container: UInt64) {
        place(
            demand(found.header.digest, length: found.header.chunkLength),
            Place(container: container, offset: found.offset, header: found.header))
    }

    /// The slot of a chunk, made without a place if it is not known.
    mutating func demand(_ digest: SHA256Digest, length: UInt32) -> UInt32 {
        if let slot = slots[digest] { return slot }
        let chunk = Chunk(digest: digest, length: length, place: nil, references: 0)
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
            chunks[Int(slot)] = chunk
        } else {
            slot = UInt32(chunks.count)
            chunks.append(chunk)
        }
        slots[digest] = slot
        return slot
    }

    /// Says where a chunk is now.
    mutating func place(_ slot: UInt32, _ place: Place?) {
        guard let chunk = self[slot] else { return }
        if chunk.references > 0 { count(chunk.place, -1) }
        chunks[Int(slot)]?.place = place
        if chunk.references > 0 { count(place, 1) }
    }

    /// One more reference.
    mutating func retain(_ slot: UInt32) {
        guard let chunk = self[slot] else { return }
        if chunk.references == 0 { count(chunk.place, 1) }
        chunks[Int(slot)]?.references += 1
    }

    /// One reference less; a missing chunk that nothing needs any more is forgotten.
    mutating func release(_ slot: UInt32) {
        guard let chunk = self[slot], chunk.references > 0 else { return }
        chunks[Int(slot)]?.references -= 1
        guard chunk.references == 1 else { return }
        count(chunk.place, -1)
        if chunk.place == nil { forget(slot) }
    }

    /// The chunk's record is damaged or gone.
    mutating func lose(_ slot: UInt32) {
        place(slot, nil)
        if self[slot]?.references == 0 { forget(slot) }
    }

    private mutating func forget(_ slot: UInt32) {
        guard let chunk = self[slot] else { return }
        slots.removeValue(forKey: chunk.digest)
        chunks[Int(slot)] = nil
        free.append(slot)
    }

    private mutating func count(_ place: Place?, _ sign: Int) {
        guard let place, var book = books[place.container] else { return }
        let bytes = place.header.recordLength
        if sign > 0 {
            book.live += bytes
            book.liveChunks += 1
        } else {
            book.live -= min(book.live, bytes)
            book.liveChunks -= min(book.liveChunks, 1)
        }
        books[place.container] = book
    }

    /// The bytes of the largest container.
    var largestContainer: UInt64 { books.values.reduce(0) { max($0, $1.cost) } }

    /// The container whose compaction pays best: the most dead bytes for what has to be copied, and no more to copy than there is room for.
    func bestVictim(room: UInt64, leastDeadPercent: UInt64) -> UInt64? {
        books.filter { _, book in
            book.dead > 0 && book.dead >= book.cost / 100 * leastDeadPercent && book.liveCost <= room
        }
        .max { left, right in
            (left.value.dead, right.value.liveCost, right.key) < (right.value.dead, left.value.liveCost, left.key)
        }?.key
    }
}
