import Codec
import Model
import Testing
import Trust

struct JoiningTests {
    private func token() throws -> JoinToken {
        try JoinToken(
            id: TokenID(high: 1, low: 2), secret: Array(0..<32), pin: try SHA256Digest(bytes: Array(100..<132)))
    }

    @Test func tokensComeBackFromTheirText() throws {
        let token = try token()
        let text = token.text
        #expect(
            text
                == "axle1.AAAAAAAAAAEAAAAAAAAAAg.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM"
        )
        #expect(try JoinToken(text) == token)
        #expect(try JoinToken("  \(text)\r\n") == token)
    }

    @Test func tokensHideTheirSecret() throws {
        let token = try token()
        #expect(!"\(token)".contains("AAEC"))
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!dumped.contains("31"))
    }

    @Test func malformedTokensAreRefusedWithoutShowingThem() throws {
        let text = try token().text
        let parts = text.split(separator: ".").map(String.init)
        // Spare bits that are not zero would give one token two texts.
        let spare = String(parts[1].dropLast()) + "h"
        let pin = parts[3]
        var bad: [String] = ["", "axle1", "axle1.", String(text.dropLast()), text + "A", text + ".x", text + "="]
        bad.append("axle2.\(parts[1]).\(parts[2]).\(pin)")
        bad.append("axle1..\(parts[1]).\(parts[2]).\(pin)")
        bad.append("axle1.\(parts[1]).\(parts[2])")
        bad.append("axle1.\(parts[2]).\(parts[1]).\(pin)")
        bad.append("axle1.\(spare).\(parts[2]).\(pin)")
        bad.append("axle1 .\(text)")
        bad.append(text.replacing("-", with: "+"))
        bad.append(String(repeating: "A", count: 100_000))
        for text in bad {
            do {
                _ = try JoinToken(text)
                Issue.record("taken: \(text.prefix(60))")
            } catch {
                #expect(!"\(error)".contains(parts[2]))
            }
        }
        #expect(throws: RecordError.self) {
            try JoinToken(id: TokenID(high: 1, low: 2), secret: [1], pin: try SHA256Digest(bytes: Array(0..<32)))
        }
    }

    @Test func proofsBindSecretNonceAndBody() throws {
        let hash = TestHash()
        let (secret, nonce, body) = ([UInt8](0..<32), [UInt8](repeating: 7, count: 32), [UInt8](1...9))
        let request = try JoinProof.request(secret: secret, nonce: nonce, body: body, hash)
        let answer = try JoinProof.answer(secret: secret, nonce: nonce, body: body, hash)
        #expect(request.count == JoinProof.length)
        #expect(request != answer)
        try JoinProof.checkRequest(request, secret: secret, nonce: nonce, body: body, hash)
        try JoinProof.checkAnswer(answer, secret: secret, nonce: nonce, body: body, hash)
        let otherNonce = [UInt8](repeating: 8, count: 32)
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest(answer, secret: secret, nonce: nonce, body: body, hash)
        }
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkAnswer(request, secret: secret, nonce: nonce, body: body, hash)
        }
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest(request, secret: [1], nonce: nonce, body: body, hash)
        }
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest(request, secret: secret, nonce: otherNonce, body: body, hash)
        }
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest(request, secret: secret, nonce: nonce, body: body + [0], hash)
        }
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest([], secret: secret, nonce: nonce, body: body, hash)
        }
        // A short nonce could let the first bytes of a body count as nonce.
        let moved = try JoinProof.request(secret: secret, nonce: Array(nonce.dropLast()), body: [7] + body, hash)
        #expect(throws: RecordError.badProof) {
            try JoinProof.checkRequest(moved, secret: secret, nonce: Array(nonce.dropLast()), body: [7] + body, hash)
        }
    }

    @Test func bodiesComeBack() throws {
        #expect(try JoinRequestBody(decoding: Samples.joinRequest().encoded()) == Samples.joinRequest())
        #expect(try JoinAnswerBody(decoding: Samples.joinAnswer().encoded()) == Samples.joinAnswer())
        let spoke = JoinRequestBody(csr: [1], name: try NodeName("north"), reportKey: nil, role: .spoke)
        #expect(try JoinRequestBody(decoding: spoke.encoded()) == spoke)
    }

    @Test func malformedBodiesAreRefused() throws {
        let request = try Samples.joinRequest().encoded()
        let answer = try Samples.joinAnswer().encoded()
        for count in 0..<request.count {
            #expect(throws: RecordError.self) { try JoinRequestBody(decoding: Array(request.prefix(count))) }
        }
        for count in 0..<answer.count {
            #expect(throws: RecordError.self) { try JoinAnswerBody(decoding: Array(answer.prefix(count))) }
        }
        #expect(throws: RecordError.self) { try JoinRequestBody(decoding: request + [0]) }
        #expect(throws: RecordError.self) { try JoinAnswerBody(decoding: answer + [0]) }
        let name = try NodeName("a")
        let bad = [
            JoinRequestBody(csr: [1], name: name, reportKey: [1], role: .hub),
            JoinRequestBody(csr: [1], name: name, reportKey: nil, role: .agent),
            JoinRequestBody(csr: [1], name: name, reportKey: [1], role: .spoke),
            JoinRequestBody(csr: Array(repeating: 1, count: 8193), name: name, reportKey: [1], role: .agent),
        ]
        for body in bad { #expect(throws: RecordError.self) { try JoinRequestBody(decoding: body.encoded()) } }
        for chain in [[], [[]], Array(repeating: [UInt8(1)], count: 9)] as [[[UInt8]]] {
            var body = try Samples.joinAnswer()
            body.chain = chain
            #expect(throws: RecordError.self) { try JoinAnswerBody(decoding: body.encoded()) }
        }
    }
}
