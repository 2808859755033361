/// Writes the body of a chunk delta, section by section: a table of instructions, then the bytes that it writes out.
///
/// A section has at most a MiB of table and stands for some 64 MiB of content, so that neither side keeps more. One thread.
package struct ChunkDeltaWriter {
    /// Bytes of a section's table at most; readers refuse more.
    static let tableLimit = 1 << 20
    private static let sectionSpan = 64 << 20

    private let new: UnsafeRawBufferPointer
    private var table: [UInt8] = []
    /// The bytes of the new content that the section writes out.
    private var literals: [Range<Int>] = []
    private var expected: UInt64 = 0
    private var begin = 0
    private var end = 0

    package init(new: UnsafeRawBufferPointer) { self.new = new }

    /// Takes the next instruction, which begins at `at`; `output` gets the bytes of a section that is complete, in order.
    package mutating func add(
        _ instruction: ChunkInstruction, at: Int, _ output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        instruction.write(expected: expected, to: &table)
        expected = instruction.expected(after: expected)
        let literal = Int(clamping: instruction.literal)
        if literal > 0 { literals.append(at..<at + literal) }
        end = at + literal + Int(clamping: instruction.copy)
        if table.count > Self.tableLimit - ChunkInstruction.longest || end - begin >= Self.sectionSpan {
            try finish(output)
        }
    }

    /// Gives what is left.
    package mutating func finish(_ output: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard !table.isEmpty else { return }
        let count = UInt32(table.count)
        try ([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> UInt32($0)) } + table).withUnsafeBytes(output)
        for literal in literals { try output(UnsafeRawBufferPointer(rebasing: new[literal])) }
        table.removeAll(keepingCapacity: true)
        literals.removeAll(keepingCapacity: true)
        begin = end
    }
}
