import COpenSSL

/// The thread's OpenSSL error queue: cleared before a call, drained after one that failed.
enum ErrorQueue {
    /// One entry of the queue.
    struct Entry {
        let library: Int32
        let reason: Int32
        let text: String
    }

    static func clear() {
        ERR_clear_error()
    }

    /// Takes all entries, oldest first (at most 16 are kept by OpenSSL).
    static func drain() -> [Entry] {
        var entries: [Entry] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { return entries }
            var text = "error \(code)"
            if let reason = ERR_reason_error_string(code) { text = String(cString: reason) }
            entries.append(Entry(library: libraryOf(code), reason: reasonOf(code), text: text))
        }
    }

    /// An error for a failed call, with what the queue says.
    static func error(_ code: TLSError.Code, _ message: String) -> TLSError {
        TLSError(code, message, reasons: drain().map(\.text))
    }

    /// Clears the queue, runs a call that answers 1 on success and throws otherwise.
    static func check(_ code: TLSError.Code, _ message: @autoclosure () -> String, _ call: () -> Int32) throws(TLSError)
    {
        clear()
        guard call() > 0 else { throw error(code, message()) }
    }

    /// Clears the queue, runs a call that answers a pointer and throws if it answers none.
    static func require<Pointee>(
        _ code: TLSError.Code, _ message: @autoclosure () -> String, _ call: () -> Pointee?
    ) throws(TLSError) -> Pointee {
        clear()
        guard let made = call() else { throw error(code, message()) }
        return made
    }

    private static func libraryOf(_ code: UInt) -> Int32 {
        // ERR_GET_LIB and ERR_GET_REASON of OpenSSL 3: bit 31 marks a system error, whose library is ERR_LIB_SYS (2).
        code & 0x8000_0000 != 0 ? 2 : Int32(truncatingIfNeeded: (code >> 23) & 0xFF)
    }

    private static func reasonOf(_ code: UInt) -> Int32 {
        code & 0x8000_0000 != 0
            ? Int32(truncatingIfNeeded: code & 0x7FFF_FFFF) : Int32(truncatingIfNeeded: code & 0x7F_FFFF)
    }
}
