package import Codec
package import Model

/// Message 42, `checkPool`. From hub to spoke: compare books and storage, and read everything if asked to.
///
/// Answered with ok at once; `poolChecked` tells how it goes and ends. A check that is under way already goes on under the newer number.
package struct CheckPool: MessageBody {
    package static let number: UInt64 = 42
    package static let name = "checkPool"

    package var pool: NodeName
    /// Comes back in `poolChecked`.
    package var check: UInt64
    package var readsData: Bool

    package init(pool: NodeName, check: UInt64, readsData: Bool) {
        self.pool = pool
        self.check = check
        self.readsData = readsData
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        pool = try fields.name(1)
        check = try fields.unsigned(2)
        readsData = try fields.bool(3)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(pool.text),
            2: .unsigned(check),
            3: .bool(readsData),
        ])
    }
}
