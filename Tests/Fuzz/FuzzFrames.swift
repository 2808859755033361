// Frame reader: any bytes, cut in any way, give the same frames or the same error.

@Sendable func fuzzFrames(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    precondition(read(bytes, pieceLength: max(1, Int(first))) == read(bytes, pieceLength: .max))
}

/// The frames as headers and payloads, then the error if there was one.
func read(_ bytes: [UInt8], pieceLength: Int) -> [String] {
    var reader = FrameReader()
    reader.takesOnlyHello = false
    var frames: [String] = []
    var data: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let input = Array(rest.prefix(pieceLength))
        rest = rest.dropFirst(input.count)
        var offset = 0
        do {
            while let piece = try reader.next(input.span, &offset) {
                switch piece {
                case .data(let header, let range, let isFirst, let isLast):
                    if isFirst { data = [] }
                    data += input[range]
                    if isLast {
                        precondition(data.count == Int(header.length))
                        frames.append("\(header) \(data)")
                    }
                case .whole(let header, let range):
                    precondition(range.count == Int(header.length))
                    frames.append("\(header) \(Array(input[range]))")
                case .gathered(let header):
                    let payload = reader.takeGathered()
                    precondition(payload.count == Int(header.length))
                    frames.append("\(header) \(payload)")
                }
            }
            precondition(offset == input.count)
        } catch {
            return frames + ["\(error)"]
        }
    }
    return frames
}
