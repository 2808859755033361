import System
import Testing

@Suite("A file that grows behind a window")
struct GrowingFileTests {
    /// What belongs at an offset; no two pieces are alike.
    private func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: (offset &* 2_654_435_761) >> 13) }

    @Test(
        "what was stored is in the file and at its address, near and far, whatever the length and the steps",
        arguments: [
            0, 1, 4096, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 12_345,
        ], [1 << 12, 100_001, GrowingFile.room])
    func content(length: Int, step: Int) throws {
        try withFolder { folder in
            let path = "\(folder)/content"
            let file = try FileDescriptor.open(path, [.readWrite, .create])
            try file.truncate(to: Int64(length))
            let growing = try GrowingFile(file, length: length)
            try growing.withBytes { bytes in
                #expect(bytes.count == length)
                var done = 0
                while done < length {
                    let end = min(length, done + step)
                    for offset in done..<end { bytes[offset] = byte(offset) }
                    done = end
                    try growing.advance(to: done)
                    // The beginning, the newest byte, and some between: in the file by now, or in the window still.
                    for offset in [0, done / 3, done / 2, done - 1] {
                        #expect(bytes[offset] == byte(offset), "at \(offset) of \(done)")
                    }
                }
                try growing.finish()
                #expect((0..<length).allSatisfy { bytes[$0] == byte($0) })
            }
            #expect(try File.read(path, limit: 1 << 30) == (0..<length).map(byte))
        }
    }

    @Test("behind what is done there is always as much room as was promised")
    func room() throws {
        try withFolder { folder in
            let length = 3 << 20
            let file = try FileDescriptor.open("\(folder)/content", [.readWrite, .create])
            try file.truncate(to: Int64(length))
            let growing = try GrowingFile(file, length: length)
            try growing.withBytes { bytes in
                for done in stride(from: 0, through: length - GrowingFile.room, by: 65_537) {
                    try growing.advance(to: done)
                    bytes[done + GrowingFile.room - 1] = 1
                }
            }
        }
    }

    @Test("a file that cannot be written is an error and not a trap")
    func refused() throws {
        try withFolder { folder in
            let path = "\(folder)/content"
            try AtomicFile.write([UInt8](repeating: 0, count: 1 << 20), to: path)
            let growing = try GrowingFile(FileDescriptor.open(path), length: 1 << 20)
            #expect(systemError { try growing.advance(to: 1 << 20) } != nil)
        }
    }
}
