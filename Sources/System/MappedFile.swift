internal import Glibc

/// A file's bytes mapped into memory, read-only and shared with the page cache: counts as no anonymous memory.
///
/// The file must not be cut shorter while it is mapped (a read past its end is a bus error); pools only map files that
/// are published, which never change.
package final class MappedFile: Sendable {
    package let count: Int
    private nonisolated(unsafe) let base: UnsafeRawPointer?

    package init(_ file: borrowing FileDescriptor) throws(SystemError) {
        let size = try file.status().size
        count = Int(clamping: size)
        guard count > 0 else {
            base = nil
            return
        }
        let address = mmap(nil, count, PROT_READ, MAP_SHARED, file.number, 0)
        guard let address, address != MAP_FAILED else { throw SystemError(call: "mmap", errno: .current) }
        madvise(address, count, MADV_SEQUENTIAL)
        base = UnsafeRawPointer(address)
    }

    package convenience init(path: String) throws(SystemError) {
        try self.init(try FileDescriptor.open(path))
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    /// The bytes, valid inside `body` only.
    package func withBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }
}
