internal import CLinux
internal import Glibc

/// A file mapped for writing and shared with the page cache: what is stored here is in the file, and counts as no anonymous memory.
///
/// Who opened the file made it this long and took the room on the disk before (`FileDescriptor.allocate`). A file that is cut shorter beneath the
/// mapping ends the process with SIGBUS: only a `ConfinedChild` may use this. One thread at a time.
package final class SharedFileMapping {
    private let base: UnsafeMutableRawPointer?
    package let count: Int
    private var populated = 0

    /// Maps the first `length` bytes of a file that has them.
    package init(_ file: borrowing FileDescriptor, length: Int) throws(SystemError) {
        count = length
        guard length > 0 else {
            base = nil
            return
        }
        let address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0)
        guard let address, address != MAP_FAILED else { throw SystemError(call: "mmap", errno: .current) }
        base = address
    }

    deinit {
        if let base { munmap(base, count) }
    }

    /// Takes the pages up to `end` for writing in large steps: several times cheaper than a fault for each, and a failure is no signal.
    package func populate(to end: Int, step: Int = 32 << 20) {
        while populated < min(end, count), let base {
            let length = min(step, count - populated)
            // Kernels before 5.14 do not know it; then each page is taken when it is touched.
            _ = axle_populate(base + populated, length)
            populated += length
        }
    }

    /// The bytes, valid inside `body` only.
    package func withBytes<Value, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }
}
