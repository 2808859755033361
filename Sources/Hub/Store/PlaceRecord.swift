package import Model

/// In which of its several pools a hub or spoke has a package, and why there.
package struct PlaceRecord: Hashable, Sendable {
    /// The hub, or the spoke.
    package var node: NodeID
    package var path: TargetPath
    package var pool: NodeName
    /// Why not in a pool before; nil where there is nothing to say.
    package var reason: String?

    package init(node: NodeID, path: TargetPath, pool: NodeName, reason: String? = nil) {
        self.node = node
        self.path = path
        self.pool = pool
        self.reason = reason
    }
}

/// Places, by node and path; none for what has one pool.
package protocol PlaceStore: AnyObject {
    func putPlace(_ place: PlaceRecord) throws
    func removePlace(node: NodeID, path: TargetPath) throws
    func place(node: NodeID, path: TargetPath) throws -> PlaceRecord?
    /// The places at a node, in the order of paths.
    func places(at node: NodeID) throws -> [PlaceRecord]
}
