internal import CLinux
internal import Glibc

/// A child that works on bytes from outside: this program again, with resource limits, nothing open but what it is given, and no way to more.
///
/// The child calls `Confinement.enter` before it looks at a byte. Whatever happens to it (a crash, a limit, a hang, a kill) is an outcome here.
/// Blocks: call on a named queue.
package struct ConfinedChild: Sendable {
    /// Program and arguments.
    package var command: [String]
    /// Bytes of memory of its own, the program's few MiB included.
    package var ownMemory: UInt64 = 256 << 20
    /// Bytes of address space, files that it maps included.
    package var addressSpace: UInt64 = 2 << 30
    /// Bytes of the largest file that it may write; pipes have no such limit.
    package var fileSize: UInt64 = 0
    /// How long it may run; its processor time has the same limit.
    package var deadline: Duration
    /// The largest piece of its output handed on at once.
    package static let pieceLength = 256 << 10
    /// How many bytes of what it says on standard error are kept.
    private static let errorLimit = 4096
    /// How often the wish to end early is looked at.
    private static let lookEvery: Duration = .milliseconds(100)

    package init(command: [String], deadline: Duration) {
        self.command = command
        self.deadline = deadline
    }

    /// How it ended.
    package struct Outcome: Sendable {
        package let status: ChildProcess.Status
        /// What it said on standard error, cut off.
        package let errors: String
        package let timedOut: Bool
        package let cancelled: Bool

        package var isSuccess: Bool { status.isSuccess && !timedOut && !cancelled }
    }

    /// Runs the child to its end.
    ///
    /// - Parameters:
    ///   - input: its standard input, read from where the file stands; nothing if nil.
    ///   - files: numbers of open files, at most 8, which it gets as 3, 4, …; they stay the caller's and open until this returns.
    ///   - output: takes what it writes to standard output, in order; slow takers slow it down. What it throws ends the child and is thrown on.
    package func run(
        input: Int32? = nil, files: [Int32] = [], cancellation: Cancellation? = nil,
        output: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) throws -> Outcome {
        guard let program = command.first else {
            throw SystemError(call: "execve", errno: .invalid, text: "no program to run")
        }
        var process = ChildProcess(program, Array(command.dropFirst()))
        process.noNewPrivileges = true
        process.dieWithParent = true
        process.limits = limits
        let outPipe = try FileDescriptor.pipe().release()
        let outReader = FileDescriptor(takingOwnership: outPipe.reader)
        let outWriter = FileDescriptor(takingOwnership: outPipe.writer)
        let errorPipe = try FileDescriptor.pipe().release()
        let errorReader = FileDescriptor(takingOwnership: errorPipe.reader)
        let errorWriter = FileDescriptor(takingOwnership: errorPipe.writer)
        let child = try start(process, input, outWriter.number, errorWriter.number, files)
        try outWriter.close()
        try errorWriter.close()
        // Whatever is thrown below, no child is left behind.
        var ended = false
        defer {
            if !ended {
                child.signalGroup(SIGKILL)
                _ = child.wait()
            }
        }
        try outReader.setNonBlocking(true)
        try errorReader.setNonBlocking(true)

        let end = SystemClock.uptime + deadline
        var piece = [UInt8](repeating: 0, count: Self.pieceLength)
        var errors: [UInt8] = []
        var outOpen = true
        var errorOpen = true
        while outOpen || errorOpen {
            let now = SystemClock.uptime
            let cancelled = cancellation?.isCancelled ?? false
            if now >= end || cancelled {
                child.signalGroup(SIGKILL)
                let status = child.wait()
                ended = true
                return Outcome(status: status, errors: "", timedOut: !cancelled, cancelled: cancelled)
            }
            var polls = [
                pollfd(fd: outOpen ? outReader.number : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errorOpen ? errorReader.number : -1, events: Int16(POLLIN), revents: 0),
            ]
            let wait = cancellation == nil ? end - now : min(end - now, Self.lookEvery)
            if poll(&polls, 2, milliseconds(wait)) < 0, Errno.current != .interrupted {
                throw SystemError(call: "poll", errno: .current)
            }
            if polls[0].revents != 0 {
                outOpen = try Self.take(outReader, &piece, output)
            }
            if polls[1].revents != 0 {
                errorOpen = try Self.take(errorReader, &piece) { bytes in
                    errors += bytes.prefix(max(0, Self.errorLimit - errors.count))
                }
            }
        }
        // Both streams are closed; the end of a child that goes on without them is not waited for beyond its time.
        guard let status = child.wait(timeout: max(.zero, end - SystemClock.uptime)) else {
            return Outcome(status: .signalled(SIGKILL), errors: "", timedOut: true, cancelled: false)
        }
        ended = true
        return Outcome(
            status: status, errors: String(decoding: errors, as: UTF8.self), timedOut: false, cancelled: false)
    }

    private var limits: [ChildProcess.Limit] {
        let seconds = UInt64(max(1, deadline.components.seconds + 1))
        var limits: [ChildProcess.Limit] = [
            .core(0), .openFiles(64), .processorSeconds(seconds),
            // The kernel compares signed numbers: beyond 2^63 - 1 nothing could be written at all.
            .fileSize(min(fileSize, UInt64(Int64.max))),
        ]
        // A sanitizer's build takes terabytes of address space for itself.
        if axle_is_sanitized() == 0 { limits += [.addressSpace(addressSpace), .ownMemory(ownMemory)] }
        return limits
    }

    /// Starts the child with copies of the files above the numbers that it gets.
    private func start(
        _ process: ChildProcess, _ input: Int32?, _ output: Int32, _ errors: Int32, _ files: [Int32]
    ) throws(SystemError) -> RunningChild {
        var copies: [Int32] = []
        defer { for copy in copies { _ = FileDescriptor(takingOwnership: copy) } }
        for file in files + [output, errors, input ?? -1] {
            guard file >= 0 else { continue }
            copies.append(try retrying("dup") { fcntl(file, F_DUPFD_CLOEXEC, AXLE_FIRST_FREE) })
        }
        let count = files.count
        return try process.start(
            input: copies.count > count + 2 ? copies[count + 2] : -1, output: copies[count], errors: copies[count + 1],
            extra: Array(copies[..<count]))
    }

    /// Reads once and hands it on; false at the end of the stream.
    private static func take(
        _ file: borrowing FileDescriptor, _ piece: inout [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        try piece.withUnsafeMutableBytes { buffer in
            let count: Int
            do throws(SystemError) {
                count = try file.read(into: buffer)
            } catch {
                if error.errno == .again { return true }
                throw error
            }
            guard count > 0 else { return false }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return true
        }
    }
}
