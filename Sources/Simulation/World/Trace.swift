internal import Model

/// What happened, line by line: a hash over all of it, and the last lines for people.
package struct Trace {
    /// Lines that are kept for the report of a breach.
    static let tailLength = 80

    /// FNV-1a over every line; the same seed and code give the same hash.
    package private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    package private(set) var lines = 0
    private var tail: [String] = []
    private let echo: ((String) -> Void)?

    /// `echo` is given every line as it comes.
    init(echo: ((String) -> Void)?) {
        self.echo = echo
    }

    mutating func note(_ uptime: Duration, _ who: String, _ what: String) {
        let line = "\(Self.time(uptime)) \(who): \(what)"
        digest = Self.hash(line, digest)
        lines += 1
        if tail.count >= 2 * Self.tailLength { tail.removeFirst(Self.tailLength) }
        tail.append(line)
        echo?(line)
    }

    /// The last lines, oldest first.
    package var lastLines: [String] { Array(tail.suffix(Self.tailLength)) }

    static func hash(_ text: String, _ start: UInt64 = 0xCBF2_9CE4_8422_2325) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in
            var hash = start
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            return hash
        }
    }

    private static func time(_ uptime: Duration) -> String {
        let milliseconds = uptime.wholeMilliseconds
        let text = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - text.utf8.count) + text
    }
}
