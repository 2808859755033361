import Model
import Rollout
import Testing

/// How a package comes: the rules of `TransferChoice`, one by one.
@Suite struct TransferChoiceTests {
    private let now = UnixTime(seconds: 1_800_000_000)

    private func digest(_ byte: UInt8) throws -> SHA256Digest {
        try SHA256Digest(bytes: [UInt8](repeating: byte, count: 32))
    }

    /// A published file of 100 MB with 900 MB inside, and patches by their bases and lengths.
    private func offer(
        published: UInt64 = 100_000_000, content: UInt64 = 900_000_000, patches: [UInt8: UInt64] = [:],
        making: [UInt8: Duration] = [:], holdsPublished: Bool = true, holdsContent: Bool = true
    ) throws -> TransferOffer {
        TransferOffer(
            published: .init(sha256: try digest(1), length: published),
            content: .init(sha256: try digest(2), length: content), holdsPublished: holdsPublished,
            holdsContent: holdsContent,
            patches: try patches.sorted { $0.key < $1.key }.map {
                .init(base: try digest($0.key), object: .init(sha256: try digest($0.key + 100), length: $0.value))
            },
            making: try making.sorted { $0.key < $1.key }.map {
                .init(base: try digest($0.key), since: now - $0.value)
            })
    }

    private func choose(
        _ offer: TransferOffer, bases: [UInt8] = [], accepts: [TransferMeans] = [.content, .patch],
        takesPublished: Bool = true
    ) throws -> TransferChoice {
        TransferChoice(
            offer, bases: try bases.map { try digest($0) }, accepts: accepts, takesPublished: takesPublished, at: now)
    }

    private func means(_ choice: TransferChoice) -> TransferMeans? {
        if case .fetch(let means, _, _, _) = choice { means } else { nil }
    }

    @Test(arguments: [TransferMeans.patch, .chunks, .plainChunks])
    func aPatchThatSavesLessThanATenthIsNotTaken(means: TransferMeans) throws {
        for (length, isTaken) in [
            (1, true), (89_999_999, true), (90_000_000, true), (90_000_001, false), (99_700_000, false),
            (100_000_000, false), (.max, false),
        ] as [(UInt64, Bool)] {
            var offer = try offer(holdsContent: false)
            offer.patches = [
                .init(
                    means: means, base: try digest(10),
                    object: .init(sha256: try digest(110), length: length))
            ]
            let choice = try choose(offer, bases: [10], accepts: [.content] + TransferMeans.fromBase)
            #expect(self.means(choice) == (isTaken ? means : .published), "\(length)")
            if !isTaken, case .fetch(_, _, _, let why) = choice { #expect(why.contains("less than a tenth")) }
        }
        // Where nothing else can be had, any patch is.
        var only = try offer(patches: [10: 99_700_000], holdsPublished: false, holdsContent: false)
        only.making = []
        #expect(self.means(try choose(only, bases: [10])) == .patch)
        for whole in [0, 1, 2, 9, 10, 11, .max] as [UInt64] {
            let most = TransferChoice.mostUseful(insteadOf: whole)
            #expect(most <= whole && (whole == 0 || most < whole) && whole - most >= whole / 10)
        }
    }

    @Test func thePatchWithTheFewestBytesAgainstAHeldBaseIsTaken() throws {
        let offer = try offer(patches: [10: 700_000, 11: 600_000, 12: 1])
        #expect(
            try choose(offer, bases: [10, 11])
                == .fetch(
                    .patch, .init(sha256: digest(111), length: 600_000), base: digest(11),
                    why: "patch, \(ByteCount(600_000)) instead of \(ByteCount(100_000_000))"))
    }

    @Test func aPatchAgainstWhatIsNotHeldIsOfNoUse() throws {
        let choice = try choose(try offer(patches: [10: 1]), bases: [11])
        #expect(means(choice) == .published)
        guard case .fetch(_, let object, let base, let why) = choice else { return }
        #expect(try object == .init(sha256: digest(1), length: 100_000_000) && base == nil)
        #expect(why.contains("no patch against"))
    }

    @Test func whoCannotUnpackTheFileGetsTheContentOrAPatchOrNothing() throws {
        #expect(means(try choose(try offer(), takesPublished: false)) == .content)
        #expect(try choose(try offer(holdsContent: false), takesPublished: false) == .nothing)
        let patched = try offer(patches: [10: 700_000], holdsContent: false)
        #expect(means(try choose(patched, bases: [10], takesPublished: false)) == .patch)
        // What is not packed is its own content.
        var plain = try offer()
        plain.content = plain.published
        #expect(means(try choose(plain, takesPublished: false)) == .published)
    }

    @Test func whoTakesNoPatchesGetsNone() throws {
        let offer = try offer(patches: [10: 1], making: [11: .zero])
        #expect(means(try choose(offer, bases: [10, 11], accepts: [.content])) == .published)
        #expect(means(try choose(offer, bases: [10, 11], accepts: [])) == .published)
    }

    @Test func aPatchThatIsNoSmallerIsNotTaken() throws {
        #expect(means(try choose(try offer(patches: [10: 100_000_000]), bases: [10])) == .published)
    }

    @Test func theContentIsTakenOnlyWhereItIsSmallerHereAndAccepted() throws {
        let swollen = try offer(published: 100, content: 90)
        #expect(means(try choose(swollen)) == .content)
        #expect(means(try choose(swollen, accepts: [.patch])) == .published)
        #expect(means(try choose(try offer(published: 100, content: 90, holdsContent: false))) == .published)
        #expect(means(try choose(try offer(published: 100, content: 100))) == .published)
    }

    @Test func aHolderOfTheContentAloneGivesThat() throws {
        let alone = try offer(holdsPublished: false)
        #expect(means(try choose(alone)) == .content)
        #expect(try choose(alone, accepts: [.patch]) == .nothing)
        #expect(try choose(try offer(holdsPublished: false, holdsContent: false)) == .nothing)
        // A patch needs neither.
        let patched = try offer(patches: [10: 5], holdsPublished: false, holdsContent: false)
        #expect(means(try choose(patched, bases: [10])) == .patch)
    }

    @Test func aFileThatIsNotPackedIsItsContent() throws {
        let object = TransferOffer.Object(sha256: try digest(1), length: 7)
        let plain = TransferOffer(published: object, content: object, holdsPublished: false, holdsContent: true)
        #expect(means(try choose(plain, accepts: [])) == .published)
    }

    @Test func aPatchInTheMakingIsWaitedForAndAskedForAgainSoon() throws {
        guard case .wait(let time, let why) = try choose(try offer(making: [10: .seconds(3)]), bases: [10]) else {
            return #expect(Bool(false), "no waiting")
        }
        #expect(time == .seconds(5) && why.contains("being made"))
    }

    @Test func waitingEndsWithTheTimeThatTheSavingIsWorth() throws {
        // 100 MB are worth 10 + 95 seconds.
        #expect(means(try choose(try offer(making: [10: .seconds(106)]), bases: [10])) == .published)
        guard case .wait(let time, _) = try choose(try offer(making: [10: .seconds(104)]), bases: [10]) else {
            return #expect(Bool(false), "no waiting")
        }
        #expect(time == .seconds(1))
        // However much it saves, five minutes are the end.
        let large = try offer(published: 1 << 40, content: 1 << 41, making: [10: .seconds(300)])
        #expect(means(try choose(large, bases: [10])) == .published)
    }

    @Test func nobodyWaitsForLittle() throws {
        #expect(means(try choose(try offer(published: 1 << 19, making: [10: .zero]), bases: [10])) == .published)
    }

    @Test func nobodyWaitsForAPatchThatHeCannotUse() throws {
        #expect(means(try choose(try offer(making: [10: .zero]), bases: [11])) == .published)
        #expect(means(try choose(try offer(making: [10: .zero]), bases: [10], accepts: [])) == .published)
    }

    @Test func aPatchThatIsHereIsNotPassedOverForOneThatMayCome() throws {
        #expect(means(try choose(try offer(patches: [10: 900], making: [11: .zero]), bases: [11, 10])) == .patch)
    }

    // MARK: Chunks

    /// Chunks against base 10, and patches in the making.
    private func chunked(
        _ chunks: [TransferMeans: UInt64], making: [TransferMeans] = [], why: String? = nil
    ) throws -> TransferOffer {
        var offer = try offer()
        offer.patches = try chunks.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            .init(
                means: $0.key, base: try digest(10),
                object: .init(sha256: try digest($0.key.rawValue + 100), length: $0.value), why: why)
        }
        offer.making = try making.map { .init(means: $0, base: try digest(10), since: now) }
        return offer
    }

    @Test func theFewestBytesCountWhateverTheirForm() throws {
        let offer = try chunked([.patch: 900, .chunks: 800, .plainChunks: 700])
        #expect(means(try choose(offer, bases: [10], accepts: TransferMeans.fromBase)) == .plainChunks)
        #expect(means(try choose(offer, bases: [10], accepts: [.patch, .chunks])) == .chunks)
        #expect(means(try choose(offer, bases: [10], accepts: [.content, .patch])) == .patch)
        #expect(means(try choose(offer, bases: [11], accepts: TransferMeans.fromBase)) == .published)
        let large = try chunked([.chunks: 100_000_000])
        #expect(means(try choose(large, bases: [10], accepts: TransferMeans.fromBase)) == .published)
    }

    @Test func chunksAreExplained() throws {
        let offer = try chunked([.chunks: 52_000_000], why: "no patch can be made of contents over 2 GB")
        guard
            case .fetch(.chunks, _, let base, let why) = try choose(offer, bases: [10], accepts: TransferMeans.fromBase)
        else { return #expect(Bool(false), "no chunks") }
        #expect(try base == digest(10))
        #expect(why == "chunks, 52 MB instead of 100 MB: no patch can be made of contents over 2 GB")
        guard
            case .fetch(.plainChunks, _, _, let plain) = try choose(
                try chunked([.plainChunks: 52_000_000], why: "anything"), bases: [10], accepts: [.plainChunks])
        else { return #expect(Bool(false), "no chunks") }
        #expect(plain == "chunks (uncompressed), 52 MB instead of 100 MB: no patches are taken")
    }

    @Test func aBetterFormInTheMakingIsWaitedForAsLongAsItSaves() throws {
        let offer = try chunked([.plainChunks: 50_000_000], making: [.patch])
        guard case .wait(_, let why) = try choose(offer, bases: [10], accepts: TransferMeans.fromBase) else {
            return #expect(Bool(false), "no waiting")
        }
        #expect(why == "a patch in place of 50 MB is being made")
        // Not by who cannot take it, not for little, and never for a worse one.
        #expect(means(try choose(offer, bases: [10], accepts: [.plainChunks])) == .plainChunks)
        let small = try chunked([.plainChunks: 900_000], making: [.patch])
        #expect(means(try choose(small, bases: [10], accepts: TransferMeans.fromBase)) == .plainChunks)
        let worse = try chunked([.patch: 50_000_000], making: [.chunks])
        #expect(means(try choose(worse, bases: [10], accepts: TransferMeans.fromBase)) == .patch)
    }
}
