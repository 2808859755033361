import Foundation
import Model
import Protocol
import TestSupport
import Testing

@Suite("Recorded session")
struct RecordedSessionTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("a session with every message and frame decodes and validates with Python's cbor2 and pycddl")
    func validates() throws {
        let python = Self.root.appending(path: ".venv/bin/python3")
        guard FileManager.default.isExecutableFile(atPath: python.path) else {
            Issue.record("\(python.path) is not there: run `make setup`, which makes it from Tests/requirements.txt")
            return
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "axle-session-\(UUID().uuidString).txt")
        // A file left behind in the temporary folder harms nothing.
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(record().utf8).write(to: file)

        let run = try TestProcess.run(
            python.path,
            [
                Self.root.appending(path: "Tests/ProtocolTests/validate_session.py").path, file.path,
                Self.root.appending(path: "Sources/Protocol/axle.cddl").path,
            ])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
    }

    /// A line per write, `D` or `L` and the bytes in hexadecimal.
    private func record() throws -> String {
        let pair = SessionPair()
        var lines: [String] = []
        func note() {
            if !pair.fromDialler.isEmpty { lines.append("D " + hex(pair.fromDialler)) }
            if !pair.fromListener.isEmpty { lines.append("L " + hex(pair.fromListener)) }
            (pair.fromDialler, pair.fromListener) = ([], [])
        }
        func run() {
            while true {
                let isMoving = pair.stepDialler()
                note()
                guard pair.stepListener() || isMoving else { return }
                note()
            }
        }
        run()
        pair.listener.accept(SessionPair.hello(.hub))
        run()
        // Every message once as a request, alternating sides; each is answered.
        for (index, message) in (MessageSamples.all + MessageSamples.widened.map(\.message)).enumerated() {
            let asker: SessionSide = index.isMultiple(of: 2) ? .dialler : .listener
            let answerer: SessionSide = index.isMultiple(of: 2) ? .listener : .dialler
            let stream = try pair.open(asker, message, .normal)
            run()
            pair.reply(answerer, stream, .ok(OK()))
            run()
        }
        // Content over more than a window, so that credit flows; a second transfer that is cut off.
        let content = Message.content(Content(length: 6 << 20, offset: 0))
        let stream = try pair.open(.dialler, .fetchMetadata(FetchMetadata(name: "timestamp.json")))
        run()
        pair.reply(.listener, stream, content, isEnd: false)
        var left = 6 << 20
        while left > 0 {
            let piece = min(left, 300_000)
            left -= try #require(
                pair.send(.listener, stream, [UInt8](repeating: 7, count: piece), isEnd: piece == left))
            run()
            _ = pair.writable(.listener)
        }
        let other = try pair.open(.listener, .fetchMetadata(FetchMetadata(name: "timestamp.json")))
        run()
        pair.reply(.dialler, other, content, isEnd: false)
        pair.send(.dialler, other, [1, 2, 3])
        pair.listener.reset(other)
        run()
        pair.now += ProtocolLimits.idleSilence
        #expect(pair.tick(.dialler) == nil)
        run()
        pair.dialler.close(GoAway(.leaving, "restarting", retryAfterSeconds: 5), at: pair.now)
        run()
        #expect(pair.diallerLog.failure == nil && pair.listenerLog.failure == nil)
        return lines.joined(separator: "\n") + "\n"
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
