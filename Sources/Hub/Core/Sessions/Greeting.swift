import Model
import Protocol
import Trust

/// What a spoke is told when it connects, since it may have missed it; all of it may be repeated.
enum Greeting {
    static func greet(_ spoke: NodeID, _ turn: inout HubTurn) throws {
        if let list = try RevocationLists.current(turn) { RevocationLists.send(list, to: spoke, &turn) }
        if let known = try Authorities.storedAnchorSet(turn) {
            turn.ask(spoke, .anchors(Anchors(signed: known.signed)), .anchors(known.set.number))
        }
        if let catalog = try turn.store.catalog(), catalog.timestampVersion > 0 {
            let version = UInt64(clamping: catalog.timestampVersion)
            turn.ask(spoke, .catalogChanged(CatalogChanged(timestampVersion: version)), .catalogChanged(version))
        }
    }
}
