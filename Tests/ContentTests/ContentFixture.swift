import Content
import Model
import System
import TLS
import TestSupport

/// A worker whose children are real, and files to work on.
struct ContentFixture {
    let folder: TemporaryFolder
    let worker: ContentWorker

    init() throws {
        folder = try TemporaryFolder()
        worker = ContentWorker(program: try Self.program())
    }

    /// The agent's program beside the tests: any program of Axle is a limited child when it is asked.
    static func program() throws -> String {
        Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle-agent")
    }

    func path(_ name: String) -> String { Directory.join(folder.path, name) }

    func file(_ name: String, _ bytes: [UInt8]) throws -> FileDescriptor {
        let file = try FileDescriptor.open(path(name), [.readWrite, .create, .truncate])
        try file.write(bytes)
        return file
    }

    static func identity(_ bytes: [UInt8]) throws -> ContentIdentity {
        ContentIdentity(length: UInt64(bytes.count), sha256: try SHA256Digest(bytes: SHA256.hash(bytes)))
    }

    /// Bytes that repeat themselves in part, as programs do.
    static func sample(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return index % 11 < 5 ? UInt8(index / 64 & 0xFF) : UInt8(truncatingIfNeeded: state >> 40)
        }
    }

    /// The code of the error that `body` throws; nil if it throws none.
    static func refusal(_ body: () throws -> Void) throws -> ContentError.Code? {
        do {
            try body()
            return nil
        } catch let error as ContentError {
            return error.code
        }
    }

    // MARK: Patches

    func patch(_ old: [UInt8], _ new: [UInt8]) throws -> [UInt8] {
        let header = try PatchHeader(from: Self.identity(old), to: Self.identity(new))
        var patch: [UInt8] = []
        try worker.makePatch(header, old: try file("old", old), new: try file("new", new)) { patch += $0 }
        return patch
    }

    func chunks(_ old: [UInt8], _ new: [UInt8], isPacked: Bool) throws -> [UInt8] {
        let header = try ChunkDeltaHeader(from: Self.identity(old), to: Self.identity(new), isPacked: isPacked)
        var delta: [UInt8] = []
        try worker.makeChunks(header, old: try file("old", old), new: try file("new", new)) { delta += $0 }
        return delta
    }

    /// What the patch or chunk delta makes of `old`, when `new` is wanted; hashes it as a pool does before it publishes, and looks whether taker and file got the same.
    func apply(_ patch: [UInt8], _ old: [UInt8], wanted new: [UInt8]) throws -> [UInt8] {
        let output = try FileDescriptor.open(path("output"), [.readWrite, .create, .truncate])
        var taken: [UInt8] = []
        try worker.makeByPatch(
            try file("patch", patch), old: try file("old", old),
            expecting: (try Self.identity(old), try Self.identity(new)), into: output
        ) { taken += $0 }
        guard try File.read(path("output"), limit: 1 << 30) == taken else {
            throw TestSupportError("the file and what was handed on differ")
        }
        guard try Self.identity(taken) == Self.identity(new) else {
            throw ContentError(.hashMismatch, "the patch does not give what was signed")
        }
        return taken
    }

    // MARK: Codings

    func decode(_ bytes: [UInt8], _ coding: ContentCoding, limits: ContentLimits) throws -> [UInt8] {
        var content: [UInt8] = []
        try worker.decode(try file("packed", bytes), coding, limits: limits) { content += $0 }
        return content
    }

    /// Packs by the usual program.
    func packed(_ bytes: [UInt8], _ coding: ContentCoding, _ options: [String] = []) throws -> [UInt8] {
        let program =
            switch coding {
            case .none, .deb: "cat"
            case .gzip: "gzip"
            case .zstd: "zstd"
            case .xz: "xz"
            }
        let arguments = program == "cat" ? [] : ["-c"] + (coding == .zstd ? ["-q"] : []) + options
        try AtomicFile.write(bytes, to: path("plain"))
        return try Program.run(program, arguments + [path("plain")])
    }
}
