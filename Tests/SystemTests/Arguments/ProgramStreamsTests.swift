import Glibc
import System
import TestSupport
import Testing

/// What a program prints either arrives or is its failure.
@Suite("Output of programs")
struct ProgramStreamsTests {
    private final class Text: Sendable {
        private let lines = NativeLock("")
        var text: String { lines.withLock { $0 } }
        func add(_ more: String) { lines.withLock { $0 += more } }
    }

    private func streams(_ errno: Int32?, _ errors: Text) -> ProgramStreams {
        ProgramStreams(writing: { _ in errno.map { Errno(rawValue: $0) } }, error: { errors.add($0) })
    }

    @Test("what a peer says cannot steer the terminal: it is cleaned when it is printed")
    func printedTextIsPlain() {
        let hostile = "a\u{1B}]0;x\u{07}b\u{9B}2Jc\rd\u{202E}e\u{0}f\u{7F}g\th\n"
        let plain = "a?]0;x?b?2Jc?d?e?f?g\th\n"
        let out = NativeLock("")
        let error = NativeLock("")
        let streams = ProgramStreams(
            output: { text in out.withLock { $0 += text } }, error: { text in error.withLock { $0 += text } })
        streams.line(hostile)
        streams.lines(hostile)
        streams.message(hostile)
        #expect(out.withLock { $0 } == plain + "\n" + plain)
        #expect(error.withLock { $0 } == plain + "\n")
        #expect(PlainText.clean("é 日本 👍🏽 x") == "é 日本 👍🏽 x")
    }

    @Test(arguments: [ENOSPC, EIO, EDQUOT, EBADF]) func outputThatIsNotCompleteIsAFailure(errno: Int32) {
        let errors = Text()
        let streams = streams(errno, errors)
        #expect(streams.status(after: 0, program: "axle") == 0)
        streams.line("one")
        #expect(streams.status(after: 0, program: "axle") == 1)
        #expect(streams.status(after: 2, program: "axle") == 2)
        #expect(errors.text.contains("axle: standard output could not be written: \(Errno(rawValue: errno))"))
        #expect(throws: SystemError.self) { try streams.deliver("secret") }
    }

    @Test func aReaderThatWentAwayIsNoFailureExceptForWhatIsShownOnce() {
        let errors = Text()
        let streams = streams(EPIPE, errors)
        streams.line("one")
        #expect(streams.status(after: 0, program: "axle") == 0 && errors.text.isEmpty)
        #expect(throws: SystemError.self) { try streams.deliver("secret") }
    }

    @Test func whatArrivesIsNoFailure() throws {
        let streams = streams(nil, Text())
        streams.line("one")
        try streams.deliver("secret")
        #expect(streams.status(after: 0, program: "axle") == 0)
    }

    /// Every program of ours, on the device that is always full.
    @Test(arguments: [
        ("axle", "--version"), ("axle", "-h"), ("axle-hub", "--help"), ("axle-spoke", "--version"), ("axle-tuf", "-h"),
    ])
    func helpThatCannotBePrintedIsAFailure(program: String, option: String) throws {
        let path = Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), program)
        #expect(try !Program.succeeds("/bin/sh", ["-c", "exec \"$0\" \"$1\" >/dev/full", path, option]))
        #expect(try Program.succeeds("/bin/sh", ["-c", "exec \"$0\" \"$1\" >/dev/null", path, option]))
    }
}
