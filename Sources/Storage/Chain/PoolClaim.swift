package import Model
import System

/// A daemon's hold on a pool's folder outside of its state folder: whose pool it is, and a lock for as long as this lives.
///
/// `FOLDER/.axle-owner` names the hub or spoke whose pool it is, `FOLDER/.axle-lock` is held while a process uses it.
package final class PoolClaim: Sendable {
    private let lock: LockFile

    /// Takes the folder of a pool that is there and is the owner's.
    ///
    /// - Throws: `foreignFolder` for a folder that is missing, has no pool, is another's or is in use; `io` for a disk that fails.
    package init(_ folder: String, owner: NodeID) throws(StorageError) {
        if let ail = Self.ail(folder) { throw .foreignFolder(ail) }
        let found = try Self.owner(of: folder)
        guard found == nil || found == owner.description else {
            throw .foreignFolder("\(folder) is the pool of another hub or spoke (\(found ?? ""))")
        }
        lock = try Self.take(folder)
    }

    /// Makes a pool in a folder that is new or empty, or takes up one that was begun for the same owner.
    package static func make(
        _ folder: String, owner: NodeID, kind: PoolFolder.Kind, quota: ByteCount
    ) throws(StorageError) {
        let found = try PoolFolder.kind(of: folder)
        if let found {
            let known = try self.owner(of: folder)
            // A cut may have come before its owner was written down.
            let packages = try PoolFolder.packages(folder).count
            let isNew = known == nil && packages == 0
            guard isNew || known == owner.description else {
                throw .foreignFolder("\(folder) has a pool already; name a new or empty folder")
            }
            guard found == kind else { throw .foreignFolder("\(folder) has a \(found.rawValue) pool") }
        }
        // A new one is made first, so that somebody's folder is refused and not touched.
        if found == nil { _ = try PoolFolder.open(folder, quota: quota, new: kind) }
        let lock = try take(folder)
        try storage { () throws(SystemError) in
            try AtomicFile.write("\(owner)\n", to: ownerFile(folder), mode: 0o600)
        }
        withExtendedLifetime(lock) {}
    }

    /// Why a pool that is open cannot be used any more; nil where it can be read.
    package static func ail(_ folder: String) -> String? {
        do {
            guard File.exists(folder) else { return "\(folder) is not there; is its disk mounted?" }
            guard try PoolFolder.kind(of: folder) != nil else {
                return "\(folder) has no pool; is its disk mounted?"
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Why a pool's disk takes no writes, as one that the kernel has set to read-only after errors; nil where it does.
    package static func refusal(_ folder: String) -> String? {
        let probe = "\(folder)/.axle-look"
        do throws(SystemError) {
            try AtomicFile.write("look\n", to: probe, mode: 0o600)
            try File.remove(probe)
            return nil
        } catch {
            // Full is no illness.
            return error.errno == .noSpace ? nil : "\(error)"
        }
    }

    private static func ownerFile(_ folder: String) -> String { "\(folder)/.axle-owner" }

    private static func owner(of folder: String) throws(StorageError) -> String? {
        let path = ownerFile(folder)
        guard File.exists(path) else { return nil }
        let bytes = try storage { () throws(SystemError) in try File.read(path, limit: 256) }
        return String(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" })
    }

    private static func take(_ folder: String) throws(StorageError) -> LockFile {
        do throws(LockFile.Failure) {
            return try LockFile("\(folder)/.axle-lock")
        } catch {
            switch error {
            case .held(_, let holder):
                let who = holder.map { "\($0)" } ?? "another process"
                throw .foreignFolder("\(folder) is in use by \(who); stop it first")
            case .system(let error): throw StorageError(error)
            }
        }
    }
}
