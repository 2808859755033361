internal import CLinux
internal import Glibc

/// A file that one process holds (flock(2)); the kernel frees it when the process ends, however it ends.
package final class LockFile: Sendable {
    private let file: FileDescriptor

    /// Why the lock was not got.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// Another process holds it; its id, if it could be read.
        case held(path: String, by: Int32?)
        case system(SystemError)

        package var description: String {
            switch self {
            case .held(let path, let holder?): "\(path) is held by process \(holder)"
            case .held(let path, nil): "\(path) is held by another process"
            case .system(let error): error.description
            }
        }
    }

    /// Takes the lock at once or throws; the file is made if it is not there and stays afterwards.
    package init(_ path: String) throws(Failure) {
        do throws(SystemError) {
            file = try FileDescriptor.open(path, [.readWrite, .create, .noFollow], mode: 0o644)
        } catch {
            throw .system(error)
        }
        let number = file.number
        do throws(SystemError) {
            try retrying("flock", path) { axle_flock_exclusive(number) }
        } catch {
            guard error.errno == .again else { throw .system(error) }
            // Who holds it is a courtesy; an unreadable file is no other answer.
            let text = String(decoding: (try? file.read(count: 16, at: 0)) ?? [], as: UTF8.self)
            throw .held(path: path, by: Int32(text.prefix { $0.isNumber }))
        }
        do throws(SystemError) {
            try file.truncate(to: 0)
            try file.write(Array("\(getpid())\n".utf8), at: 0)
        } catch {
            throw .system(error)
        }
    }
}
