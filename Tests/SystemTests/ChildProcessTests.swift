import System
import Testing

@Suite("Child processes")
struct ChildProcessTests {
    @Test func takesInputAndGivesBothOutputsAndTheStatus() throws {
        var child = ChildProcess("sh", ["-c", "cat; echo problem >&2; exit 21"])
        child.input = Array("hello".utf8)
        let outcome = try child.run()
        #expect(outcome.status == .exited(21))
        #expect(outcome.outputText == "hello")
        #expect(outcome.errorText == "problem\n")
        #expect(!outcome.truncated && !outcome.timedOut)
    }

    @Test func argumentsReachTheProgramUntouched() throws {
        let hostile = "$(touch /tmp/x); 'a' \"b\" * \n"
        #expect(try ChildProcess("printf", ["%s", hostile]).run().outputText == hostile)
    }

    @Test func environmentAndFolderAreThoseGiven() throws {
        var child = ChildProcess("/bin/sh", ["-c", "env; pwd"], environment: ["ONLY": "this"])
        child.folder = "/usr"
        let text = try child.run().outputText
        #expect(text.contains("ONLY=this\n") && text.contains("/usr\n") && !text.contains("HOME="))
    }

    @Test func outputBeyondTheLimitIsDroppedNotKept() throws {
        var child = ChildProcess("head", ["-c", "3000000", "/dev/zero"])
        child.outputLimit = 1000
        let outcome = try child.run()
        #expect(outcome.output.count == 1000 && outcome.truncated && outcome.isSuccess)
    }

    @Test func deadlineEndsTheWholeGroup() throws {
        var child = ChildProcess("sh", ["-c", "sleep 60 & echo $!; trap '' TERM; while :; do sleep 1; done"])
        child.deadline = .milliseconds(200)
        child.grace = .milliseconds(200)
        let begin = SystemClock.uptime
        let outcome = try child.run()
        #expect(outcome.timedOut && outcome.status == .signalled(9))
        #expect(SystemClock.uptime - begin < .seconds(20))
        let grandchild = outcome.outputText.split(separator: "\n").first.map(String.init) ?? "none"
        let status = try? File.read("/proc/\(grandchild)/status", limit: 65536)  // Gone, or a zombie for a moment.
        #expect(status.map { String(decoding: $0, as: UTF8.self).contains("State:\tZ") } ?? true)
    }

    @Test func aGrandchildThatKeepsThePipeOpenIsNotWaitedFor() throws {
        let begin = SystemClock.uptime
        let outcome = try ChildProcess("sh", ["-c", "echo done; sleep 30 &"]).run()
        #expect(outcome.outputText == "done\n")
        #expect(SystemClock.uptime - begin < .seconds(20))
    }

    @Test func whatCannotBeStartedIsAnErrorNotAnExitStatus() throws {
        #expect(systemError { _ = try ChildProcess("/no/such/program").run() }?.errno == .notFound)
        #expect(systemError { _ = try ChildProcess("no-such-program").run() }?.errno == .notFound)
        #expect(systemError { _ = try ChildProcess("/etc/passwd").run() }?.errno == .permission)
        #expect(systemError { _ = try ChildProcess("echo", ["a\0b"]).run() }?.errno == .invalid)
    }

    @Test(.disabled(if: Sanitizer.isPresent, "a sanitizer's child has no limit of file size"))
    func limitsHoldInTheChild() throws {
        var child = ChildProcess("sh", ["-c", "ulimit -n; ulimit -f"])
        child.limits = [.openFiles(17), .fileSize(51200)]
        #expect(try child.run().outputText == "17\n100\n")
    }

    @Test func onlyStandardDescriptorsAreInherited() throws {
        // The fourth is the folder that ls itself reads.
        #expect(try ChildProcess("ls", ["/proc/self/fd"]).run().outputText == "0\n1\n2\n3\n")
    }

    @Test func brokenPipeEndsTheChildAsUsual() throws {
        Signals.ignoreBrokenPipe()
        let outcome = try ChildProcess("bash", ["-c", "yes | head -n 1; echo ${PIPESTATUS[0]}"]).run()
        #expect(outcome.outputText == "y\n141\n")
    }

    @Test func aSupervisedChildIsWaitedForAndEnded() throws {
        let child = try ChildProcess("sleep", ["60"]).start()
        #expect(child.wait(timeout: .milliseconds(50)) == nil)
        #expect(child.terminate() == .signalled(15))
        #expect(child.wait() == .signalled(15))
    }
}
