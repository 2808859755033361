internal import CLinux
internal import Glibc

/// A file that is made from its beginning to its end and can be read again behind that end, all at addresses that stay.
///
/// What is made lies in a small window of anonymous memory first. Piece by piece it is written to the file, and the page cache takes the window's place
/// at the same addresses, read-only; the window's pages move on. So a content of gigabytes takes one mebibyte of anonymous memory, and no page
/// fault for each page that is written, which costs several times the writing where the file itself is mapped for writing.
///
/// Who opened the file made it this long and took the room on the disk before (`FileDescriptor.allocate`). A file that is cut shorter beneath the
/// mapping ends the process with SIGBUS, and a store beyond `room` with SIGSEGV: only a `ConfinedChild` may use this. One thread.
package final class GrowingFile {
    /// What is written at once: small enough to be in the processor's cache still.
    private static let piece = 256 << 10
    private static let window = 1 << 20
    /// Bytes beyond what is done that may be stored to, at any time.
    package static let room = window - piece

    package let count: Int
    private let file: FileDescriptor
    /// The address space of the content and of a window behind it.
    private let base: UnsafeMutableRawPointer
    private let reserved: Int
    /// Bytes that are in the file. The window begins behind them, and ends where nothing is in reach any more.
    package private(set) var written = 0

    /// Takes an open file, for reading and writing, that is `length` bytes long.
    package init(_ file: consuming FileDescriptor, length: Int) throws(SystemError) {
        let (end, overflow) = length.addingReportingOverflow(Self.window + Self.piece)
        guard length >= 0, !overflow else { throw SystemError(call: "mmap", errno: Errno(rawValue: ENOMEM)) }
        let reserved = end / Self.piece * Self.piece
        let address = mmap(nil, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let address, address != MAP_FAILED else { throw SystemError(call: "mmap", errno: .current) }
        guard mprotect(address, Self.window, PROT_READ | PROT_WRITE) == 0 else {
            let errno = Errno.current
            munmap(address, reserved)
            throw SystemError(call: "mprotect", errno: errno)
        }
        count = length
        self.file = file
        base = address
        self.reserved = reserved
    }

    deinit { munmap(base, reserved) }

    /// Hears that the content is final up to `done`, and writes whole pieces of it. From then on `room` bytes behind `done` may be stored to.
    package func advance(to done: Int) throws(SystemError) {
        while min(done, count) - written >= Self.piece {
            try file.write(UnsafeRawBufferPointer(start: base + written, count: Self.piece), at: Int64(written))
            let moved = axle_move_pages(base + written, Self.piece, base + written + Self.window)
            guard let moved, moved != MAP_FAILED else { throw SystemError(call: "mremap", errno: .current) }
            let shown = mmap(base + written, Self.piece, PROT_READ, MAP_SHARED | MAP_FIXED, file.number, written)
            guard let shown, shown != MAP_FAILED else { throw SystemError(call: "mmap", errno: .current) }
            written += Self.piece
        }
    }

    /// Writes what is left, when all of the content is made.
    package func finish() throws(SystemError) {
        try advance(to: count)
        try file.write(UnsafeRawBufferPointer(start: base + written, count: count - written), at: Int64(written))
    }

    /// The bytes, valid inside `body` only: to be stored to in order, and to be read as far as they are done.
    package func withBytes<Value, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }
}
