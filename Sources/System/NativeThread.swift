internal import CLinux
internal import Glibc

/// A thread of the operating system with a name: for event loops and waits that never end.
package final class NativeThread: Sendable {
    private let thread: pthread_t

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts the thread; the kernel shows the first 15 bytes of its name.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: String(name.prefix(15)), body: body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                axle_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw SystemError(call: "pthread_create", errno: Errno(rawValue: result), path: name)
        }
        self.thread = thread
    }

    /// Waits for the thread's end, blocking; once only.
    package func join() {
        pthread_join(thread, nil)
    }

    /// Lets the thread clean up after itself; nobody may join it then.
    package func detach() {
        pthread_detach(thread)
    }

    /// The calling thread as the C library knows it: cheap to ask for, unique among threads that run.
    package static var currentToken: UInt { UInt(pthread_self()) }

    /// Blocks the calling thread for so long.
    package static func sleep(_ wait: Duration) {
        let (seconds, attoseconds) = max(wait, .zero).components
        var wanted = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var rest = timespec()
        while nanosleep(&wanted, &rest) != 0, Errno.current == .interrupted { wanted = rest }
    }

    /// The kernel's number of the calling thread.
    package static var currentIdentifier: Int { axle_thread_id() }
}
