package import Model

/// A package that the plan has taken from a pool: it is not wished or imported there again as long as the plan says so.
package struct PruneRecord: Hashable, Sendable {
    /// The hub or spoke whose pool it is.
    package var node: NodeID
    package var path: TargetPath
    package var digest: SHA256Digest
    /// Why it went, for people.
    package var text: String
    /// Whether the spoke has said that it is gone.
    package var isDone: Bool
    package var asked: UnixTime

    package init(
        node: NodeID, path: TargetPath, digest: SHA256Digest, text: String, isDone: Bool = false, asked: UnixTime
    ) {
        self.node = node
        self.path = path
        self.digest = digest
        self.text = text
        self.isDone = isDone
        self.asked = asked
    }
}

/// What was pruned, by node and path.
package protocol PruneStore: AnyObject {
    /// Keeps or replaces a record.
    func putPrune(_ prune: PruneRecord) throws
    func removePrune(node: NodeID, path: TargetPath) throws
    func prune(node: NodeID, path: TargetPath) throws -> PruneRecord?
    /// What was pruned at a node, in the order of paths.
    func prunes(at node: NodeID) throws -> [PruneRecord]
    /// The nodes with something pruned, in the order of ids.
    func prunedNodes() throws -> [NodeID]
}
