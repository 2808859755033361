internal import CLinux
internal import Glibc

/// An open file of the process, owned: it is closed exactly once.
///
/// `close()` reports what the kernel says and is the way to end a descriptor that was written to; one that merely goes
/// out of scope is closed without a word. All calls block and repeat themselves when a signal interrupts them.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    package let number: Int32

    /// Owns `number` from now on.
    package init(takingOwnership number: Int32) {
        self.number = number
    }

    deinit {
        // Nothing can be told here; writers end with close() or synchronize().
        _ = Glibc.close(number)
    }

    /// What a file is opened for.
    package struct Access: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let read = Access([])
        package static let write = Access(rawValue: O_WRONLY)
        package static let readWrite = Access(rawValue: O_RDWR)
        package static let create = Access(rawValue: O_CREAT)
        /// Fails with EEXIST if the file is there.
        package static let exclusive = Access(rawValue: O_EXCL)
        package static let truncate = Access(rawValue: O_TRUNC)
        package static let append = Access(rawValue: O_APPEND)
        package static let folder = Access(rawValue: O_DIRECTORY)
        /// Fails with ELOOP if the last part of the path is a symbolic link.
        package static let noFollow = Access(rawValue: O_NOFOLLOW)
        /// Does not wait for the other end of a pipe.
        package static let nonBlocking = Access(rawValue: O_NONBLOCK)
    }

    /// Opens a file; it is closed in children.
    package static func open(
        _ path: String, _ access: Access = .read, mode: UInt32 = 0o600
    ) throws(SystemError) -> FileDescriptor {
        try checkPath(path)
        let file = FileDescriptor(
            takingOwnership: try retrying("open", path) { axle_open(path, access.rawValue, mode) })
        // A new file for sure: it gets its mode whatever the umask is.
        if access.contains([.create, .exclusive]) { try file.setMode(mode, path) }
        return file
    }

    /// A new, empty file in a folder, for reading and writing, which has no name: it takes room there until its last descriptor is closed.
    package static func unnamed(in folder: String) throws(SystemError) -> FileDescriptor {
        try checkPath(folder)
        do throws(SystemError) {
            return FileDescriptor(takingOwnership: try retrying("open", folder) { axle_open_unnamed(folder) })
        } catch {
            // A file system without such files gives one that loses its name at once.
            guard [.notSupported, .isFolder].contains(error.errno) else { throw error }
        }
        let path = AtomicFile.temporaryPath(in: folder)
        let file = try open(path, [.readWrite, .create, .exclusive, .noFollow])
        try File.remove(path)
        return file
    }

    /// Sets permission bits that the umask of who started this program has taken from a new file or folder; bits above them,
    /// such as a group that is inherited, stay.
    func setMode(_ mode: UInt32, _ path: String) throws(SystemError) {
        var raw = stat()
        try retrying("fstat", path) { fstat(number, &raw) }
        guard raw.st_mode & 0o777 != mode & 0o777 else { return }
        try retrying("fchmod", path) { fchmod(number, raw.st_mode & 0o7000 | mode & 0o777) }
    }

    /// Closes the file and reports a late write error, which some file systems tell only here.
    package consuming func close() throws(SystemError) {
        let number = self.number
        discard self
        guard Glibc.close(number) != 0 else { return }
        let errno = Errno.current
        // Linux has closed the descriptor even then; repeating could close another thread's file.
        if errno != .interrupted { throw SystemError(call: "close", errno: errno) }
    }

    /// Gives up the ownership: the caller closes the number.
    package consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    /// A second descriptor of the same open file.
    package func duplicate() throws(SystemError) -> FileDescriptor {
        FileDescriptor(takingOwnership: try retrying("dup") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    // MARK: Reading

    /// Reads what is there, at most the buffer's size; 0 is the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        try retrying("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads at `offset` without moving the file's position; 0 is the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try retrying("pread") { pread(number, buffer.baseAddress, buffer.count, Int(offset)) }
    }

    /// As `read(into:at:)`, of what the kernel has in memory; nil where the disk would have to be waited for. Never blocks.
    package func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        // Any failure is for the read that may wait to tell.
        let count = axle_read_at_hand(number, buffer.baseAddress, buffer.count, offset)
        return count < 0 ? nil : count
    }

    /// Reads at most `count` bytes at `offset`, fewer only at the end of the file.
    package func read(count: Int, at offset: Int64) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let result = [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, used in
            do throws(SystemError) {
                used = try readAll(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Fills the buffer from `offset` on, less of it only at the end of the file; says how much.
    package func readAll(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        var used = 0
        while used < buffer.count {
            let got = try read(into: .init(rebasing: buffer[used...]), at: offset + Int64(used))
            if got == 0 { break }
            used += got
        }
        return used
    }

    // MARK: Writing

    /// Writes some of the bytes and says how many.
    package func writeSome(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
        try retrying("write") { Glibc.write(number, bytes.baseAddress, bytes.count) }
    }

    /// Writes all bytes at the file's position.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            rest = .init(rebasing: rest[(try writeSome(rest))...])
        }
    }

    /// Writes all bytes at the file's position.
    package func write(_ bytes: [UInt8]) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { buffer in
            do throws(SystemError) { try write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes all bytes at `offset`.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try retrying("pwrite") { pwrite(number, rest.baseAddress, rest.count, Int(offset) + done) }
        }
    }

    /// Writes all bytes at `offset`.
    package func write(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { buffer in
            do throws(SystemError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Returns once contents and length are on the disk (fdatasync).
    ///
    /// After a failure the kernel may have dropped the pages: the file counts as unwritten, a second try proves nothing.
    package func synchronizeData() throws(SystemError) {
        try retrying("fdatasync") { fdatasync(number) }
    }

    /// Begins to bring a range to the disk without waiting, so that `synchronizeData` has less left to wait for; it proves nothing.
    package func startWriteback(offset: Int64, length: Int64) {
        _ = axle_start_writeback(number, offset, length)
    }

    /// Returns once contents and all attributes are on the disk (fsync).
    package func synchronize() throws(SystemError) {
        try retrying("fsync") { fsync(number) }
    }

    /// Makes the file this long.
    package func truncate(to length: Int64) throws(SystemError) {
        try retrying("ftruncate") { ftruncate(number, Int(length)) }
    }

    /// Takes the room for `length` bytes from the disk now, so that later writes do not fail for want of it.
    package func allocate(_ length: Int64) throws(SystemError) {
        guard length > 0 else { return }
        // posix_fallocate answers the error number itself.
        while true {
            let result = posix_fallocate(number, 0, Int(length))
            if result == 0 { return }
            if result != EINTR { throw SystemError(call: "fallocate", errno: Errno(rawValue: result)) }
        }
    }

    // MARK: Knowing

    /// What the file is.
    package func status() throws(SystemError) -> FileStatus {
        var raw = stat()
        try retrying("fstat") { fstat(number, &raw) }
        return FileStatus(raw)
    }

    /// How the file will be used; the kernel reads ahead more, or keeps nothing.
    package enum Advice: Sendable {
        case sequential
        case willNeed
        case dontNeed
    }

    /// Tells the kernel about a range (length 0: to the end); advice that fails harms nothing.
    package func advise(_ advice: Advice, offset: Int64 = 0, length: Int64 = 0) {
        let number =
            switch advice {
            case .sequential: POSIX_FADV_SEQUENTIAL
            case .willNeed: POSIX_FADV_WILLNEED
            case .dontNeed: POSIX_FADV_DONTNEED
            }
        _ = posix_fadvise(self.number, Int(offset), Int(length), Int32(number))
    }

    /// Whether calls return EAGAIN instead of waiting.
    package func setNonBlocking(_ on: Bool) throws(SystemError) {
        try retrying("fcntl") { axle_fcntl_nonblocking(number, on ? 1 : 0) }
    }

    /// A pipe, closed in children: its end for reading and its end for writing.
    package static func pipe() throws(SystemError) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        try withUnsafeMutablePointer(to: &ends) { pointer throws(SystemError) in
            try pointer.withMemoryRebound(to: Int32.self, capacity: 2) { ends throws(SystemError) in
                _ = try retrying("pipe") { axle_pipe(ends) }
            }
        }
        return Pipe(
            reader: FileDescriptor(takingOwnership: ends.0), writer: FileDescriptor(takingOwnership: ends.1))
    }

    /// The two ends of a pipe.
    package struct Pipe: ~Copyable {
        package var reader: FileDescriptor
        package var writer: FileDescriptor
    }
}

/// Refuses a path that the kernel would cut off at its first NUL.
func checkPath(_ path: String) throws(SystemError) {
    guard !path.utf8.isEmpty, !path.utf8.contains(0) else {
        throw SystemError(call: "open", errno: .invalid, path: path, text: "empty, or with a NUL inside")
    }
}
