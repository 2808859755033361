package import Model
package import System

/// A pool's folder on disk: which kind it is, and how one is opened.
package enum PoolFolder {
    /// How a pool keeps its packages.
    package enum Kind: String, CaseIterable, Sendable {
        /// A file for each package.
        case file
        /// Content-defined chunks, each stored once, in container files.
        case container

        /// The whole content of the folder's file `format`.
        var format: String {
            switch self {
            case .file: "axle pool 1\n"
            case .container: "axle container pool 1\n"
            }
        }

        var folders: [String] {
            switch self {
            case .file: ["packages", "partial", "corrupt", "withheld", "sums"]
            case .container: ["packages", "partial", "corrupt", "withheld", "containers"]
            }
        }
    }

    /// The absolute path that somebody gave for a pool's folder, without slashes that mean nothing.
    package static func absolute(_ path: String) throws(UsageError) -> String {
        // A list of pools has a line for each.
        guard path.hasPrefix("/"), path.utf8.count <= 1024, !path.utf8.contains(where: { $0 == 0 || $0 == 0x0A }),
            !path.split(separator: "/").contains("..")
        else { throw UsageError("a pool's folder is an absolute path, not \(path)") }
        return "/" + path.split(separator: "/").joined(separator: "/")
    }

    /// The kind of the pool in a folder; nil if none was made there yet.
    package static func kind(of folder: String) throws(StorageError) -> Kind? {
        let mark = folder + "/format"
        guard File.exists(mark) else { return nil }
        let found = try storage { () throws(SystemError) in try File.read(mark, limit: 1024) }
        guard let kind = Kind.allCases.first(where: { Array($0.format.utf8) == found }) else {
            throw .foreignFolder("\(mark) names no kind of pool that this release knows")
        }
        return kind
    }

    /// Opens the pool in a folder as what it is; where none is yet, one of the kind `new` is made.
    package static func open(
        _ folder: String, quota: ByteCount, new: Kind, codings: [any ChunkCoding] = ZstdChunkCoding.present
    ) throws(StorageError) -> any PackagePool {
        switch try kind(of: folder) ?? new {
        case .file: try FilePool(folder: folder, quota: quota)
        case .container:
            try ContainerPool(folder: folder, quota: quota, settings: ContainerPoolSettings(codings: codings))
        }
    }

    /// Makes what is missing of a pool of this kind; a folder of another kind, or with somebody's files, is refused and not touched.
    static func prepare(_ folder: String, _ kind: Kind, step: PoolStepHook) throws(StorageError) {
        let mark = folder + "/format"
        let found = try Self.kind(of: folder)
        if let found {
            guard found == kind else { throw .foreignFolder("\(mark) does not say \(kind.format.dropLast())") }
        } else if File.exists(folder) {
            let known = Set(kind.folders + [Directory.rescued])
            if let stranger = try names(folder).first(where: { !known.contains($0) && !$0.hasPrefix(".") }) {
                throw .foreignFolder("\(folder) is not empty and has no file format (it has \(stranger))")
            }
        }
        for path in [folder] + kind.folders.map({ "\(folder)/\($0)" }) {
            if File.exists(path) {
                // A write that was cut off leaves a file that nobody will ever finish.
                try storage { () throws(SystemError) in try AtomicFile.removeLeftovers(in: path) }
            } else {
                try step(.createFolder(path))
                try storage { () throws(SystemError) in try Directory.create(path, mode: 0o700) }
            }
        }
        // Last, so that a folder with the mark is whole.
        if found == nil {
            try step(.replace(mark))
            try storage { () throws(SystemError) in try AtomicFile.write(kind.format, to: mark, mode: 0o600) }
        }
    }

    static func names(_ path: String) throws(StorageError) -> [String] {
        try storage { () throws(SystemError) in try Directory.list(path) }
    }

    /// The files in a folder whose names are hashes, links never followed; others are not ours and are left alone.
    static func files(_ path: String) throws(StorageError) -> [(SHA256Digest, FileStatus)] {
        try storage { () throws(SystemError) in
            var found: [(SHA256Digest, FileStatus)] = []
            for name in try Directory.list(path) {
                // A name that is no hash is not ours.
                guard let digest = try? SHA256Digest(name),
                    let status = try File.status("\(path)/\(name)", followLinks: false), status.kind == .file
                else { continue }
                found.append((digest, status))
            }
            return found
        }
    }

    /// The packages, visible and marked, with the status of their files.
    static func packages(_ folder: String) throws(StorageError) -> [(SHA256Digest, FileStatus, PackageMark?)] {
        var found: [SHA256Digest: (FileStatus, PackageMark?)] = [:]
        let packages = folder + "/packages"
        for part in try names(packages) where part.utf8.count == 2 {
            try storage { () throws(SystemError) in try AtomicFile.removeLeftovers(in: "\(packages)/\(part)") }
            for (digest, status) in try files("\(packages)/\(part)") where digest.hex.hasPrefix(part) {
                found[digest] = (status, nil)
            }
        }
        for mark in PackageMark.allCases {
            for (digest, status) in try files("\(folder)/\(mark.rawValue)") where found[digest] == nil {
                found[digest] = (status, mark)
            }
        }
        return found.map { ($0.key, $0.value.0, $0.value.1) }.sorted { $0.0 < $1.0 }
    }

    /// The partial transfers, oldest first.
    static func partials(_ folder: String) throws(StorageError) -> [(SHA256Digest, FileStatus)] {
        try files(folder + "/partial").sorted { ($0.1.modifiedMilliseconds, $0.0) < ($1.1.modifiedMilliseconds, $1.0) }
    }

    /// Where a package's own file is.
    static func path(_ folder: String, _ digest: SHA256Digest, _ mark: PackageMark?) -> String {
        mark.map { "\(folder)/\($0.rawValue)/\(digest.hex)" }
            ?? "\(folder)/packages/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    static func partialPath(_ folder: String, _ digest: SHA256Digest) -> String { "\(folder)/partial/\(digest.hex)" }

    /// Renames a package's own file to where its mark, or none, puts it; durable on return.
    static func move(_ old: String, to new: String, step: PoolStepHook) throws(StorageError) {
        let parent = Directory.parent(of: new)
        if !File.exists(parent) {
            try step(.createFolder(parent))
            try storage { () throws(SystemError) in try Directory.create(parent, mode: 0o700) }
        }
        try step(.rename(old, to: new))
        try storage { () throws(SystemError) in try File.rename(old, to: new) }
    }

    /// Removes one file.
    static func remove(_ path: String, step: PoolStepHook) throws(StorageError) {
        try step(.remove(path))
        try storage { () throws(SystemError) in try File.remove(path) }
    }
}
