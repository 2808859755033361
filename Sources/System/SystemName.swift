internal import CLinux
internal import Glibc

/// What the kernel says about itself and the machine (uname(2)).
package struct SystemName: Hashable, Sendable {
    /// "Linux".
    package let system: String
    /// The host name.
    package let node: String
    /// The kernel's release, such as "6.1.0-18-amd64".
    package let release: String
    package let version: String
    /// The kernel's architecture, such as "x86_64"; the userland's may be narrower.
    package let machine: String

    /// Asks the kernel.
    package static var current: SystemName {
        var raw = utsname()
        uname(&raw)
        return SystemName(
            system: text(raw.sysname), node: text(raw.nodename), release: text(raw.release),
            version: text(raw.version), machine: text(raw.machine))
    }

    private static func text<Tuple>(_ tuple: Tuple) -> String {
        withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// This process, as the kernel sees it.
package enum CurrentProcess {
    package static var identifier: Int32 { getpid() }
    /// The user that it runs as.
    package static var effectiveUser: UInt32 { geteuid() }
    /// True if it runs as root.
    package static var isRoot: Bool { geteuid() == 0 }

    /// This program, for starting it again: the kernel's own link to the file that runs, which leads to it as long as the process
    /// lives, also when the file has been replaced or removed since (an upgrade without a restart).
    package static let program = "/proc/self/exe"

    /// What this program was called when it was started, for the list of processes.
    static let calledName = CommandLine.arguments.first ?? program

    /// Gives a process that was started as `program` its file's name in the list of processes, where the kernel writes `exe`.
    package static func restoreName() {
        let name = calledName.split(separator: "/").last.map(String.init) ?? calledName
        // The main thread's name is the process's; this may be another thread. Only for people: it works as well under another name.
        try? FileDescriptor.open("/proc/self/comm", .write).write(Array(name.utf8))
    }

    /// The path of the file that this program was started from, as it is now: another program may be there, or none.
    package static func executablePath() throws(SystemError) -> String {
        guard let path = try File.linkTarget("/proc/self/exe") else {
            throw SystemError(call: "readlink", errno: .notFound, path: "/proc/self/exe")
        }
        return path
    }

    /// Opens /dev/null where standard input, output or error is closed. Otherwise the next socket or file
    /// takes the number, and what is meant for a person goes there. Writing to it fails, so that lost
    /// output is noticed. Every program calls this first.
    package static func occupyStandardStreams() {
        while true {
            let number = open("/dev/null", O_RDONLY)
            guard (0...2).contains(number) else {
                if number > 2 { close(number) }
                return
            }
        }
    }

    /// Keeps what this process has in memory, keys among it, out of logs and files when it crashes:
    /// Swift's runtime writes no registers and memory to standard error, and the kernel makes no
    /// core. Every program calls this first. A developer who sets `SWIFT_BACKTRACE` with
    /// `enable=yes` gets all of it.
    package static func keepCrashesPrivate() {
        let wish = environment("SWIFT_BACKTRACE") ?? ""
        guard axle_is_sanitized() == 0, !wish.split(separator: ",").contains("enable=yes") else { return }
        axle_crash_quietly()
        // No core is the kernel's promise only where it takes this; without it a core has the
        // owner's rights, as ever.
        _ = axle_undumpable()
    }

    /// An environment variable.
    package static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }

    /// True if the descriptor is a terminal.
    package static func isTerminal(_ number: Int32) -> Bool { isatty(number) == 1 }

    /// Raises the limit of open files to what the machine allows; says what it is now.
    @discardableResult
    package static func raiseFileLimit() -> UInt64 {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        return UInt64(limit.rlim_cur)
    }

    /// Bytes of anonymous and of all resident memory now (/proc/self/status).
    package static func memory() throws(SystemError) -> (anonymous: Int, resident: Int) {
        let text = String(decoding: try File.read("/proc/self/status", limit: 64 * 1024), as: UTF8.self)
        func value(_ key: String) -> Int {
            for line in text.split(separator: "\n") where line.hasPrefix(key) {
                return (Int(line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first ?? "") ?? 0)
                    * 1024
            }
            return 0
        }
        return (value("RssAnon:"), value("VmRSS:"))
    }

    /// Ends the process. Exit handlers run only under a sanitizer, which reports in one: event loops may
    /// still be closing TLS connections, and OpenSSL's handler frees what they use.
    package static func exit(_ status: Int32) -> Never {
        if axle_is_sanitized() != 0 { Glibc.exit(status) }
        fflush(nil)
        Glibc._exit(status)
    }

    /// Ends a limited child, without what else a normal exit does (handlers, runtimes' own checks): its limits may forbid that.
    package static func exitAtOnce(_ status: Int32) -> Never { Glibc._exit(status) }
}
