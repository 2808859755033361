import Model
import Protocol
import Spoke
import Testing

/// Which release a share shows, by its rule; nothing runs.
@Suite("The choice of a share's release")
struct ShareChoiceTests {
    /// Releases of the catalog by line and counter; all of them but 3.0 are in the pool.
    private static let releases: [(release: String, line: String, counter: UInt64)] = [
        ("1.0", "1", 10), ("1.1", "1", 11), ("1.2", "1", 12), ("2.0", "2", 1), ("3.0", "3", 1),
    ]

    private static func catalog(without absent: Set<String> = []) throws -> [Package] {
        try releases.filter { !absent.contains($0.release) }.enumerated().map { index, entry in
            let path = try TargetPath("ruff/\(entry.release)/linux-x86_64-glibc/ruff.tar")
            return Package(
                path: path, length: 100, sha256: try SpokeBench.digest(UInt8(index + 1)),
                metadata: PackageMetadata(
                    product: path.product, release: path.release, line: try LineName(entry.line),
                    counter: entry.counter, platform: try Platform("linux-x86_64-glibc"), kind: .tree))
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var rule: String
        /// What the share shows, and by which rule.
        var shown: String?
        var shownBy: String?
        var line: String?
        /// Completed releases by line; nil: the hub has not said it.
        var completed: [String: String]?
        var isUntold = false
        var absent: Set<String> = []
        /// The release to show; nil when what is shown stays.
        var expected: String?
        /// Parts of the note; nil for no note.
        var note: [String]?
        var isWarning = false
        var testDescription: String { what }
    }

    static let cases: [Case] = [
        Case(what: "newest: the newest that is here", rule: "newest", expected: "2.0"),
        Case(what: "newest: of a line", rule: "newest", line: "1", expected: "1.2"),
        Case(
            what: "newest: nothing is here", rule: "newest", line: "3",
            note: ["no package of ruff for this share is in the pool yet"]),
        Case(
            what: "newest: nothing is named", rule: "newest", line: "9",
            note: ["the catalog names no package of ruff for this share"]),
        Case(what: "newest: what is shown counts as here", rule: "newest", shown: "3.0", expected: "3.0"),
        Case(
            what: "newest: what nobody names stays with a warning", rule: "newest", shown: "1.0", line: "1",
            absent: ["1.0", "1.1", "1.2"], note: ["the catalog no longer names 1.0"], isWarning: true),

        Case(what: "pinned: it and no other", rule: "1.1", expected: "1.1"),
        Case(what: "pinned: back too", rule: "1.0", shown: "1.2", shownBy: "1.2", expected: "1.0"),
        Case(what: "pinned: not named", rule: "9.9", note: ["the catalog does not name ruff 9.9"]),
        Case(
            what: "pinned: not here", rule: "3.0", shown: "1.0",
            note: ["ruff 3.0 is not in the pool yet", "1.0 stays"]),

        Case(what: "completed: it and not the newest", rule: "completed", completed: ["1": "1.1"], expected: "1.1"),
        Case(
            what: "completed: the newest line", rule: "completed", completed: ["1": "1.1", "2": "2.0"],
            expected: "2.0"),
        Case(
            what: "completed: of a line", rule: "completed", line: "1", completed: ["1": "1.1", "2": "2.0"],
            expected: "1.1"),
        Case(
            what: "completed: what is not here gives way to another line", rule: "completed",
            completed: ["1": "1.1", "3": "3.0"], expected: "1.1"),
        Case(
            what: "completed: nothing yet", rule: "completed", completed: [:],
            note: ["no rollout of ruff has completed yet"]),
        Case(
            what: "completed: nothing of the line yet", rule: "completed", line: "1", completed: ["2": "2.0"],
            note: ["no rollout of ruff in line 1 has completed yet"]),
        Case(
            what: "completed: not said yet", rule: "completed",
            note: ["the hub has not said yet which rollouts of ruff completed"]),
        Case(
            what: "completed: a hub that does not say it", rule: "completed", isUntold: true,
            note: ["the hub does not say which rollouts completed: upgrade axle-hub"]),
        Case(
            what: "completed: what the hub said before counts at an older hub", rule: "completed",
            completed: ["1": "1.1"], isUntold: true, expected: "1.1"),
        Case(
            what: "completed: not here", rule: "completed", completed: ["3": "3.0"],
            note: ["a rollout of ruff 3.0 completed, and it is not in the pool yet"]),
        Case(
            what: "completed: not named", rule: "completed", completed: ["1": "1.1"], absent: ["1.1"],
            note: ["a rollout of ruff 1.1 completed, and the catalog does not name it"]),
        Case(
            what: "completed: forward", rule: "completed", shown: "1.0", shownBy: "completed",
            completed: ["1": "1.1"], expected: "1.1"),
        Case(
            what: "completed: taken back by a late report, it stays with a warning", rule: "completed",
            shown: "1.2", shownBy: "completed", completed: ["1": "1.1"],
            note: ["1.2 stays", "no longer counts as completed; the newest that does is 1.1", "--shows RELEASE"],
            isWarning: true),
        Case(
            what: "completed: nothing counts any more, it stays with a warning", rule: "completed", shown: "1.2",
            shownBy: "completed", completed: [:], note: ["1.2 stays", "no longer counts as completed."],
            isWarning: true),
        Case(
            what: "completed: a newer line was taken back", rule: "completed", shown: "2.0", shownBy: "completed",
            completed: ["1": "1.2"], note: ["2.0 stays", "the newest that does is 1.2"], isWarning: true),
        Case(
            what: "completed: the newer release is not here yet", rule: "completed", shown: "2.0",
            shownBy: "completed", completed: ["1": "1.2", "3": "3.0"],
            note: ["ruff 3.0 completed, and it is not in the pool yet; 2.0 stays"]),
        Case(
            what: "completed: what the vendor took back goes", rule: "completed", shown: "1.2", shownBy: "completed",
            completed: ["1": "1.1"], absent: ["1.2"], expected: "1.1"),
        Case(
            what: "completed: a new rule leads back", rule: "completed", shown: "1.2", shownBy: "newest",
            completed: ["1": "1.1"], expected: "1.1"),
        Case(
            what: "completed: a new rule waits and says so", rule: "completed", shown: "1.2", shownBy: "newest",
            completed: [:], note: ["no rollout of ruff has completed yet; 1.2 stays"]),
    ]

    @Test("each rule shows what it names, or says why not", arguments: cases)
    func choice(_ it: Case) throws {
        let catalog = try Self.catalog(without: it.absent)
        let all = try Self.catalog()
        let share = Share(
            name: try NodeName("apps"), product: try ProductName("ruff"), line: try it.line.map { try LineName($0) },
            folder: "/srv/apps", shows: try ShareRule(it.rule))
        var lines: [LineName: ReleaseName]?
        if let completed = it.completed {
            lines = try completed.reduce(into: [:]) { $0[try LineName($1.key)] = try ReleaseName($1.value) }
        }
        let choice = ShareChoice(
            share, in: catalog,
            shown: all.first { $0.path.release.text == it.shown }.map { ShareView.name(of: $0) },
            shownBy: try ShareRule(it.shownBy ?? "newest"),
            completed: CompletedKnowledge(
                told: lines.map { CompletedReleases([share.product: $0]) }, isUntold: it.isUntold),
            isHere: { $0.path.release.text != "3.0" })
        #expect(choice.package?.path.release.text == it.expected)
        #expect(choice.problem == nil && choice.isWarning == it.isWarning, "\(choice.note)")
        for part in it.note ?? [] { #expect(choice.note.contains(part), "\(choice.note)") }
        #expect(choice.note.isEmpty == (it.note == nil), "\(choice.note)")
    }

    @Test("a rule has one spelling, and a name that is none is refused")
    func rules() throws {
        for text in ["newest", "completed", "1.2.3"] { #expect(try ShareRule(text).description == text) }
        #expect(try ShareRule("completed") == .completed && ShareRule("1.0") == .pinned(ReleaseName("1.0")))
        for text in ["", "a b", "../x"] { #expect(throws: ModelError.self) { try ShareRule(text) } }
    }
}
