internal import CLinux
internal import Glibc

/// Signals of the process as an asynchronous sequence.
package enum Signals {
    /// The signals that daemons heed.
    package enum Signal: Int32, Sendable, CaseIterable {
        case hangUp = 1
        case interrupt = 2
        case user1 = 10
        case terminate = 15
    }

    /// From now on a write to a closed pipe or socket answers EPIPE instead of ending the process. Every program calls
    /// this first.
    package static func ignoreBrokenPipe() {
        _ = axle_signal_ignore(SIGPIPE)
    }

    /// Catches the given signals from now on and hands them out, in order of arrival, for the rest of the process's
    /// life. Equal ones that come faster than they are read may be joined.
    package static func stream(_ signals: [Signal]) throws(SystemError) -> AsyncStream<Signal> {
        let pipe = try FileDescriptor.pipe()
        try pipe.writer.setNonBlocking(true)
        let (reader, writer) = split(pipe)
        for signal in signals {
            try retrying("sigaction") { axle_signal_to(signal.rawValue, writer) }
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(16))
        let thread = try NativeThread("signals") {
            var byte: UInt8 = 0
            while true {
                let count = Glibc.read(reader, &byte, 1)
                if count < 0, Errno.current == .interrupted { continue }
                guard count == 1 else { return }
                if let signal = Signal(rawValue: Int32(byte)) { continuation.yield(signal) }
            }
        }
        thread.detach()
        return stream
    }

    /// Both ends live as long as the process, since a handler may write at any time.
    private static func split(_ pipe: consuming FileDescriptor.Pipe) -> (reader: Int32, writer: Int32) {
        // Partial consumption of the pair: the reader is copied out first, then the pair's ends are given up.
        pipe.release()
    }

    /// Sends a signal to this process, as tests and supervisors do.
    package static func raise(_ signal: Signal) {
        _ = kill(getpid(), signal.rawValue)
    }
}

extension FileDescriptor.Pipe {
    /// Gives up both ends: the caller closes the numbers.
    consuming func release() -> (reader: Int32, writer: Int32) {
        (reader.release(), writer.release())
    }
}
