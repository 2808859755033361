package import Codec
package import Model

/// Message 43, `poolChecked`. From spoke to hub: how far a check of a pool is, and what it has found.
package struct PoolChecked: MessageBody {
    package static let number: UInt64 = 43
    package static let name = "poolChecked"
    /// Sentences and packages that are told at the most.
    package static let most = 64
    /// Bytes of a sentence that are written, so that all fit into a message.
    private static let textLimit = 512

    package var pool: NodeName
    package var check: UInt64
    package var isOver: Bool
    /// Bytes read, of so many.
    package var read: UInt64
    package var total: UInt64
    /// A sentence for each thing that is wrong beside damaged packages.
    package var problems: [String]
    /// The packages that were found damaged, by the hashes of their objects.
    package var corrupt: [SHA256Digest]

    package init(
        pool: NodeName, check: UInt64, isOver: Bool, read: UInt64, total: UInt64, problems: [String],
        corrupt: [SHA256Digest]
    ) {
        self.pool = pool
        self.check = check
        self.isOver = isOver
        self.read = read
        self.total = total
        // Shown to operators, whoever sent it, and cut so that all of it fits into a frame.
        self.problems = problems.prefix(Self.most).map { Event.singleLine($0, limit: Self.textLimit) }
        self.corrupt = Array(corrupt.prefix(Self.most))
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        self.init(
            pool: try fields.name(1), check: try fields.unsigned(2), isOver: try fields.bool(3),
            read: try fields.size(4), total: try fields.size(5),
            problems: try fields.texts(6, count: Self.most, limit: ProtocolLimits.textLength),
            corrupt: try fields.sha256s(7, count: Self.most))
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(pool.text),
            2: .unsigned(check),
            3: .bool(isOver),
            4: .unsigned(read),
            5: .unsigned(total),
            6: .array(problems.map { .text($0) }),
            7: .array(corrupt.map { .bytes($0.bytes) }),
        ])
    }
}
