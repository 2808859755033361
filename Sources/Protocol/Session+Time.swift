extension Session {
    /// When `tick` is next to be called at the latest; nil once the session is over.
    package var nextTick: Duration? {
        switch state {
        case .awaitingHello: lastHeard + ProtocolLimits.helloTime
        case .deciding: nil
        case .open: pingDeadline
        case .leaving: min(pingDeadline, (endingSince ?? lastHeard) + ProtocolLimits.leaveTime)
        case .closing: isFinished ? nil : endingSince.map { $0 + ProtocolLimits.closeTime } ?? .zero
        }
    }

    /// Lets time pass: pings a silent peer, gives up one that does not answer or, at the end, does not read. An event is always
    /// `failed`.
    package mutating func tick(at uptime: Duration) -> SessionEvent? {
        guard let nextTick, uptime >= nextTick else { return nil }
        if state == .closing {
            if endingSince == nil {
                endingSince = uptime
            } else {
                (output, owedPong, directLeft) = (OutputQueue(), nil, 0)
            }
            return nil
        }
        if state == .awaitingHello { return fail(ProtocolError(.timedOut, "no hello in time"), at: uptime) }
        if state == .leaving, uptime >= (endingSince ?? lastHeard) + ProtocolLimits.leaveTime {
            return fail(ProtocolError(.timedOut, "streams were still open after go-away"), at: uptime)
        }
        guard pingSent == nil else { return fail(ProtocolError(.timedOut, "no answer to a ping"), at: uptime) }
        pingSent = uptime
        pingNumber += 1
        output.appendControl(.ping, pingNumber)
        return nil
    }

    /// When the next ping is to be sent or, if one is out, to be given up.
    private var pingDeadline: Duration {
        if let pingSent { return max(pingSent, lastHeard) + ProtocolLimits.pongTime }
        if !streams.isEmpty { return lastHeard + ProtocolLimits.busySilence }
        return lastHeard + ProtocolLimits.idleSilence + (side == .listener ? ProtocolLimits.listenerExtra : .zero)
    }
}
