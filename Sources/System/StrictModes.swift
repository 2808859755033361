internal import Glibc

/// Whether a state folder is in the hands of one user: who else can write to it, or read its keys,
/// can take over the daemon.
///
/// As OpenSSH's StrictModes does it for a user's keys: the folder and every folder above it belong
/// to root or to the user of this process and cannot be written by anyone else (a folder above may
/// be one with the sticky bit, as /tmp is); what is inside belongs to them as well, and files with
/// keys, tokens and the database cannot be read by anyone else. The packages in `pool` are not
/// looked at: each is compared with its hash whenever it is used. Blocks on the disk.
package enum StrictModes {
    /// The flag and the environment variable that accept what is found.
    package static let flag = "force-permissions"
    package static let variable = "AXLE_FORCE_PERMISSIONS"
    /// Problems that are looked for; a folder that is all wrong needs no longer list.
    private static let problemLimit = 8
    /// Entries of a folder that are looked at.
    private static let entryLimit = 4096

    /// What is wrong with one file or folder, and what puts it right.
    package struct Problem: Hashable, Sendable, CustomStringConvertible {
        package let path: String
        package let what: String
        package let command: String

        package var description: String { "\(path) \(what); run: \(command)" }
    }

    /// A folder that was refused.
    package struct Refusal: Error, Sendable, CustomStringConvertible {
        package let problems: [Problem]

        package var description: String {
            "other users could change or read what this program trusts:\n"
                + problems.map { "  \($0)\n" }.joined()
                + "then start it again, or accept this with --\(StrictModes.flag)"
        }
    }

    /// What is wrong with the state folder and the folders above it; of one that is not there yet,
    /// with those above it.
    package static func problems(_ path: String) throws(SystemError) -> [Problem] {
        var place = try Directory.absolute(path)
        while try File.status(place) == nil, place != "/" { place = Directory.parent(of: place) }
        let isThere = try File.status(path) != nil
        var walk = Walk(user: geteuid())
        let folder = try realPath(place)
        if isThere {
            try walk.enter(folder)
        } else {
            try walk.checkAbove(folder)
        }
        var above = folder
        while above != "/" {
            above = Directory.parent(of: above)
            try walk.checkAbove(above)
        }
        return walk.problems
    }

    /// The first thing that is wrong with a single file of secrets outside of a state folder, or with a folder above it.
    package static func problem(ofSecret path: String) throws(SystemError) -> Problem? {
        var walk = Walk(user: geteuid())
        let file = try realPath(path)
        try walk.enterSecret(file)
        var above = file
        while above != "/" {
            above = Directory.parent(of: above)
            try walk.checkAbove(above)
        }
        return walk.problems.first
    }

    /// Throws `Refusal` unless the state folder is as it must be, or that was accepted; then
    /// `messages` gets a line for each problem.
    package static func require(
        _ path: String, isForced: Bool, messages: (String) -> Void
    ) throws {
        let found = try problems(path)
        guard !found.isEmpty else { return }
        guard isForced else { throw Refusal(problems: found) }
        for problem in found { messages("warning: \(problem)") }
    }

    private static func realPath(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else {
            throw SystemError(call: "realpath", errno: .current, path: path)
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// One look through a folder.
    private struct Walk {
        let user: UInt32
        var problems: [Problem] = []

        /// The state folder and all of it that is trusted.
        mutating func enter(_ folder: String) throws(SystemError) {
            guard let status = try File.status(folder) else { return }
            let names = status.kind == .folder ? try Directory.list(folder) : []
            // An empty folder of this user's, such as a new mount point, is made private before anything is put into it.
            let isEmpty = status.kind == .folder && names.allSatisfy { $0 == Directory.rescued }
            if isEmpty, status.owner == user { return }
            check(folder, status, isSecret: false)
            for name in names.prefix(entryLimit) where name != "pool" {
                try checkEntry(Directory.join(folder, name), name, depth: name == "identity" ? 2 : 0)
            }
        }

        mutating func enterSecret(_ path: String) throws(SystemError) {
            guard let status = try File.status(path) else { return }
            check(path, status, isSecret: true)
        }

        private mutating func checkEntry(_ path: String, _ name: String, depth: Int) throws(SystemError) {
            // What a link points at counts; it may be gone meanwhile, or have pointed at nothing.
            guard problems.count < problemLimit, let status = try File.status(path) else { return }
            check(path, status, isSecret: Self.isSecret(name))
            guard status.kind == .folder, depth > 0 else { return }
            for name in try Directory.list(path).prefix(entryLimit) {
                try checkEntry(Directory.join(path, name), name, depth: depth - 1)
            }
        }

        /// A folder above: who may write there may put another folder in place of this one, unless
        /// the sticky bit forbids it.
        mutating func checkAbove(_ path: String) throws(SystemError) {
            guard problems.count < problemLimit, let status = try File.status(path) else { return }
            if status.mode & 0o1000 != 0, status.owner == 0 { return }
            check(path, status, isSecret: false, isAbove: true)
        }

        private mutating func check(_ path: String, _ status: FileStatus, isSecret: Bool, isAbove: Bool = false) {
            guard problems.count < problemLimit else { return }
            let place = PlainText.shellWord(path)
            if status.owner != 0, status.owner != user {
                let by = user == 0 ? "root" : "user \(user)"
                let command =
                    isAbove
                    ? "chown \(user) \(place)"
                    : "chown -R \(user) \(place), or run this program as user \(status.owner)"
                problems.append(
                    Problem(path: path, what: "belongs to user \(status.owner), not to \(by)", command: command))
            } else if status.mode & 0o022 != 0 {
                problems.append(
                    Problem(
                        path: path, what: "can be written by others (mode \(octal(status.mode)))",
                        command: isSecret ? "chmod 600 \(place)" : "chmod go-w \(place)"))
            } else if isSecret, status.mode & 0o077 != 0 {
                problems.append(
                    Problem(
                        path: path, what: "can be read by others (mode \(octal(status.mode)))",
                        command: "chmod 600 \(place)"))
            }
        }

        /// Keys and what opens doors: tokens, and the database with the secrets of join tokens.
        private static func isSecret(_ name: String) -> Bool {
            if ["key.pem", "report-key.pem", "next.pem", "current.pem", "admin.token"].contains(name) { return true }
            return name.hasSuffix(".key") || name.hasSuffix(".db")
        }

        private func octal(_ mode: UInt32) -> String { String(mode & 0o7777, radix: 8) }
    }
}

extension CommandSpecification {
    /// The same program, where every command that works in a state folder can be told to accept its
    /// permissions.
    package func checkingPermissions() -> CommandSpecification {
        let force = OptionSpecification.flag(
            StrictModes.flag, "work in a state folder that other users can write (or set \(StrictModes.variable)=1)")
        let hasState = options.contains { $0.name == "state" }
        return CommandSpecification(
            name, summary, details: details, operands: operands, options: hasState ? options + [force] : options,
            commands: commands.map { $0.checkingPermissions() }, runsAlone: runsAlone)
    }
}

extension CommandInvocation {
    /// Checks the state folder of a command that has one; `onlyTells` where the command changes
    /// nothing and hands out nothing.
    package func checkPermissions(onlyTells: Bool, _ streams: ProgramStreams) throws {
        guard let state = value("state") else { return }
        let isForced = isSet(StrictModes.flag) || streams.environment(StrictModes.variable) == "1"
        try StrictModes.require(state, isForced: isForced || onlyTells) { streams.message($0) }
    }
}
