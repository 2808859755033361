import Model
import Storage
import StorageSupport
import Testing

/// Which of several pools a package goes to, and what is said about it.
@Suite struct PoolChoiceTests {
    private static func candidate(
        _ name: String, _ access: PoolAccess = .readWrite, problem: String? = nil, part: UInt64 = 0,
        failure: String? = nil
    ) throws -> PoolChoice.Candidate {
        PoolChoice.Candidate(
            name: try NodeName(name), access: access, problem: problem, part: ByteCount(part), failure: failure)
    }

    /// Asks until a pool takes it; `answers` has no entry for those that do.
    private static func run(
        _ candidates: [PoolChoice.Candidate], _ answers: [String: StorageError] = [:]
    ) -> (choice: PoolChoice, asked: [String]) {
        var choice = PoolChoice(ByteCount(1_400_000_000), among: candidates)
        var asked: [String] = []
        while let next = choice.next {
            let name = candidates[next].name.text
            asked.append(name)
            guard let error = answers[name] else {
                choice.took()
                continue
            }
            let goesOn = choice.refused(error)
            #expect(goesOn)
        }
        return (choice, asked)
    }

    private static let full = StorageError.quotaExceeded(
        needed: ByteCount(1_400_000_000), available: ByteCount(1_200_000_000))

    @Test func theFirstPoolTakesItAndNothingNeedsToBeSaid() throws {
        let (choice, asked) = Self.run([try Self.candidate("main"), try Self.candidate("next")])
        #expect(choice.chosen?.text == "main" && choice.reason == nil && asked == ["main"])
    }

    @Test func whatDoesNotFitGoesToTheNextAndTheReasonIsSaid() throws {
        let (choice, asked) = Self.run(
            try [
                Self.candidate("main"), Self.candidate("old", .readOnly), Self.candidate("gone", problem: "/b is gone"),
                Self.candidate("next"), Self.candidate("last"),
            ], ["main": Self.full])
        #expect(choice.chosen?.text == "next" && asked == ["main", "next"])
        #expect(
            choice.reason
                == "main has 1.2 GB left and 1.4 GB are needed; old is set to readOnly; gone is unavailable: /b is gone"
        )
    }

    @Test func whereAPartOfItIsComesFirstAndAFailingDiskLast() throws {
        let candidates = try [
            Self.candidate("bad", failure: "EIO"), Self.candidate("main"), Self.candidate("next", part: 300_000_000),
        ]
        let (choice, asked) = Self.run(candidates)
        #expect(choice.chosen?.text == "next" && asked == ["next"])
        #expect(choice.reason == "a part of it was in next")
        #expect(Self.run(candidates, ["next": .diskFull, "main": Self.full]).asked == ["next", "main", "bad"])
    }

    @Test func aPackageThatFitsNoneSaysWhatEachLacksAndWhatToDo() throws {
        let (choice, _) = Self.run(
            try [Self.candidate("main"), Self.candidate("next"), Self.candidate("old", .readOnly)],
            [
                "main": Self.full,
                "next": .quotaExceeded(needed: ByteCount(1_400_000_000), available: ByteCount(1_300_000_000)),
            ])
        #expect(choice.chosen == nil && choice.reason == nil)
        #expect(choice.least?.name.text == "next" && choice.least?.lacking == ByteCount(100_000_000))
        #expect(
            choice.refusal
                == "no pool takes it: main has 1.2 GB left and 1.4 GB are needed; next has 1.3 GB left and 1.4 GB are needed; "
                + "old is set to readOnly; raise a quota, remove packages, or add a pool")
    }

    @Test func anAnswerAboutThePackageItselfEndsTheSearch() throws {
        var choice = PoolChoice(ByteCount(1), among: [try Self.candidate("a"), try Self.candidate("b")])
        let goesOn = choice.refused(.inTransfer(try digest(of: [1])))
        #expect(!goesOn)
    }

    @Test(arguments: 1...200) func everyUsablePoolIsAskedOnceAndNoOther(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let candidates = try "abcdef".map { name in
            try Self.candidate(
                String(name), PoolAccess.allCases.randomElement(using: &random) ?? .readWrite,
                problem: Int.random(in: 0..<4, using: &random) == 0 ? "gone" : nil,
                part: Int.random(in: 0..<4, using: &random) == 0 ? 5 : 0,
                failure: Int.random(in: 0..<4, using: &random) == 0 ? "EIO" : nil)
        }
        let answers: [StorageError?] = [nil, Self.full, .diskFull, .io("EIO"), .noAccess(.readOnly)]
        var said: [String: StorageError] = [:]
        for candidate in candidates {
            if let answer = answers.randomElement(using: &random), let answer { said[candidate.name.text] = answer }
        }
        let (choice, asked) = Self.run(candidates, said)
        let usable = candidates.filter { $0.access == .readWrite && $0.problem == nil }.map(\.name.text)
        #expect(Set(asked).count == asked.count && Set(asked).isSubset(of: usable))
        #expect(choice.chosen == nil ? asked.count == usable.count : choice.chosen?.text == asked.last)
        #expect((choice.chosen == nil) == usable.allSatisfy { said[$0] != nil })
        #expect(choice.findings.count == candidates.count)
        // Nobody is passed over in silence.
        for (finding, candidate) in zip(choice.findings, candidates) where !usable.contains(candidate.name.text) {
            #expect(choice.refusal.contains("\(candidate.name) \(finding.verdict)"))
        }
    }
}
