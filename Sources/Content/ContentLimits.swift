/// What unpacking one file may give and take at most.
package struct ContentLimits: Hashable, Sendable {
    /// Bytes of content: the signed length where there is one.
    package var length: UInt64
    /// Bytes of content for each byte of the file, once there are more than `ratioBegin`.
    package var ratio: UInt64
    /// How long it may take.
    package var deadline: Duration

    /// Below this many bytes any ratio is harmless.
    static let ratioBegin: UInt64 = 64 << 20

    package init(length: UInt64, ratio: UInt64 = 1000, deadline: Duration = .seconds(3600)) {
        self.length = length
        self.ratio = ratio
        self.deadline = deadline
    }

    /// Throws `tooLarge` when so many bytes of a file may not unpack to so many.
    func check(taken: UInt64, given: UInt64) throws(ContentError) {
        guard given <= length else { throw tooLong }
        guard given <= Self.ratioBegin || given / max(taken, 1) <= ratio else {
            throw ContentError(.tooLarge, "the file unpacks to more than \(ratio) times its length")
        }
    }

    var tooLong: ContentError { ContentError(.tooLarge, "the file unpacks to more than \(length) bytes") }
}
