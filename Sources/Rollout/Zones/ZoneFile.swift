package import Model

/// A time zone's rules, read from a TZif file (RFC 8536, versions 1 to 4).
///
/// ```
/// header 44: "TZif", version, 15 unused, counts of UT marks, standard marks, leap seconds, times, types, characters (4 each)
/// data: times, their types (1 each), types (6 each: offset 4, isDST 1, designation 1), designations, leap seconds, marks
/// ```
///
/// Version 1 has one header and its data, with times of 4 bytes. Later versions have a second header and data with times
/// of 8 bytes behind them, and a footer: a newline, a `ZoneRule` or nothing, a newline. A version above 4 is read like 4.
/// Every count is checked against the file's length before anything is allocated, and every index against its table.
/// Leap seconds (the `right/` files) are taken out of the times, so that any file answers in POSIX time.
package struct ZoneFile: ZoneRules, Hashable, Sendable {
    /// The longest file that is read; those of tzdata have at most a few thousand bytes.
    package static let lengthLimit = 128 << 10

    private struct Transition: Hashable, Sendable {
        let time: Int64
        let offset: Int
    }

    /// The offset before the first transition.
    private let first: Int
    private let transitions: [Transition]
    /// What holds after the last transition; nil if its offset stays.
    private let rule: ZoneRule?

    /// Reads a whole file.
    package init(_ bytes: [UInt8]) throws(ZoneFileError) {
        guard bytes.count <= Self.lengthLimit else {
            throw .malformed("the file is longer than \(Self.lengthLimit) bytes")
        }
        var reader = Reader(bytes: bytes)
        var header = try Header(&reader)
        var rule: ZoneRule?
        if header.version == 0 {
            (first, transitions) = try Self.data(&reader, header, timeLength: 4)
        } else {
            _ = try reader.take(header.length(timeLength: 4))
            header = try Header(&reader)
            (first, transitions) = try Self.data(&reader, header, timeLength: 8)
            rule = try Self.footer(&reader)
        }
        guard reader.isAtEnd else { throw .malformed("the file goes on behind its end") }
        self.rule = rule
    }

    package func utcOffset(at time: UnixTime) -> Int {
        let seconds = time.seconds
        guard let last = transitions.last, seconds < last.time else {
            return rule?.utcOffset(at: seconds) ?? transitions.last?.offset ?? first
        }
        // The number of transitions at or before the moment.
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].time <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : transitions[low - 1].offset
    }

    // MARK: Parts of the file

    private struct Header {
        let version: UInt8
        let utMarks: Int
        let standardMarks: Int
        let leapSeconds: Int
        let times: Int
        let types: Int
        let characters: Int

        init(_ reader: inout Reader) throws(ZoneFileError) {
            guard reader.begins(with: [0x54, 0x5A, 0x69, 0x66]) else { throw .notTZif }
            let start = try reader.take(20)
            version = start[start.startIndex + 4]
            guard version == 0 || version >= 0x32 else { throw .malformed("version \(version) does not exist") }
            utMarks = try reader.count()
            standardMarks = try reader.count()
            leapSeconds = try reader.count()
            times = try reader.count()
            types = try reader.count()
            characters = try reader.count()
        }

        /// The bytes of the data that it announces.
        func length(timeLength: Int) -> Int {
            times * (timeLength + 1) + types * 6 + characters + leapSeconds * (timeLength + 4) + standardMarks + utMarks
        }
    }

    private static func data(
        _ reader: inout Reader, _ header: Header, timeLength: Int
    ) throws(ZoneFileError) -> (first: Int, transitions: [Transition]) {
        var data = Reader(bytes: Array(try reader.take(header.length(timeLength: timeLength))))
        guard (1...256).contains(header.types), header.characters > 0 else {
            throw .malformed("the file has no type, no designation or more than 256 types")
        }
        for marks in [header.utMarks, header.standardMarks] where marks != 0 && marks != header.types {
            throw .malformed("the file has \(marks) marks for \(header.types) types")
        }
        var times: [Int64] = []
        for _ in 0..<header.times {
            let time = try data.integer(timeLength)
            if let last = times.last, last >= time { throw .malformed("its times do not ascend") }
            times.append(time)
        }
        let indices = try data.take(header.times)
        var offsets: [Int] = []
        for _ in 0..<header.types {
            let offset = Int(try data.integer(4))
            let rest = Array(try data.take(2))
            // RFC 8536, 3.2: within a day and a bit of UT.
            guard (-89_999...93_599).contains(offset), rest[0] <= 1, Int(rest[1]) < header.characters else {
                throw .malformed("one of its types is out of range")
            }
            offsets.append(offset)
        }
        _ = try data.take(header.characters)
        var leaps: [(time: Int64, correction: Int64)] = []
        for _ in 0..<header.leapSeconds {
            let leap = (time: try data.integer(timeLength), correction: try data.integer(4))
            if let last = leaps.last, last.time >= leap.time { throw .malformed("its leap seconds do not ascend") }
            leaps.append(leap)
        }
        var transitions: [Transition] = []
        for (time, index) in zip(times, indices) {
            guard Int(index) < offsets.count else { throw .malformed("a time has a type that does not exist") }
            let correction = leaps.last { $0.time <= time }?.correction ?? 0
            let (posix, isOver) = time.subtractingReportingOverflow(correction)
            guard !isOver else { throw .malformed("a time is out of range") }
            transitions.append(Transition(time: posix, offset: offsets[Int(index)]))
        }
        return (offsets[0], transitions)
    }

    private static func footer(_ reader: inout Reader) throws(ZoneFileError) -> ZoneRule? {
        let footer = reader.rest()
        guard footer.count >= 2, footer.first == 0x0A, footer.last == 0x0A else {
            throw footer.isEmpty ? .truncated : .malformed("its footer does not begin and end with a newline")
        }
        let text = Array(footer.dropFirst().dropLast())
        guard !text.isEmpty else { return nil }
        guard let rule = ZoneRule(text) else { throw .malformed("its footer is not a POSIX TZ string") }
        return rule
    }

    /// Reads big-endian numbers and pieces; past the end it throws.
    private struct Reader {
        let bytes: [UInt8]
        private var place = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { place == bytes.count }

        mutating func take(_ count: Int) throws(ZoneFileError) -> ArraySlice<UInt8> {
            guard count <= bytes.count - place else { throw .truncated }
            defer { place += count }
            return bytes[place..<place + count]
        }

        func begins(with magic: [UInt8]) -> Bool { bytes[place...].starts(with: magic) }

        mutating func rest() -> ArraySlice<UInt8> {
            defer { place = bytes.count }
            return bytes[place...]
        }

        mutating func count() throws(ZoneFileError) -> Int {
            Int(ASCII.word(try take(4)))
        }

        /// A signed number of 4 or 8 bytes.
        mutating func integer(_ length: Int) throws(ZoneFileError) -> Int64 {
            let word = ASCII.word(try take(length))
            return length == 4 ? Int64(Int32(truncatingIfNeeded: word)) : Int64(bitPattern: word)
        }
    }
}

/// Why bytes are no time zone.
package enum ZoneFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// They do not begin as a TZif file does.
    case notTZif
    /// They end too early.
    case truncated
    /// They break a rule of the format.
    case malformed(String)

    package var description: String {
        switch self {
        case .notTZif: "the file is not a TZif file"
        case .truncated: "the file ends too early"
        case .malformed(let why): why
        }
    }
}
