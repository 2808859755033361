internal import CLinux
internal import Glibc

/// A program run as a child: arguments as a list (never through a shell), an environment of its own, limits.
///
/// `run` blocks until the child is done: call it on a named queue. Children get no descriptor but the three standard
/// ones, default signal handling, and lead a process group, so that a deadline ends what they started as well.
package struct ChildProcess: Sendable {
    /// The program: an absolute or relative path, or a bare name looked up in `searchPath`.
    package var program: String
    /// The arguments after the program's name.
    package var arguments: [String]
    /// The whole environment; nothing is inherited.
    package var environment: [String: String]
    /// Where it runs; the parent's folder if nil.
    package var folder: String?
    /// What it reads on standard input; at most some MiB, since it is held in memory.
    package var input: [UInt8] = []
    /// How many bytes of each of standard output and error are kept; the rest is read and dropped.
    package var outputLimit = 64 * 1024
    /// How long it may run: then SIGTERM to its group and, after `grace`, SIGKILL. No end if nil.
    package var deadline: Duration?
    package var grace: Duration = .seconds(5)
    /// Resource limits; none by default.
    package var limits: [Limit] = []
    /// True if it may gain nothing by set-user-id programs.
    package var noNewPrivileges = false
    /// True if it gets SIGTERM when the thread that started it ends, however that ends.
    package var dieWithParent = false

    package static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    package init(_ program: String, _ arguments: [String] = [], environment: [String: String]? = nil) {
        self.program = program
        self.arguments = arguments
        self.environment = environment ?? ["PATH": Self.searchPath, "LANG": "C.UTF-8"]
    }

    /// A resource limit of the child (setrlimit(2)), soft and hard.
    package enum Limit: Sendable {
        /// Bytes of address space. This and the next are not applied in builds with a sanitizer, whose shadow knows no bounds.
        case addressSpace(UInt64)
        /// Seconds of processor time.
        case processorSeconds(UInt64)
        /// Bytes of the largest file that it may write.
        case fileSize(UInt64)
        /// Open files.
        case openFiles(UInt64)
        /// Processes of its user; 0 forbids it to start any.
        case processes(UInt64)
        /// Bytes of a core dump.
        case core(UInt64)
        /// Bytes of memory of its own: heap, stacks and private writable mappings; files mapped for reading or shared are not counted.
        case ownMemory(UInt64)

        /// The thread sanitizer keeps its shadow in address space and in files of its own.
        var bearsSanitizer: Bool {
            switch self {
            case .addressSpace, .fileSize: false
            default: true
            }
        }

        var raw: axle_limit {
            switch self {
            case .processorSeconds(let value): axle_limit(resource: 0, value: value)
            case .fileSize(let value): axle_limit(resource: 1, value: value)
            case .ownMemory(let value): axle_limit(resource: 2, value: value)
            case .core(let value): axle_limit(resource: 4, value: value)
            case .processes(let value): axle_limit(resource: 6, value: value)
            case .openFiles(let value): axle_limit(resource: 7, value: value)
            case .addressSpace(let value): axle_limit(resource: 9, value: value)
            }
        }
    }

    /// How a child ended.
    package enum Status: Hashable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        package var isSuccess: Bool { self == .exited(0) }

        package var description: String {
            switch self {
            case .exited(let code): "exit status \(code)"
            case .signalled(let number): "signal \(number)"
            }
        }

        init(raw: Int32) {
            let signal = raw & 0x7f
            self = signal == 0 ? .exited((raw >> 8) & 0xff) : .signalled(signal)
        }
    }

    /// What a child left behind.
    package struct Outcome: Sendable {
        package let status: Status
        package let output: [UInt8]
        package let errors: [UInt8]
        /// True if more came out than was kept.
        package let truncated: Bool
        /// True if the deadline ended it.
        package let timedOut: Bool

        package var isSuccess: Bool { status.isSuccess && !timedOut }
        package var outputText: String { String(decoding: output, as: UTF8.self) }
        package var errorText: String { String(decoding: errors, as: UTF8.self) }
    }

    /// Runs the child to its end and returns what it wrote. Throws if it could not be started.
    package func run() throws(SystemError) -> Outcome {
        let stdin = try FileDescriptor.pipe().release()
        let inWriter = FileDescriptor(takingOwnership: stdin.writer)
        return try run(reading: FileDescriptor(takingOwnership: stdin.reader), writer: inWriter)
    }

    /// As `run()`, with an open file as standard input; the child gets a descriptor of its own for it, and reads from the file's position.
    package func run(inputFile: borrowing FileDescriptor) throws(SystemError) -> Outcome {
        try run(reading: try inputFile.duplicate(), writer: nil)
    }

    private func run(
        reading inReader: consuming FileDescriptor, writer: consuming FileDescriptor?
    ) throws(SystemError) -> Outcome {
        var inWriter = writer
        let stdout = try FileDescriptor.pipe().release()
        let outReader = FileDescriptor(takingOwnership: stdout.reader)
        let outWriter = FileDescriptor(takingOwnership: stdout.writer)
        let stderr = try FileDescriptor.pipe().release()
        let errReader = FileDescriptor(takingOwnership: stderr.reader)
        let errWriter = FileDescriptor(takingOwnership: stderr.writer)

        let child = try start(
            input: inReader.number, output: outWriter.number, errors: errWriter.number)
        try inReader.close()
        try outWriter.close()
        try errWriter.close()
        try outReader.setNonBlocking(true)
        try errReader.setNonBlocking(true)
        if input.isEmpty {
            inWriter = nil
        } else {
            try inWriter?.setNonBlocking(true)
        }

        var collector = Collector(limit: outputLimit)
        var sent = 0
        var termAt = deadline.map { SystemClock.uptime + $0 }
        var killAt: Duration?
        var timedOut = false
        while true {
            let now = SystemClock.uptime
            if let at = termAt, now >= at {
                termAt = nil
                timedOut = true
                killAt = now + grace
                child.signalGroup(SIGTERM)
            }
            if let at = killAt, now >= at {
                killAt = nil
                child.signalGroup(SIGKILL)
            }
            var polls = [
                pollfd(fd: child.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: collector.outputOpen ? outReader.number : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: collector.errorsOpen ? errReader.number : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: -1, events: Int16(POLLOUT), revents: 0),
            ]
            if let number = Self.number(inWriter) { polls[3].fd = number }
            let next = [termAt, killAt].compactMap { $0 }.min()
            let wait = next.map { milliseconds($0 - now) } ?? -1
            if poll(&polls, 4, wait) < 0, Errno.current != .interrupted {
                let error = SystemError(call: "poll", errno: .current)
                child.signalGroup(SIGKILL)
                _ = child.wait()
                throw error
            }
            if polls[1].revents != 0 { collector.readOutput(outReader.number) }
            if polls[2].revents != 0 { collector.readErrors(errReader.number) }
            if polls[3].revents != 0, let number = Self.number(inWriter) {
                let count = input.withUnsafeBytes {
                    Glibc.write(number, $0.baseAddress?.advanced(by: sent), $0.count - sent)
                }
                if count > 0 { sent += count }
                // A child that does not read its input is its own business.
                if sent == input.count || (count < 0 && Errno.current != .again && Errno.current != .interrupted) {
                    inWriter = nil
                }
            }
            guard polls[0].revents != 0 else { continue }
            // Before the wait, while the group's number is surely its own: what it started ends with it.
            if timedOut { child.signalGroup(SIGKILL) }
            let status = child.wait()
            // What it wrote before it ended is still in the pipes; a grandchild that keeps them open is not waited for.
            collector.readOutput(outReader.number)
            collector.readErrors(errReader.number)
            return Outcome(
                status: status, output: collector.output, errors: collector.errors,
                truncated: collector.truncated, timedOut: timedOut)
        }
    }

    private static func number(_ file: borrowing FileDescriptor?) -> Int32? {
        switch file {
        case .some(let file): file.number
        case .none: nil
        }
    }

    /// Starts the child with this process's standard streams and returns at once: for supervisors.
    package func start() throws(SystemError) -> RunningChild {
        // Low numbers would be overwritten while they are placed, so copies above are handed over.
        let output = FileDescriptor(takingOwnership: try retrying("dup") { fcntl(1, F_DUPFD_CLOEXEC, AXLE_FIRST_FREE) })
        let errors = FileDescriptor(takingOwnership: try retrying("dup") { fcntl(2, F_DUPFD_CLOEXEC, AXLE_FIRST_FREE) })
        return try start(input: -1, output: output.number, errors: errors.number)
    }

    /// Starts the child with these descriptors (-1: nothing) as its standard streams, and `extra` as 3, 4, …
    func start(
        input: Int32, output: Int32, errors: Int32, extra: [Int32] = []
    ) throws(SystemError) -> RunningChild {
        let path = try resolve()
        for text in arguments + environment.flatMap({ [$0.key, $0.value] }) where text.utf8.contains(0) {
            throw SystemError(call: "execve", errno: .invalid, path: path, text: "a NUL inside an argument")
        }
        let rawLimits = limits.filter { !Sanitizer.isPresent || $0.bearsSanitizer }.map(\.raw)
        // The list of processes shows what people know.
        let name = program == CurrentProcess.program ? CurrentProcess.calledName : program
        let pid = try withStrings([name] + arguments) { argv throws(SystemError) in
            try withStrings(environment.map { "\($0.key)=\($0.value)" }.sorted()) { envp throws(SystemError) in
                try withStrings([path, folder ?? ""]) { texts throws(SystemError) in
                    var failure: SystemError?
                    let pid = withTwoBuffers(rawLimits, extra) { limits, extra in
                        var spawn = axle_child()
                        spawn.path = UnsafePointer(texts[0])
                        spawn.argv = UnsafePointer(argv)
                        spawn.envp = UnsafePointer(envp)
                        spawn.folder = folder == nil ? nil : UnsafePointer(texts[1])
                        spawn.in = input
                        spawn.out = output
                        spawn.err = errors
                        spawn.extra = extra.baseAddress
                        spawn.extra_count = extra.count
                        spawn.limits = limits.baseAddress
                        spawn.limit_count = limits.count
                        spawn.own_group = 1
                        spawn.die_with_parent = dieWithParent ? 1 : 0
                        spawn.no_new_privileges = noNewPrivileges ? 1 : 0
                        let pid = axle_spawn(&spawn)
                        if pid < 0 { failure = SystemError(call: "execve", errno: .current, path: path) }
                        return pid
                    }
                    if let failure { throw failure }
                    return pid
                }
            }
        }
        return try RunningChild(pid)
    }

    /// The program's path: a bare name is looked up in the fixed search path, never in the environment's.
    private func resolve() throws(SystemError) -> String {
        try checkPath(program)
        guard !program.utf8.contains(UInt8(ascii: "/")) else { return program }
        for folder in Self.searchPath.split(separator: ":") {
            let path = "\(folder)/\(program)"
            if access(path, X_OK) == 0 { return path }
        }
        throw SystemError(call: "execve", errno: .notFound, path: program, text: "not in \(Self.searchPath)")
    }
}

/// Calls `body` with a C array of C strings that ends with a null pointer.
private func withStrings<Value>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) throws(SystemError) -> Value
) throws(SystemError) -> Value {
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
    defer {
        for index in texts.indices { free(pointers[index]) }
        pointers.deallocate()
    }
    for (index, text) in texts.enumerated() { pointers[index] = strdup(text) }
    pointers[texts.count] = nil
    return try body(pointers)
}

private func withTwoBuffers<First, Second, Value>(
    _ first: [First], _ second: [Second], _ body: (UnsafeBufferPointer<First>, UnsafeBufferPointer<Second>) -> Value
) -> Value {
    first.withUnsafeBufferPointer { first in second.withUnsafeBufferPointer { body(first, $0) } }
}

/// Keeps the first bytes of two streams and reads the rest away.
private struct Collector {
    let limit: Int
    var output: [UInt8] = []
    var errors: [UInt8] = []
    var outputOpen = true
    var errorsOpen = true
    var truncated = false

    init(limit: Int) { self.limit = limit }

    mutating func readOutput(_ number: Int32) {
        if outputOpen { outputOpen = drain(number, \.output) }
    }

    mutating func readErrors(_ number: Int32) {
        if errorsOpen { errorsOpen = drain(number, \.errors) }
    }

    /// Reads until nothing is there; false at the end. At most 1 MiB a call, so that a deadline is still looked at.
    private mutating func drain(_ number: Int32, _ kept: WritableKeyPath<Collector, [UInt8]>) -> Bool {
        for _ in 0..<16 {
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, used in
                count = Glibc.read(number, buffer.baseAddress, buffer.count)
                used = max(0, count)
            }
            if count == 0 { return false }
            if count < 0 { return Errno.current == .again || Errno.current == .interrupted }
            let room = max(0, limit - self[keyPath: kept].count)
            self[keyPath: kept] += piece.prefix(room)
            if piece.count > room { truncated = true }
        }
        return true
    }
}
