package import Trust

/// The metadata files of one trusted state, as a hub or spoke relays them: byte for byte as they were received, and all of the same state.
///
/// They are held in memory because the folder runs ahead while the next refresh is under way. A peer that was given a newer file
/// beside those of before would take the difference for an attack and refuse an order for good. Roots are read from the folder, where
/// each version is a file that never changes. Files are read when this is made, on a queue that may block.
package struct ServedMetadata: Sendable {
    package let trusted: TrustedMetadata
    private let folder: MetadataFolder
    private let files: [MetadataFile: [UInt8]]

    /// Reads the files of a state that a refresh has just made trusted; no other refresh may be under way.
    package init(_ trusted: TrustedMetadata, in folder: MetadataFolder) throws {
        self.trusted = trusted
        self.folder = folder
        var files: [MetadataFile: [UInt8]] = [:]
        for file in [.timestamp, .snapshot] + trusted.verifiedRoles.map({ MetadataFile.targets($0) }) {
            files[file] = try folder.load(file)
        }
        self.files = files
    }

    /// The file of that name at the repository; nil if this state has none. A root blocks on the disk, the others do not.
    package func file(named name: String) throws -> [UInt8]? {
        guard let file = trusted.storedFile(forRemoteName: name) else { return nil }
        if case .rootVersion = file { return try folder.load(file) }
        return files[file]
    }
}
