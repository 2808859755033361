/// One line on standard error that shows how far a wait has come; draws nothing where no person watches.
///
/// Safe from any thread. `finish` must be called before anything else is written to the terminal.
package final class ProgressBar: Sendable {
    private struct State {
        var lastPercent = -1
        var isDrawn = false
    }

    private let label: String
    private let streams: ProgramStreams
    private let isShown: Bool
    private let state = NativeLock(State())

    package init(_ label: String, on streams: ProgramStreams, noColor: Bool) {
        self.label = label
        self.streams = streams
        isShown = streams.wantsProgress(noColorFlag: noColor)
    }

    /// Shows `done` of `total`; a total of zero or less shows the label with the text only.
    package func update(_ done: Int64, of total: Int64, text: String = "") {
        guard isShown else { return }
        let percent = total > 0 ? Int(Double(max(0, min(done, total))) / Double(total) * 100) : 0
        state.withLock { state in
            guard percent != state.lastPercent || !text.isEmpty else { return }
            state.lastPercent = percent
            state.isDrawn = true
            let filled = percent * 24 / 100
            let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 24 - filled)
            let tail = text.isEmpty ? "" : " " + text
            streams.error("\r\u{1B}[K" + String("\(label) [\(bar)] \(percent)%\(tail)".prefix(79)))
        }
    }

    /// Takes the line away again.
    package func finish() {
        guard isShown else { return }
        state.withLock { state in
            if state.isDrawn { streams.error("\r\u{1B}[K") }
            state.isDrawn = false
        }
    }
}
