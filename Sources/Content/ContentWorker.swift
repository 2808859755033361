internal import Compression
internal import Model
internal import System
internal import TLS

/// Unpacks, packs and patches content in limited children: this program again, as `confined JOB …`.
///
/// The child gets open files and no paths; it maps or reads them, and what it gives is hashed here, on another core, as it comes. A crash, a
/// limit or a hang of the child is a `ContentError`. All verbs block: call them on a named queue. Any thread.
package struct ContentWorker: Sendable {
    /// The first argument that makes a program of Axle a limited child.
    package static let argument = "confined"

    /// The program and the arguments before its own.
    let command: [String]
    /// How long a patch may take to be made or applied.
    package var patchDeadline: Duration = .seconds(3600)

    /// Whether this machine has the library that patches are made and applied with.
    package static var canPatch: Bool { CodecLibrary.zstd.isPresent }

    /// - Parameters:
    ///   - program: the path of this program.
    package init(program: String) {
        command = [program]
    }

    /// - Parameters:
    ///   - command: how this program is started: its path, and arguments before its own.
    package init(command: [String]) {
        self.command = command
    }

    /// A child for a job; with room for these mapped bytes.
    func child(_ job: [String], deadline: Duration, mapped: UInt64 = 0) -> ConfinedChild {
        var child = ConfinedChild(command: command + [Self.argument] + job, deadline: deadline)
        child.addressSpace = (2 << 30) + mapped
        return child
    }

    /// What the end of a child means: its first line is `CODE TEXT`.
    static func check(_ outcome: ConfinedChild.Outcome, _ what: String) throws(ContentError) {
        guard !outcome.isSuccess else { return }
        if outcome.cancelled { throw ContentError(.cancelled, "\(what) was cancelled") }
        if outcome.timedOut { throw ContentError(.timedOut, "\(what) took too long and was ended") }
        let line = Event.singleLine(outcome.errors.split(separator: "\n").first.map(String.init) ?? "", limit: 300)
        let words = line.split(separator: " ", maxSplits: 1)
        if outcome.status == .exited(1), let code = words.first.flatMap({ ContentError.Code(rawValue: String($0)) }) {
            throw ContentError(code, words.dropFirst().first.map(String.init) ?? code.rawValue)
        }
        throw ContentError(.childDied, "\(what) ended with \(outcome.status) \(line)")
    }

    /// Runs a child; every error is one of this module but those of the caller's own takers.
    func run(
        _ child: ConfinedChild, _ what: String, files: [Int32], cancellation: Cancellation?,
        output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let outcome: ConfinedChild.Outcome
        do {
            outcome = try child.run(files: files, cancellation: cancellation, output: output)
        } catch let error as SystemError {
            throw ContentError(error)
        }
        try Self.check(outcome, what)
    }
}

/// Counts and hashes what passes by.
struct ContentMeter {
    private var hash = SHA256()
    private(set) var length: UInt64 = 0

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bytes)
        length += UInt64(bytes.count)
    }

    mutating func finish() throws(ContentError) -> ContentIdentity {
        do throws(ModelError) {
            return ContentIdentity(length: length, sha256: try SHA256Digest(bytes: hash.finish()))
        } catch {
            throw ContentError(.failed, "\(error)")
        }
    }
}
