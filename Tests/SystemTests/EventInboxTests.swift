import System
import Testing

@Suite("Events that wait for a core")
struct EventInboxTests {
    @Test("who puts the first in is told to have them taken; they come out in order, a batch at a time")
    func batches() {
        let inbox = EventInbox<Int, Int>()
        let all = Array(0..<EventInbox<Int, Int>.batchLimit + 3)
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

    @Test("a sender beyond its budget is read from no more until its events are taken; the others go on")
    func budget() {
        let inbox = EventInbox<Int, Int>(batch: 4)
        let limit = EventInbox<Int, Int>.budget
        let length = 64 << 10
        var waiting = 0
        while inbox.put(waiting, from: 7, bytes: length).mayGoOn, waiting < 1_000 { waiting += 1 }
        // What was put in last waits too: nothing is dropped.
        waiting += 1
        #expect((2...limit / length + 1).contains(waiting))
        #expect(inbox.put(100, from: 8, bytes: length).mayGoOn)
        #expect(!inbox.put(101, from: 7, bytes: 0).mayGoOn)
        var (events, resumed): ([Int], [Int]) = ([], [])
        var isMore = true
        while isMore {
            let batch = inbox.take()
            events += batch.events
            resumed += batch.resumed
            isMore = batch.isMore
        }
        #expect(events == Array(0..<waiting) + [100, 101] && resumed == [7])
        #expect(inbox.put(1, from: 7, bytes: length).mayGoOn)
    }

    @Test("events without bytes count too, and a cleared inbox owes nothing")
    func overhead() {
        let inbox = EventInbox<Int, Int>()
        var waiting = 0
        while inbox.put(waiting, from: 1, bytes: 0).mayGoOn, waiting < 10_000 { waiting += 1 }
        #expect(waiting <= EventInbox<Int, Int>.budget / EventInbox<Int, Int>.eventOverhead)
        inbox.clear()
        #expect(inbox.put(0, from: 1, bytes: 0) == (true, true))
        #expect(inbox.take().resumed.isEmpty)
    }
}
