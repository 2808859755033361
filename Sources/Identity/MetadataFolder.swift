package import System
package import Trust

/// A client's trusted metadata on disk, each file byte for byte as it was received; the folder `trust/` of a daemon's state.
///
/// The version floors lie beside the folder, as `trust.floors`: whoever empties the folder does not open the way back. All verbs block on the
/// disk; one refresh at a time. Errors are `SystemError`.
package struct MetadataFolder: Sendable {
    /// What a folder keeps.
    package enum Contents: Sendable {
        /// Also every version of root, to relay them, and the version floors.
        case everything
        /// Only the newest trusted file of each role: what other programs expect of a folder of trusted metadata.
        case currentFiles
    }

    package let path: String
    private let contents: Contents

    /// Makes the folder if it is not there and sweeps what an interrupted write left.
    package init(_ path: String, keeping contents: Contents = .everything) throws(SystemError) {
        self.path = path
        self.contents = contents
        try Directory.create(path, mode: 0o700)
        try AtomicFile.removeLeftovers(in: path)
    }

    /// The file's bytes; nil if it is not there or longer than `limit`, which no file that was persisted is.
    package func load(_ file: MetadataFile, limit: Int = 8 << 20) throws(SystemError) -> [UInt8]? {
        guard let place = place(of: file) else { return nil }
        do {
            return try File.read(place, limit: limit)
        } catch {
            if error.errno == .notFound || error.errno == .tooLarge { return nil }
            throw error
        }
    }

    /// Replaces the file, durably; nothing where the folder does not keep such files. With `inSeries` the file is whole
    /// after any cut, but durable only once `synchronize` has returned.
    ///
    /// A folder that was removed while the daemon runs is made anew. Nothing gets in by that: what is
    /// written has passed every check, and the floors lie beside the folder.
    package func persist(_ file: MetadataFile, _ bytes: [UInt8], inSeries: Bool = false) throws(SystemError) {
        guard let place = place(of: file) else { return }
        do {
            try AtomicFile.write(bytes, to: place, synchronizingFolder: !inSeries)
        } catch {
            guard error.errno == .notFound else { throw error }
            try Directory.create(path, mode: 0o700)
            try AtomicFile.write(bytes, to: place, synchronizingFolder: !inSeries)
        }
    }

    /// Returns once all that was persisted in series is on the disk.
    package func synchronize() throws(SystemError) {
        do {
            try Directory.synchronize(path)
        } catch {
            // Removed since it was written; the next run writes it anew.
            guard error.errno == .notFound else { throw error }
        }
    }

    /// Removes the file, durably; one that is not there is no error.
    package func delete(_ file: MetadataFile) throws(SystemError) {
        guard let place = place(of: file) else { return }
        if try File.remove(place) { try Directory.synchronize(Directory.parent(of: place)) }
    }

    /// Forgets all that is trusted, the floors included: for a catalog with another root.
    package func forget() throws(SystemError) {
        try Directory.removeTree(path)
        try Directory.create(path, mode: 0o700)
        try delete(.floors)
    }

    private func place(of file: MetadataFile) -> String? {
        switch (file, contents) {
        case (.floors, .everything): path + ".floors"
        case (.floors, .currentFiles), (.rootVersion, .currentFiles): nil
        default: Directory.join(path, file.fileName)
        }
    }
}

extension MetadataFolder {
    /// Does what a step of a refresh wants of the folder; nil for a step that is for the repository, and for the end. Files of
    /// targets roles, of which a catalog has many, are persisted in series: synchronise before the end is believed.
    package func answer(_ step: RefreshStep) throws(SystemError) -> RefreshAnswer? {
        switch step {
        case .load(let file): return try load(file).map { .bytes($0) } ?? .notFound
        case .persist(.targets(let role), let bytes):
            try persist(.targets(role), bytes, inSeries: true)
            return .stored
        case .persist(let file, let bytes):
            try persist(file, bytes)
            return .stored
        case .delete(let file):
            try delete(file)
            return .stored
        case .fetch, .done: return nil
        }
    }

    /// Runs a workflow to its end on this thread, which blocks; `fetch` is given the file's exact name and the most bytes.
    ///
    /// Throws `MetadataError` (what it persisted before is good) or `SystemError` of the folder.
    package func run(
        _ workflow: RefreshWorkflow, fetch: (_ name: String, _ maximumLength: Int) -> RefreshAnswer
    ) throws -> RefreshOutcome {
        var workflow = workflow
        var step = try workflow.start()
        var hasSeries = false
        while true {
            if case .persist(.targets, _) = step { hasSeries = true }
            switch step {
            case .done(let outcome):
                if hasSeries { try synchronize() }
                return outcome
            case .fetch(let name, let maximumLength): step = try workflow.resume(fetch(name, maximumLength))
            default: step = try workflow.resume(try answer(step) ?? .notFound)
            }
        }
    }
}
