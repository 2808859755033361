import Hub
import Testing

@Suite struct TokenRefusalsTests {
    @Test func aMinuteHasSoManyLinesAndTheNextOneSaysHowManyWereLeftOut() {
        var refusals = TokenRefusals()
        var lines: [String] = []
        for _ in 0..<500 {
            let line = refusals.line(from: "192.0.2.80", "GET /v1/status", hasToken: true, at: .seconds(5))
            if let line { lines.append(line) }
        }
        #expect(lines.count == TokenRefusals.limit)
        #expect(lines.first == "API: refused 192.0.2.80: a wrong token for GET /v1/status")
        #expect(lines.last?.contains("only counted") == true)
        let next = refusals.line(from: "", "GET /", hasToken: false, at: .seconds(65))
        #expect(
            next == "API: refused an unknown address: no token for GET /; 480 more were refused since the last line")
    }

    @Test func whatAStrangerSendsMakesNoLongLineAndNoSecondOne() throws {
        var refusals = TokenRefusals()
        let hostile = "GET /\u{1B}[2J\r\nhub.log: forged " + String(repeating: "x", count: 9000)
        let said = refusals.line(from: "::1", hostile, hasToken: true, at: .zero)
        let line = try #require(said)
        #expect(line.utf8.count < 400)
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
    }
}
