internal import Model
internal import Network
internal import Protocol
internal import System

/// Moves bytes from sources to the channel: messages first, then bulk, the most urgent of it, a frame at a time and straight from the buffer that it
/// was read into.
extension SessionConnection {
    /// Sends until something is full or all is done.
    func pump() {
        guard let channel, channel.isOpen else { return }
        var budget = Self.sendBudget
        while let taken = sendSome(channel) {
            budget -= taken
            if budget <= 0 {
                bookPump()
                break
            }
        }
        if session.isFinished {
            channel.close()
        } else {
            setTimer()
        }
    }

    /// Sends a piece; nil when nothing is left or the channel is full.
    private func sendSome(_ channel: TLSChannel) -> Int? {
        if var frame = outgoing {
            guard !session.isFinished else { return nil }
            let taken = channel.send(frame.bytes)
            sendMeter.count(taken, at: loop.now)
            session.wroteDirectly(taken)
            frame.left = frame.left.lowerBound + taken..<frame.left.upperBound
            outgoing = frame
            guard frame.left.isEmpty else { return nil }
            outgoing = nil
            frame.sender.wrote(frame)
            if sending[frame.stream] === frame.sender { readAhead(frame.sender, frame.stream) }
            return taken
        }
        if session.hasOutput {
            var (offered, taken) = (0, 0)
            session.withOutput { span in
                offered = span.count
                taken = span.withUnsafeBytes { channel.send($0) }
                return taken
            }
            sendMeter.count(taken, at: loop.now)
            return taken == offered && offered > 0 ? taken : nil
        }
        return beginBulk() ? 0 : nil
    }

    /// Makes the next piece of bulk ready; false when there is none that may go.
    private func beginBulk() -> Bool {
        repeat {
            while let stream = session.nextWritable() {
                guard let sender = sending[stream] else { continue }
                switch sender.next(&session, stream) {
                case .waiting: continue
                case .queued:
                    sender.lastProgress = loop.now
                    return true
                case .frame(let frame, let isEnd):
                    outgoing = frame
                    sender.lastProgress = loop.now
                    if isEnd { sending[stream] = nil } else { readAhead(sender, stream) }
                    return true
                case .over:
                    sending[stream] = nil
                    if sender.hasFailed { session.reset(stream, .failed) }
                    if session.hasOutput { return true }
                }
            }
        } while takeTurn()
        return false
    }

    func bookPump() {
        guard !pumpBooked else { return }
        pumpBooked = true
        loop.execute {
            self.assumeIsolated { this in
                this.pumpBooked = false
                this.pump()
            }
        }
    }

    /// Begins to send content.
    func send(_ sender: BulkSender, _ stream: StreamID) {
        sending[stream] = sender
        sender.lastProgress = loop.now
        if sender.isReady { session.wantsToSend(stream) }
        readAhead(sender, stream)
        pump()
    }

    /// Reads the next buffer, and sends when it is there; what is at hand is for the caller's pump.
    private func readAhead(_ sender: BulkSender, _ stream: StreamID) {
        // Touched on the loop only.
        nonisolated(unsafe) let sender = sender
        let isThere = sender.readAhead(on: loop) { [weak self] in
            self?.assumeIsolated { this in
                guard this.sending[stream] === sender else { return }
                if sender.hasFailed, !sender.isReady {
                    this.sending[stream] = nil
                    this.session.reset(stream, .failed)
                } else {
                    this.session.wantsToSend(stream)
                    // Room for one more: a fast source stays ahead.
                    this.readAhead(sender, stream)
                }
                this.pump()
            }
        }
        if isThere { session.wantsToSend(stream) }
    }
}
