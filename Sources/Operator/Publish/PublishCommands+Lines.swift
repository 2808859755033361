import Model

extension PublishCommands {
    /// Warns of machines that refuse a new package, because they are on a line that it does not
    /// update.
    static func warnOfLines(_ package: Package, _ siblings: [Package], _ session: inout PublishSession) {
        let (release, line) = (package.path.release, package.metadata.line)
        let lines = linesLeftBehind(by: package, siblings)
        guard !lines.isEmpty else { return }
        let isNew = !siblings.contains { $0.metadata.line == line }
        let shown = lines.suffix(3).map(\.text).joined(separator: ", ")
        let options = lines.suffix(3).map { "--from-line \($0)" }.joined(separator: " ")
        session.warn(
            "\(isNew ? "line \(line) is new" : "\(release) is of line \(line)") and does not update line \(shown): "
                + "every machine on line \(shown) refuses \(release). If they are meant to move to it, take it back with "
                + "'axle publish remove \(session.folder.path) \(package.path) --keys \(session.folder.keys)' and add it "
                + "with \(options).")
    }

    /// The other lines of the product whose machines refuse the package; an older line's release is
    /// not meant for the machines of a newer one, unless its line is new.
    private static func linesLeftBehind(by package: Package, _ siblings: [Package]) -> [LineName] {
        let metadata = package.metadata
        let scheme = metadata.versionScheme
        let isNew = !siblings.contains { $0.metadata.line == metadata.line }
        return Dictionary(grouping: siblings, by: \.metadata.line).filter { line, packages in
            guard line != metadata.line, !metadata.requires.fromLines.contains(line) else { return false }
            return isNew
                || packages.allSatisfy {
                    Version($0.path.release, in: scheme).compare(metadata.version, in: scheme) < 0
                }
        }.keys.sorted()
    }
}
