package import Content
package import Model

/// How a container pool cuts, packs and stores.
package struct ContainerPoolSettings: Sendable {
    /// A container that has reached this size takes no more chunks. So much room is kept back from the quota, for compaction copies into it.
    package let containerBytes: UInt64
    package let limits: ChunkLimits
    /// Ways to read stored chunks; the first one is also used to write. Without any, chunks are stored as they are.
    package let codings: [any ChunkCoding]
    /// Threads that hash and encode chunks.
    package let lanes: Int

    package init(
        containerBytes: UInt64 = 64 << 20, limits: ChunkLimits = .standard, codings: [any ChunkCoding] = [],
        lanes: Int = 2
    ) {
        precondition(1 << 10...1 << 31 ~= containerBytes && 1...16 ~= lanes, "container settings out of range")
        self.containerBytes = containerBytes
        self.limits = limits
        self.codings = codings
        self.lanes = lanes
    }

    /// What a chunk costs beside its bytes at the most: header, places in index and manifest, and a container begun for it.
    var chunkOverhead: UInt64 {
        UInt64(ChunkHeader.length + ContainerIndex.entryLength + PackageManifest.entryLength) + containerOverhead
    }

    var containerOverhead: UInt64 { UInt64(ContainerHeader.length) + ContainerIndex.length(chunks: 0) }

    /// The most that so many bytes of a package can take, whatever they are; the manifest's header is not in it.
    package func room(for bytes: UInt64) -> UInt64 {
        guard bytes > 0 else { return 0 }
        let (overhead, overflow) = limits.mostChunks(in: bytes).multipliedReportingOverflow(by: chunkOverhead)
        let (sum, overflow2) = bytes.addingReportingOverflow(overhead)
        return overflow || overflow2 ? .max : sum
    }

    /// Room that is never promised to a transfer: a compaction copies at most one container's chunks before it removes that container.
    package var slack: UInt64 { containerBytes + UInt64(limits.maximum) + 2 * chunkOverhead }

    /// The smallest quota under which packages of these lengths all fit, whatever they contain.
    package func quota(for lengths: [UInt64]) -> ByteCount {
        let own = UInt64(PackageManifest.headerLength)
        return ByteCount(lengths.reduce(slack + containerOverhead) { $0 + room(for: $1) + own })
    }
}
