internal import CLinux
internal import Glibc

/// A child that runs: waited for through a descriptor, so that its id cannot be another process's by then.
package final class RunningChild: Sendable {
    package let identifier: Int32
    private let file: FileDescriptor
    private let ended = NativeLock<ChildProcess.Status?>(nil)

    /// Readable once the child has ended.
    var descriptor: Int32 { file.number }

    init(_ identifier: Int32) throws(SystemError) {
        self.identifier = identifier
        do throws(SystemError) {
            file = FileDescriptor(takingOwnership: try retrying("pidfd_open") { axle_pidfd_open(identifier) })
        } catch {
            kill(-identifier, SIGKILL)
            var status: Int32 = 0
            _ = try? retrying("waitpid") { waitpid(identifier, &status, 0) }  // The first error is the one to tell.
            throw error
        }
    }

    /// Waits for the end, blocking.
    package func wait() -> ChildProcess.Status {
        ended.withLock { ended in
            if let ended { return ended }
            var raw: Int32 = 0
            while waitpid(identifier, &raw, 0) < 0 {
                // Only an interruption is expected; a child that someone else waited for counts as killed.
                if Errno.current != .interrupted {
                    raw = SIGKILL
                    break
                }
            }
            let status = ChildProcess.Status(raw: raw)
            ended = status
            return status
        }
    }

    /// Waits at most this long, blocking; nil if it still runs.
    package func wait(timeout: Duration) -> ChildProcess.Status? {
        let end = SystemClock.uptime + timeout
        while true {
            let rest = max(.zero, end - SystemClock.uptime)
            var one = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
            let count = poll(&one, 1, milliseconds(rest))
            if count > 0 { return wait() }
            if count == 0 { return nil }
            // Interrupted: wait for the rest.
        }
    }

    /// Sends a signal to the child's process group, which is gone once all in it have ended.
    package func signalGroup(_ number: Int32) {
        // While the child is not waited for, its id and so its group's cannot be reused.
        kill(-identifier, number)
    }

    /// Asks the child and its group to end, and after `grace` makes them; blocks until the child is gone.
    package func terminate(grace: Duration = .seconds(5)) -> ChildProcess.Status {
        signalGroup(SIGTERM)
        if let status = wait(timeout: grace) { return status }
        signalGroup(SIGKILL)
        return wait()
    }
}
