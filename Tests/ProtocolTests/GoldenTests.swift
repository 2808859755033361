import Codec
import Foundation
import Model
import Protocol
import Testing

/// Samples of the wire kept for ever: what one release wrote, every later one reads and writes the same.
///
/// A file `Tests/Golden/protocol/NAME.hex` holds bytes in hexadecimal. A sample for something new is written once by running the tests
/// with `AXLE_NEW_GOLDEN=1`; the run fails all the same, so that a person looks at it. No file is ever written over.
@Suite("Golden samples of axle/1")
struct GoldenTests {
    static let folder = RecordedSessionTests.root.appending(path: "Tests/Golden/protocol")

    @Test("every message reads from its sample and writes the same bytes", arguments: MessageSamples.all)
    func message(_ message: Message) throws {
        let bytes = try sample("message-\(message.number)-\(message.name)", made: message.encoded())
        #expect(try Message(decoding: bytes) == message)
        #expect(message.encoded() == bytes)
    }

    @Test("a field that was added later reads from its sample too", arguments: MessageSamples.widened.map(\.added))
    func widened(_ added: String) throws {
        let message = try #require(MessageSamples.widened.first { $0.added == added }?.message)
        let bytes = try sample("message-\(message.number)-\(message.name)-\(added)", made: message.encoded())
        #expect(try Message(decoding: bytes) == message)
        #expect(message.encoded() == bytes)
    }

    @Test("every frame reads from its sample and is written the same", arguments: MessageSamples.frames.map(\.name))
    func frame(_ name: String) throws {
        let made = try #require(MessageSamples.frames.first { $0.name == name }?.bytes)
        let bytes = try sample(name, made: made)
        #expect(bytes == made)
        var reader = FrameReader()
        reader.takesOnlyHello = false
        var offset = 0
        let piece = try reader.next(bytes.span, &offset)
        #expect(offset == bytes.count)
        switch piece {
        case .data(let header, let range, let isFirst, let isLast):
            #expect(isFirst && isLast && header.type == .data && bytes[range] == [0xde, 0xad, 0xbe, 0xef])
        case .whole(let header, _): #expect("frame-\(header.type)" == name)
        default: Issue.record("no whole frame: \(String(describing: piece))")
        }
    }

    @Test("there is a sample for every message and frame type, and for nothing else")
    func complete() throws {
        let expected =
            MessageSamples.all.map { "message-\($0.number)-\($0.name).hex" }
            + MessageSamples.widened.map { "message-\($0.message.number)-\($0.message.name)-\($0.added).hex" }
            + MessageSamples.frames.map { "\($0.name).hex" }
        let found = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(found) == Set(expected))
        #expect(MessageSamples.frames.count == FrameType.allCases.count)
    }

    private func sample(_ name: String, made: [UInt8]) throws -> [UInt8] {
        let file = Self.folder.appending(path: name + ".hex")
        if !FileManager.default.fileExists(atPath: file.path) {
            guard ProcessInfo.processInfo.environment["AXLE_NEW_GOLDEN"] == "1" else {
                throw GoldenError(text: "\(file.path) is missing; AXLE_NEW_GOLDEN=1 writes it once")
            }
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            let text = made.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined() + "\n"
            try Data(text.utf8).write(to: file, options: .withoutOverwriting)
            Issue.record("\(name).hex is new: look at it, then commit it")
        }
        let digits = try String(contentsOf: file, encoding: .utf8).filter { !$0.isWhitespace }.map(\.hexDigitValue)
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else {
            throw GoldenError(text: "\(file.path) is no hexadecimal text")
        }
        let values = digits.compactMap { $0 }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}

struct GoldenError: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}
