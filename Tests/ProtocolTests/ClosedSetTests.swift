import Foundation
import Model
import Protocol
import Testing

/// The grammar, the document and the code name the same values of each closed set.
@Suite("Closed sets of axle/1")
struct ClosedSetTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOf: RecordedSessionTests.root.appending(path: path), encoding: .utf8)
    }

    private func numbers(_ text: Substring) -> [UInt8] {
        text.split(separator: "/").compactMap { UInt8($0.trimmingCharacters(in: .whitespaces)) }
    }

    @Test("axle.cddl has the numbers of the code")
    func grammar() throws {
        let sets: [(name: String, numbers: [UInt8])] = [
            ("role", Role.allCases.map(\.rawValue)), ("means", TransferMeans.allCases.map(\.rawValue)),
            ("pool-access", PoolAccess.allCases.map(\.rawValue)),
            ("replica-state", ReplicaState.allCases.map(\.rawValue)),
            ("severity", EventSeverity.allCases.map(\.rawValue)),
        ]
        let lines = try Self.text("Sources/Protocol/axle.cddl").split(separator: "\n")
        for set in sets {
            let line = try #require(lines.first { $0.hasPrefix("\(set.name) = ") }, "\(set.name)")
            let values = line.dropFirst(set.name.count + 3).prefix { $0 != ";" }
            #expect(numbers(values) == set.numbers, "\(set.name)")
        }
    }

    @Test("protocol.md names every access of a pool with its number")
    func document() throws {
        let text = try Self.text("docs/protocol.md")
        for access in PoolAccess.allCases { #expect(text.contains("\(access.rawValue) \(access.name)"), "\(access)") }
    }
}
