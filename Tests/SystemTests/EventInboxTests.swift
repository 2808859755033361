import System
import Testing

@Suite("Events that wait for a core")
struct EventInboxTests {
    @Test("who puts the first in is told to have them taken; they come out in order, a batch at a time")
    func batches() {
        let inbox = EventInbox<Int>()
        let all = Array(0..<EventInbox<Int>.batchLimit + 3)
        #expect(all.map { inbox.put($0) } == all.map { $0 == 0 })
        let first = inbox.take()
        #expect(first.events == Array(all.dropLast(3)) && first.isMore)
        // Whoever took some goes on with the rest.
        #expect(!inbox.put(-1))
        let rest = inbox.take()
        #expect(rest.events == all.suffix(3) + [-1] && !rest.isMore)
        #expect(inbox.take().events.isEmpty)
        #expect(inbox.put(1))
        inbox.clear()
        #expect(inbox.take().events.isEmpty && inbox.put(2))
    }
}
