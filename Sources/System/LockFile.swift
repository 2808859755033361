internal import CLinux
internal import Glibc

/// A file that one process holds (flock(2)); the kernel frees it when the process ends, however it ends.
package final class LockFile: Sendable {
    private let file: FileDescriptor

    /// Who holds a lock, by what the file says.
    package struct Holder: Sendable, Equatable, CustomStringConvertible {
        package let process: Int32
        /// What it holds the lock for, if that is a command that ends by itself, such as "import".
        package let task: String?

        package var description: String {
            task.map { "process \(process) (\($0))" } ?? "process \(process)"
        }

        /// Of the file's content; nil if that names nobody.
        init?(_ text: String) {
            let words = text.prefix { $0 != "\n" }.split(separator: " ")
            guard let first = words.first, let process = Int32(first) else { return nil }
            self.process = process
            task = words.count > 1 ? String(words[1]) : nil
        }
    }

    /// Why the lock was not got.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// Another process holds it; who, if that could be read.
        case held(path: String, by: Holder?)
        case system(SystemError)

        package var description: String {
            switch self {
            case .held(let path, let holder?): "\(path) is held by \(holder)"
            case .held(let path, nil): "\(path) is held by another process"
            case .system(let error): error.description
            }
        }
    }

    /// Takes the lock at once or throws; the file is made if it is not there and stays afterwards.
    ///
    /// - Parameter task: one word for what it is held for, where that ends by itself.
    package init(_ path: String, task: String? = nil) throws(Failure) {
        do throws(SystemError) {
            file = try FileDescriptor.open(path, [.readWrite, .create, .noFollow], mode: 0o644)
        } catch {
            throw .system(error)
        }
        let number = file.number
        // The umask has no say in who can see the holder. Another user's file is left as it is.
        do throws(SystemError) { try retrying("fchmod", path) { fchmod(number, 0o644) } } catch {
            guard error.errno == .notPermitted else { throw .system(error) }
        }
        do throws(SystemError) {
            try retrying("flock", path) { axle_flock_exclusive(number) }
        } catch {
            guard error.errno == .again else { throw .system(error) }
            // Who holds it is a courtesy; an unreadable file is no other answer.
            let text = String(decoding: (try? file.read(count: 64, at: 0)) ?? [], as: UTF8.self)
            throw .held(path: path, by: Holder(text))
        }
        do throws(SystemError) {
            try file.truncate(to: 0)
            try file.write(Array("\(getpid())\(task.map { " \($0)" } ?? "")\n".utf8), at: 0)
        } catch {
            throw .system(error)
        }
    }
}
