internal import Model
package import Network
import Protocol
internal import System
internal import TLS

/// Deadlines, and how a connection ends.
extension SessionConnection {
    package nonisolated func timerFired(_ timer: LoopTimer) {
        nonisolated(unsafe) let fired = timer
        assumeIsolated { this in
            if fired === this.paceTimer { this.turnCame() } else { this.tick() }
        }
    }

    func tick() {
        timerDeadline = nil
        if let event = session.tick(at: loop.now) {
            take(event, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        if let joinDeadline, joinDeadline <= loop.now { close(.timedOut, "the join took too long") }
        expire()
        pump()
        tellUse(atLeast: Self.toldAtLeast)
        // A peer that reads nothing at its end is dropped.
        if session.isFinished { channel?.close() }
    }

    /// Gives up requests and transfers whose time is over.
    func expire() {
        let now = loop.now
        for (stream, waiter) in pending {
            guard isLate(waiter, now) else { continue }
            pending[stream] = nil
            session.reset(stream)
            fail(waiter, .timedOut, .timedOut)
        }
        // Nobody reads it: it would hold its package, and memory, for as long as the session lasts.
        for (stream, sender) in sending
        where sender.lastProgress + settings.stallTimeout <= now && session.lacksCredit(stream) {
            sending[stream] = nil
            session.reset(stream)
        }
        while let first = waiting.first, isLate(first.pending, now) {
            waiting.removeFirst()
            fail(first.pending, .timedOut, .timedOut)
        }
        sendWaiting()
    }

    func isLate(_ waiter: Pending, _ now: Duration) -> Bool {
        switch waiter {
        case .core(_, let deadline), .call(_, let deadline): deadline <= now
        case .fetch(let receiver, _):
            receiver.unwritten == 0 && receiver.lastProgress + settings.stallTimeout <= now
        }
    }

    /// Sets the one timer to what comes next: the session's own time, or a look at the deadlines every few seconds
    /// while anything is out. It is only ever moved forward; one that comes too early finds nothing to do.
    func setTimer() {
        var next = session.nextTick
        if !pending.isEmpty || !waiting.isEmpty || !sending.isEmpty {
            let look = loop.now + lookInterval
            next = min(next ?? look, look)
        }
        if let joinDeadline { next = min(next ?? joinDeadline, joinDeadline) }
        guard let next else { return }
        if let timerDeadline, timerDeadline <= next { return }
        timerDeadline = next
        loop.schedule(timer, after: max(.zero, next - loop.now), coarse: true, self)
    }

    /// When a stranger's connection ends next, if nothing happens.
    private var joinDeadline: Duration? {
        guard let joinEnd else { return nil }
        return min(joinEnd, joinSilence ?? joinEnd)
    }

    // MARK: The end

    func fail(_ waiter: Pending, _ error: TransportError, _ failure: LinkFailure?) {
        switch waiter {
        case .core(let request, _):
            // The link's end stands for the failure of all that are out.
            if let failure, failure != .closed { handler.linkEvent(.failed(id, request, failure)) }
        case .call(let call, _): call.finish(.failure(error))
        case .fetch(let receiver, _): receiver.fail(error, on: loop)
        }
    }

    func failAll() {
        let closure = self.closure ?? LinkClosure(code: .connectionLost, text: "the connection broke")
        let all = pending.values
        pending = [:]
        sending = [:]
        filesWaiting = []
        for waiter in all { fail(waiter, .closed(closure), .closed) }
        failWaiting()
    }

    /// Gives up what has no stream yet: there will be none.
    func failWaiting() {
        let closure = self.closure ?? LinkClosure(code: .connectionLost, text: "the connection broke")
        let all = waiting
        waiting = []
        for item in all { fail(item.pending, .closed(closure), .closed) }
    }

    func finish(_ end: ChannelEnd) {
        let closure = self.closure ?? LinkClosure(code: .connectionLost, text: end.description)
        self.closure = closure
        loop.cancel(timer)
        if let paceTimer { loop.cancel(paceTimer) }
        paceTimer = nil
        outgoing = nil
        failAll()
        tellUse(atLeast: 1)
        let channelAddress = channel?.address.description ?? "unknown"
        channel = nil
        links.remove(id)
        let wasOpen = isOpen
        isOpen = false
        if wasOpen, !isJoin, peer != nil { handler.linkEvent(.closed(id, closure)) }
        if case .listener = kind, !wasOpen {
            handler.linkRefused(channelAddress, (failure ?? Self.error(end, closure)).description)
        }
        let error = failure ?? (wasOpen ? nil : Self.error(end, closure))
        ended(End(wasOpen: wasOpen, closure: closure, error: error))
    }

    /// Why there is no session with a peer whose handshake has failed.
    static func refusal(_ end: ChannelEnd) -> TransportError {
        error(end, LinkClosure(code: .connectionLost, text: end.description))
    }

    static func error(_ end: ChannelEnd, _ closure: LinkClosure) -> TransportError {
        switch end {
        case .failed(let error): .network(.tls(error))
        case .handshakeTimeout: .network(.timedOut("the TLS handshake"))
        default: .closed(closure)
        }
    }
}
