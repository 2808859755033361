internal import Compression
package import System

/// The work of a limited child, named by its first argument after `confined`. Files come as 3, 4, …; results go to standard output.
///
/// Its only word is a line `CODE TEXT` on standard error when it refuses, with exit status 1.
package enum ContentJob: String, CaseIterable {
    case decode
    case makePatch = "make-patch"
    case applyPatch = "apply-patch"
    case unpack
    case makeChunks = "make-chunks"
    case applyChunks = "apply-chunks"
    /// Tries what a limited child must not be able to do and says what came of it, a line each: `NAME refused` or `NAME possible`.
    case selfCheck = "self-check"
    /// Confines itself and says what the kernel took on: a line `seccomp held` or `seccomp
    /// missing`, and one for Landlock.
    case confinement

    /// Runs a program's limited child if that is what it was started as; nil if not. Call it before anything else, while there is one thread.
    package static func runIfAsked(_ arguments: [String], _ streams: ProgramStreams) -> Int32? {
        guard arguments.first == ContentWorker.argument, let name = arguments.dropFirst().first,
            let job = ContentJob(rawValue: name)
        else { return nil }
        CurrentProcess.restoreName()
        do {
            try job.run(Array(arguments.dropFirst(2)))
            return 0
        } catch let error as ContentError {
            streams.message("\(error.code.rawValue) \(error.message)")
        } catch let error as CompressionError {
            let error = ContentError(error)
            streams.message("\(error.code.rawValue) \(error.message)")
        } catch let error as SystemError {
            streams.message("\(ContentError(error).code.rawValue) \(error)")
        } catch {
            streams.message("\(ContentError.Code.failed.rawValue) \(error)")
        }
        return 1
    }

    private func run(_ arguments: [String]) throws {
        switch self {
        case .decode: try DecodeJob(arguments).run()
        case .makePatch: try MakePatchJob(arguments).run()
        case .applyPatch: try ApplyPatchJob(arguments).run()
        case .unpack: try UnpackJob(arguments).run()
        case .makeChunks: try MakeChunksJob(arguments).run()
        case .applyChunks: try ApplyChunksJob(arguments).run()
        case .selfCheck:
            // With a folder as for unpacking, else as for decoding.
            try Confinement.enter(arguments.first.map { .folder($0) } ?? .descriptors)
            let lines = Confinement.attempts().map { "\($0.name) \($0.refusal == nil ? "possible" : "refused")\n" }
            try FileDescriptor(takingOwnership: 1).write(Array(lines.joined().utf8))
        case .confinement:
            let hold = try Confinement.enter(.descriptors)
            func line(_ name: String, _ isHeld: Bool) -> String { "\(name) \(isHeld ? "held" : "missing")\n" }
            let text = line("seccomp", hold.filtersCalls) + line("landlock", hold.confinesFiles)
            try FileDescriptor(takingOwnership: 1).write(Array(text.utf8))
        }
    }

    /// A number among the arguments.
    static func number(_ arguments: [String], _ index: Int) throws(ContentError) -> UInt64 {
        guard arguments.indices.contains(index), let number = UInt64(arguments[index]) else {
            throw ContentError(.failed, "the job's argument \(index) is no number")
        }
        return number
    }
}
