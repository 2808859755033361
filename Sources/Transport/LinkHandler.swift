package import Protocol

/// Hears what happens on links. Called on the links' loops, for one link in order; must not block: it puts the event on
/// its daemon's queue and returns.
package protocol LinkHandler: AnyObject, Sendable {
    /// `opened`, then requests and replies, then `closed`, as `LinkEvent` says. A fetch request may be answered with
    /// `Links.sendContent`, every request with `LinkEffect.reply`.
    func linkEvent(_ event: LinkEvent)

    /// A request or reply of the peer, for which it sent so many bytes; false if too much of this link waits.
    /// Nothing more is read from it then until `Links.resumeReading`.
    func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool

    /// So many bytes have passed over a link since it was said last; the last time before `closed`. For totals.
    func linkUsed(_ link: LinkID, sent: UInt64, received: UInt64)

    /// A stranger's message on a join connection (`joinBegin`, `joinRequest` or `renew`); to be answered with
    /// `LinkEffect.reply`. Its connection ends by itself.
    func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message)

    /// A listener's peer that did not get as far as a session: its address and why, for the log.
    func linkRefused(_ address: String, _ reason: String)
}

extension LinkHandler {
    package func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool {
        linkEvent(event)
        return true
    }

    package func linkUsed(_ link: LinkID, sent: UInt64, received: UInt64) {}
    package func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message) {}
    package func linkRefused(_ address: String, _ reason: String) {}
}
