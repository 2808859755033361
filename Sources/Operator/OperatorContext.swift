package import Model
package import System

/// What commands run in: where they write, what time it is, and how they wait. Tests hand in their own.
package struct OperatorContext: Sendable {
    package let streams: ProgramStreams
    package let now: @Sendable () -> UnixTime
    /// Blocks for a while; between two looks at something that changes.
    package let pause: @Sendable (Duration) -> Void
    /// Columns that tables may take.
    package let columns: Int
    /// The path of this program, for its limited children.
    package let program: @Sendable () throws -> String

    package init(
        streams: ProgramStreams,
        now: @escaping @Sendable () -> UnixTime = { UnixTime(milliseconds: SystemClock.nowMilliseconds) },
        pause: @escaping @Sendable (Duration) -> Void = { NativeThread.sleep($0) }, columns: Int = 80,
        program: @escaping @Sendable () throws -> String = { CurrentProcess.program }
    ) {
        self.streams = streams
        self.now = now
        self.pause = pause
        self.columns = columns
        self.program = program
    }
}
