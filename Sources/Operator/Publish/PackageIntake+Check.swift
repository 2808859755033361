import Content
import Model
import System

/// What agents and shares do with a package, done by its publisher first: what they would refuse is not signed.
extension PackageIntake {
    /// Refuses a file that is not of the package's kind, and a tree that cannot be unpacked or lacks its programs.
    ///
    /// A tree is unpacked beside the copy, by the same limited child and within the same limits as on a machine, and
    /// removed again.
    /// - Parameters:
    ///   - program: this program, for the child.
    static func check(_ copy: Copy, _ package: Package, program: String) throws {
        switch package.metadata.kind {
        case .tree: try checkTree(copy, package, program: program)
        case .deb:
            guard ContentCoding(mark: copy.head) == .deb else {
                throw OperatorError(
                    "\(package.path.file) is no Debian package",
                    next: "Leave --kind out for a tree, or give a file that dpkg-deb has built.")
            }
        // Shares copy its bytes as they are.
        case .script: break
        }
    }

    private static func checkTree(_ copy: Copy, _ package: Package, program: String) throws {
        let folder = copy.temporary + ".tree"
        try Directory.removeTree(folder)
        try Directory.create(folder)
        do {
            let file = try FileDescriptor.open(copy.temporary, [.read, .noFollow])
            try ContentWorker(program: program).unpackTree(
                file, into: folder, limits: TarLimits(for: package), content: package.metadata.content)
            guard try holdsFile(folder) else {
                throw OperatorError(
                    "\(package.path.file) holds no file: it installs nothing",
                    next: "Pack the folder from inside, as in 'tar -cf FILE.tar -C FOLDER .'.")
            }
            if let problem = try TreeProgram.problem(with: package.metadata.install, in: folder) {
                throw refusal(problem, package, folder)
            }
        } catch {
            // The first failure is the one to tell; a leftover is hidden and harmless.
            _ = try? Directory.removeTree(folder)
            guard let error = error as? ContentError else { throw error }
            throw refusal(error, package)
        }
        try Directory.removeTree(folder)
    }

    /// Whether anything but folders is below a folder; as deep as `TarLimits` lets an archive be.
    private static func holdsFile(_ folder: String) throws -> Bool {
        for name in try Directory.list(folder) {
            let path = Directory.join(folder, name)
            guard try File.status(path, followLinks: false)?.kind == .folder else { return true }
            if try holdsFile(path) { return true }
        }
        return false
    }

    private static func refusal(_ error: ContentError, _ package: Package) -> OperatorError {
        let what =
            switch error.code {
            case .unavailable, .memory, .timedOut, .cancelled, .childDied, .full, .failed:
                "\(package.path.file) could not be unpacked to see whether agents can: \(error.message)"
            case .malformed, .truncated, .tooLarge, .path, .link, .special, .duplicate, .hashMismatch, .wrongReference:
                "no agent can unpack \(package.path.file): \(error.message)"
            }
        return OperatorError(what, next: next(error, package))
    }

    private static func next(_ error: ContentError, _ package: Package) -> String {
        switch error.code {
        case .malformed, .hashMismatch, .wrongReference:
            "Agents read tar archives, plain or packed with gzip, zstd or xz: make one with "
                + "'tar --format=posix --zstd -cf FILE.tar.zst -C FOLDER .'. A file that sites only show in shares is "
                + "published with --kind script."
        case .truncated:
            "It is cut off, or was written without the two zero blocks that end an archive: pack it again."
        case .tooLarge:
            "Pack less, or say with --unpacked-size how much it unpacks to."
        case .path: "Pack the folder from inside: 'tar -cf FILE.tar -C FOLDER .'."
        case .link:
            "Links may lead only to what is in the archive: copy what they point to into it ('tar --dereference'). "
                + "A Python virtual environment is made with 'python3 -m venv --copies', and its programs are started as "
                + "'bin/python -m NAME'."
        case .special: "Leave it out with 'tar --exclude'; sparse files are packed whole without --sparse."
        case .duplicate: "Pack the folder again in one go: 'tar -r' and 'tar -u' put a second member behind the first."
        case .full: "Make room beside the catalog: a package is unpacked there once, before it is signed."
        case .unavailable: "Install the library, or publish the file uncompressed."
        case .memory, .timedOut, .cancelled, .childDied, .failed: "Try again; nothing was changed."
        }
    }

    private static func refusal(_ problem: TreeProgram.Problem, _ package: Package, _ folder: String) -> OperatorError {
        switch problem {
        case .notExecutable(let name):
            return OperatorError(
                "\(name) in \(package.path.file) cannot be executed: its mode has no x for its owner",
                next: "Run 'chmod 755' on it before it is packed.")
        case .folder(let name):
            // Only a hint is lost where the folder cannot be listed.
            let inside = (try? Directory.list(Directory.join(folder, name))) ?? []
            let program = inside.map { Directory.join(name, $0) }.first { path in
                // As above.
                (try? TreeProgram.problem(with: path, in: folder)) == .some(nil)
            }
            return OperatorError(
                "\(name) is a folder, not a program, in \(package.path.file)",
                next: program.map { "Did you mean \($0)?" } ?? "Give the path of the program inside it.")
        case .loop(let name):
            return OperatorError(
                "\(name) in \(package.path.file) is a link that leads back to itself",
                next: "Let the link lead to the program before the folder is packed, or name the program itself.")
        case .missing(let name):
            // Only a hint is lost where the folder cannot be listed.
            let top = (try? Directory.list(folder)) ?? []
            let nested = top.map { Directory.join($0, name) }.first { path in
                // As above.
                (try? TreeProgram.problem(with: path, in: folder)) == .some(nil)
            }
            return OperatorError(
                "there is no file \(name) in \(package.path.file)",
                next: nested.map { "Did you mean \($0)?" }
                    ?? "Give the path inside the archive, as 'tar -tf' lists it, without a leading ./.")
        }
    }
}
