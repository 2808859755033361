import Codec
import Model

/// Reads a repository's files as a client does, so that a publisher never gives out what clients refuse.
enum RepositoryClient {
    /// Runs the whole client workflow over files by their repository names, twice when `kept` has a state of before: as a
    /// new client and as one that holds that state. Every delegated role must verify.
    static func read(
        _ files: [String: [UInt8]], kept: [String: [UInt8]], at now: UnixTime, verifier: any SignatureVerifier,
        digester: any Digester
    ) throws(MetadataError) -> TrustedMetadata {
        let versions = files.keys.compactMap { name -> Int64? in
            guard name.utf8.reversed().starts(with: ".root.json".utf8.reversed()) else { return nil }
            return Int64(name.utf8.count > 10 ? String(name.dropLast(10)) : "")
        }
        guard let oldest = versions.min(), let root = files["\(oldest).root.json"] else {
            throw MetadataError(.noTrustedRoot, role: .root, "no root file is there")
        }
        var folder: [MetadataFile: [UInt8]] = [:]
        if !kept.isEmpty {
            // The state of before counts whatever its age.
            _ = try run(kept, root: root, at: .distantPast, &folder, verifier, digester)
            _ = try run(files, root: root, at: now, &folder, verifier, digester)
        }
        folder = [:]
        return try run(files, root: root, at: now, &folder, verifier, digester)
    }

    private static func run(
        _ files: [String: [UInt8]], root: [UInt8], at now: UnixTime, _ folder: inout [MetadataFile: [UInt8]],
        _ verifier: any SignatureVerifier, _ digester: any Digester
    ) throws(MetadataError) -> TrustedMetadata {
        var limits = MetadataLimits()
        limits.rootsPerRun = Int(UInt16.max)
        var workflow = RefreshWorkflow(
            .catalog, bootstrapRoot: root, startTime: now, verifier: verifier, digester: digester, limits: limits)
        var step = try workflow.start()
        while true {
            switch step {
            case .load(let file): step = try workflow.resume(folder[file].map { .bytes($0) } ?? .notFound)
            case .fetch(let name, let limit):
                guard let bytes = files[name] else {
                    step = try workflow.resume(.notFound)
                    continue
                }
                step = try workflow.resume(bytes.count <= limit ? .bytes(bytes) : .tooLarge)
            case .persist(let file, let bytes):
                folder[file] = bytes
                step = try workflow.resume(.stored)
            case .delete(let file):
                folder[file] = nil
                step = try workflow.resume(.stored)
            case .done(let outcome):
                if let refused = outcome.refused.first { throw refused }
                return outcome.trusted
            }
        }
    }
}
