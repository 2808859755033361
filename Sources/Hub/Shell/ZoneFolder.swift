internal import Model
package import Rollout
internal import System

/// The machine's time zone database: a folder of TZif files, which the package tzdata keeps up to date.
///
/// A zone is read at its first use, and again when its file has changed, so that new rules count without a restart. A name
/// never leads out of the folder, but for links that the folder itself has. `UTC` needs no file. Blocks for one or two
/// system calls. Any thread.
package final class ZoneFolder: Sendable {
    private struct Entry {
        let status: FileStatus
        let zone: ZoneFile
    }

    private let path: String
    private let entries = NativeLock<[String: Entry]>([:])
    /// tzdata has about 600 names, and as many in each of `posix/` and `right/`.
    private static let entryLimit = 2048
    private static let nameLimit = 64

    package init(_ path: String) { self.path = path }

    /// This machine's, in `/usr/share/zoneinfo` or where the environment's `TZDIR` says (tzset(3)).
    package static let machine = ZoneFolder(CurrentProcess.environment("TZDIR") ?? "/usr/share/zoneinfo")

    /// `find` of this machine's folder.
    package static let find: ZoneLookup = { (name) throws(ZoneError) in try machine.find(name) }

    /// The rules of a zone as they are on the disk now.
    package func find(_ name: String) throws(ZoneError) -> any ZoneRules {
        guard Self.isName(name) else { throw .badName }
        if name == "UTC" { return FixedZone.utc }
        let status: FileStatus
        let bytes: [UInt8]
        do throws(SystemError) {
            let file = try FileDescriptor.open(Directory.join(path, name), [.read, .nonBlocking])
            status = try file.status()
            if let known = entries.withLock({ $0[name] }), known.status == status { return known.zone }
            guard status.kind == .file else { throw SystemError(call: "open", errno: .notFound, path: name) }
            // One byte more than a file may have shows one that is too long.
            bytes = try file.read(count: ZoneFile.lengthLimit + 1, at: 0)
        } catch {
            throw refusal(error)
        }
        let zone: ZoneFile
        do throws(ZoneFileError) {
            zone = try ZoneFile(bytes)
        } catch {
            // The folder has lists as well, such as zone.tab.
            throw error == .notTZif ? .unknown(folder: path) : .unusable("\(error)")
        }
        entries.withLock { entries in
            if entries.count >= Self.entryLimit { entries = [:] }
            entries[name] = Entry(status: status, zone: zone)
        }
        return zone
    }

    /// Whether a text is a name as tzdata has them: it cannot lead out of the folder.
    private static func isName(_ name: String) -> Bool {
        guard (1...nameLimit).contains(name.utf8.count) else { return false }
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, first != UInt8(ascii: ".") else { return false }
            return part.allSatisfy { ASCII.isAlphanumeric($0) || "_+-.".utf8.contains($0) }
        }
    }

    private func refusal(_ error: SystemError) -> ZoneError {
        switch error.errno {
        case .notFound, .notFolder:
            // A folder that cannot be asked about is as good as none.
            (try? File.status(path))??.kind == .folder ? .unknown(folder: path) : .noDatabase(folder: path)
        default: .failed("\(error)")
        }
    }
}
