package import Content
package import Model

/// How a container pool cuts, packs and stores.
package struct ContainerPoolSettings: Sendable {
    /// A container that has reached this size takes no more chunks; under a small quota it is smaller (`containerLimit`).
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

    /// Containers are at most this part of the quota, and never so small that a few chunks fill them.
    private static let containersPerQuota: UInt64 = 16
    private static let leastChunks: UInt64 = 4

    /// The size at which a container of a pool with this quota takes no more chunks.
    func containerLimit(quota: UInt64) -> UInt64 {
        min(containerBytes, max(quota / Self.containersPerQuota, Self.leastChunks * UInt64(limits.maximum)))
    }

    /// Room that is never promised to a transfer: a compaction copies at most one container's chunks before it removes that container.
    ///
    /// - Parameter largest: the bytes of the largest container that is there: it may be from before the quota was lowered.
    package func slack(quota: UInt64, largest: UInt64 = 0) -> UInt64 {
        max(containerLimit(quota: quota) + UInt64(limits.maximum) + 2 * chunkOverhead, largest + containerOverhead)
    }

    /// The smallest quota under which packages of these lengths all fit, whatever they contain.
    package func quota(for lengths: [UInt64]) -> ByteCount {
        let own = UInt64(PackageManifest.headerLength)
        let needed = lengths.reduce(containerOverhead) { $0 + room(for: $1) + own }
        // What is kept back grows with the quota, by a sixteenth of it at the most: this ends at the smallest that suffices.
        var quota = needed
        while quota < needed + slack(quota: quota) { quota = needed + slack(quota: quota) }
        return ByteCount(quota)
    }
}
