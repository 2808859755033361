internal import Model
internal import Network
internal import Protocol
internal import System

/// The limit on what a link sends: bulk waits for its turn, control messages never do.
///
/// A timer runs only while bulk is held back, so an idle link costs nothing and a busy one wakes up at most a hundred times a second for it.
extension SessionConnection {
    /// Sends bulk by this limit from now on, or without one; what waits begins anew under it.
    func setPacer(_ new: Pacer?) {
        pacer = new
        if let paceTimer { loop.cancel(paceTimer) }
        paceTimer = nil
        session.limitData(to: new == nil ? nil : 0)
        pump()
    }

    /// Reserves the next piece for bulk that is held back; true if it may go at once, else a timer is set.
    func takeTurn() -> Bool {
        guard let pacer, paceTimer == nil, session.isHeldBack else { return false }
        let moment = pacer.reserve(at: loop.now)
        guard moment > loop.now else {
            session.allow(pacer.quantum)
            return true
        }
        let timer = LoopTimer()
        paceTimer = timer
        loop.schedule(timer, after: moment - loop.now, self)
        return false
    }

    /// The time of the reserved piece has come.
    func turnCame() {
        paceTimer = nil
        if let pacer { session.allow(pacer.quantum) }
        pump()
    }
}
