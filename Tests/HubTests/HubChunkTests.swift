import Hub
import Model
import Protocol
import Testing

/// Chunk deltas in the place of patches: when one is made, for whom, and what is said of it.
@Suite struct HubChunkTests {
    private let all: [TransferMeans] = [.content] + TransferMeans.fromBase

    @Test func contentsThatNoPatchCanSpanComeAsChunksAndTheReasonIsSaid() throws {
        let patches = try PatchWorld()
        // 2.5 GB inside, of which zstd cannot look back to the same place.
        let old = try patches.release(1, length: 250_000_000)
        let (id, link) = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2, length: 250_000_000)
        #expect(patches.jobs.map(\.means) == [.chunks])
        guard case .error(let busy) = try patches.ask(new, link, bases: [old.content.sha256], accepts: all) else {
            return #expect(Bool(false), "chunks in the making were not waited for")
        }
        #expect(busy.code == .busy && busy.text.contains("chunk delta"))
        try patches.end(patches.jobs[0], .made(digest(151), length: 52_000_000))
        let plan = Plan(means: .chunks, sha256: try digest(151), length: 52_000_000, base: old.content.sha256)
        #expect(try patches.ask(new, link, bases: [old.content.sha256], accepts: all) == .plan(plan))
        let reason = try patches.world.store.replica(spoke: id, path: new.path)?.reason
        #expect(
            reason == "chunks, 52 MB instead of 250 MB: no patch can be made of contents over \(ByteCount(1 << 31))")
        #expect(try patches.world.events(.patchMade).first?.event.text.contains("the chunk delta from 1.0") == true)
        // They are served as patches are, and counted by their name.
        _ = try patches.fetch(new, link, digest(151), 52_000_000)
        #expect(patches.world.effects.contains { if case .servePatch = $0 { true } else { false } })
        #expect(try patches.world.store.replica(spoke: id, path: new.path)?.means == .chunks)
        // Who takes the file after them makes the hub read them again.
        _ = try patches.fetch(new, link, new.sha256, new.length)
        #expect(patches.world.effects.contains(.checkPatch(try digest(151))))
    }

    @Test func aSpokeWithoutLibzstdGetsUncompressedChunksAndTheOthersTheirPatch() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let with = try patches.spoke("with", holding: [old])
        let without = try patches.spoke("without", holding: [old])
        let new = try patches.release(2)
        try patches.end(patches.jobs[0], .made(digest(151), length: 700_000))
        #expect(patches.jobs.map(\.means) == [.patch])
        let bases = [old.content.sha256]
        let plain: [TransferMeans] = [.content, .plainChunks]
        guard case .error(let busy) = try patches.ask(new, without.link, bases: bases, accepts: plain) else {
            return #expect(Bool(false), "nothing was begun for the spoke without libzstd")
        }
        #expect(busy.code == .busy && patches.jobs.map(\.means) == [.patch, .plainChunks])
        try patches.end(patches.jobs[1], .made(digest(152), length: 4_000_000))
        #expect(
            try patches.ask(new, without.link, bases: bases, accepts: plain)
                == .plan(Plan(means: .plainChunks, sha256: digest(152), length: 4_000_000, base: bases[0])))
        #expect(
            try patches.world.store.replica(spoke: without.id, path: new.path)?.reason
                == "chunks (uncompressed), 4 MB instead of 10 MB: no patches are taken")
        #expect(
            try patches.ask(new, with.link, bases: bases, accepts: all)
                == .plan(Plan(means: .patch, sha256: digest(151), length: 700_000, base: bases[0])))
        // An older spoke, which knows no chunks, is planned none.
        #expect(
            try patches.ask(new, without.link, bases: bases, accepts: [.content])
                == .plan(Plan(means: .published, sha256: new.sha256, length: new.length)))
        #expect(patches.jobs.count == 2)
    }

    @Test func aPatchThatFailsGivesWayToChunksAtOnceAndTakesTheirPlaceLater() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        try patches.end(patches.jobs[0], .failed("the child died"))
        #expect(patches.jobs.map(\.means) == [.patch, .chunks])
        try patches.end(patches.jobs[1], .made(digest(151), length: 900_000))
        let bases = [old.content.sha256]
        #expect(
            try patches.ask(new, link, bases: bases, accepts: all)
                == .plan(Plan(means: .chunks, sha256: digest(151), length: 900_000, base: bases[0])))
        patches.world.now = try #require(try patches.world.store.nextPatch())
        try patches.world.send(.woke)
        #expect(patches.jobs.map(\.means) == [.patch, .chunks, .patch])
        try patches.end(patches.jobs[2], .made(digest(152), length: 700_000))
        #expect(
            try patches.ask(new, link, bases: bases, accepts: all)
                == .plan(Plan(means: .patch, sha256: digest(152), length: 700_000, base: bases[0])))
    }

    @Test func whatIsOfNoUseAsAPatchIsNotTriedAsChunks() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        try patches.end(patches.jobs[0], .useless("it would be no smaller than the file"))
        #expect(
            try patches.ask(new, link, bases: [old.content.sha256], accepts: all)
                == .plan(Plan(means: .published, sha256: new.sha256, length: new.length)))
        #expect(patches.jobs.count == 1)
    }

    @Test func aHubWithoutLibzstdMakesUncompressedChunksForAll() throws {
        let patches = try PatchWorld()
        var pool = patches.pool()
        pool.hasLibrary = false
        try patches.world.restart(patches: pool)
        #expect(try patches.world.events(.patchFailed).count == 1)
        let old = try patches.release(1, coding: .none)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2, coding: .none)
        #expect(patches.jobs.map(\.means) == [.plainChunks])
        try patches.end(patches.jobs[0], .made(digest(151), length: 900_000))
        #expect(
            try patches.ask(new, link, bases: [old.content.sha256], accepts: all)
                == .plan(
                    Plan(means: .plainChunks, sha256: digest(151), length: 900_000, base: old.content.sha256)))
        #expect(patches.jobs.count == 1)
    }
}
