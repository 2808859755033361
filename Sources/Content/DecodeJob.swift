internal import Model
internal import System

/// Unpacks file 3 to standard output; the child's half of `ContentWorker.decode`.
struct DecodeJob {
    private let decoder: ContentDecoder

    init(_ arguments: [String]) throws(ContentError) {
        guard let coding = arguments.first.flatMap({ ContentCoding(name: $0) }) else {
            throw ContentError(.failed, "no such coding")
        }
        let limits = ContentLimits(
            length: try ContentJob.number(arguments, 1), ratio: try ContentJob.number(arguments, 2))
        decoder = try ContentDecoder(coding, limits: limits)
    }

    func run() throws {
        let input = FileDescriptor(takingOwnership: 3)
        let output = FileDescriptor(takingOwnership: 1)
        try Confinement.enter(.descriptors)
        try decoder.run(input) { try output.write($0) }
    }
}
