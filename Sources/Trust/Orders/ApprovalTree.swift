import Codec
package import Model

/// One machine's part of a rollout, as an operator approves it.
package struct ApprovedAction: Hashable, Sendable {
    package var agent: NodeID
    package var action: ActionID
    package var target: OrderTarget

    package init(agent: NodeID, action: ActionID, target: OrderTarget) {
        self.agent = agent
        self.action = action
        self.target = target
    }

    /// What the tree's leaf is the hash of.
    var bytes: [UInt8] {
        CBOREncoder.encode(
            .array([
                .id(agent), .id(action), .value(target.path), .bytes(target.sha256.bytes), .unsigned(target.length),
                .value(target.line), .unsigned(target.counter),
            ]))
    }
}

/// The hash tree over a rollout's actions in their order: Merkle Tree Hash of RFC 9162 §2.1.1 with SHA-256.
package struct ApprovalTree: Sendable {
    /// Actions of one rollout that a tree takes.
    package static let limit = 1 << 20

    /// Hashes level by level: the leaves first, the root last.
    private let levels: [[[UInt8]]]

    /// The tree; nil for no actions or more than the limit.
    package init?(_ actions: [ApprovedAction], _ digester: any Digester) {
        guard (1...Self.limit).contains(actions.count) else { return nil }
        var levels = [actions.map { Self.leaf($0, digester) }]
        var level = levels[0]
        while level.count > 1 {
            var next: [[UInt8]] = []
            next.reserveCapacity(level.count / 2 + 1)
            // A hash without a neighbour goes up as it is, which gives the same tree as the RFC's split at a power of two.
            for index in stride(from: 0, to: level.count, by: 2) {
                next.append(
                    index + 1 < level.count ? Self.node(level[index], level[index + 1], digester) : level[index])
            }
            levels.append(next)
            level = next
        }
        self.levels = levels
    }

    /// How many actions it has.
    package var count: Int { levels[0].count }

    /// The root's hash.
    package var root: SHA256Digest {
        get throws { try SHA256Digest(bytes: levels[levels.count - 1][0]) }
    }

    /// The proof that the action at that place is in the tree; nil for a place beyond its end.
    package func proof(at index: Int) -> Proof? {
        guard levels[0].indices.contains(index) else { return nil }
        var path: [[UInt8]] = []
        var place = index
        for level in levels.dropLast() {
            let neighbour = place ^ 1
            if level.indices.contains(neighbour) { path.append(level[neighbour]) }
            place >>= 1
        }
        return Proof(index: UInt64(index), path: path)
    }

    /// That an action is in a tree: the hashes beside its way to the root (RFC 9162 §2.1.3).
    package struct Proof: Hashable, Sendable {
        package var index: UInt64
        /// 32 bytes each, from the leaf up; at most 20.
        package var path: [[UInt8]]

        package init(index: UInt64, path: [[UInt8]]) {
            self.index = index
            self.path = path
        }

        /// Verifies it against a root over `count` actions (RFC 9162 §2.1.3.2).
        package func holds(
            of action: ApprovedAction, count: UInt64, root: SHA256Digest, _ digester: any Digester
        ) -> Bool {
            guard count > 0, count <= UInt64(ApprovalTree.limit), index < count else { return false }
            var place = index
            var last = count - 1
            var hash = ApprovalTree.leaf(action, digester)
            for neighbour in path {
                guard last > 0 else { return false }
                if place & 1 == 1 || place == last {
                    hash = ApprovalTree.node(neighbour, hash, digester)
                    while place & 1 == 0, place > 0 {
                        place >>= 1
                        last >>= 1
                    }
                } else {
                    hash = ApprovalTree.node(hash, neighbour, digester)
                }
                place >>= 1
                last >>= 1
            }
            return last == 0 && hash == root.bytes
        }
    }

    /// Leaves and nodes begin differently, so that none can be taken for the other.
    fileprivate static func leaf(_ action: ApprovedAction, _ digester: any Digester) -> [UInt8] {
        digester.sha256([0] + action.bytes)
    }

    fileprivate static func node(_ left: [UInt8], _ right: [UInt8], _ digester: any Digester) -> [UInt8] {
        digester.sha256([1] + left + right)
    }
}
