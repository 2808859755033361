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
        while inbox.put(waiting, from: 7, bytes: length).admission == .accepted, waiting < 1_000 { waiting += 1 }
        // What was put in last waits too: nothing is dropped.
        waiting += 1
        #expect((2...limit / length + 1).contains(waiting))
        #expect(inbox.put(100, from: 8, bytes: length).admission == .accepted)
        #expect(inbox.put(101, from: 7, bytes: 0).admission == .acceptedLast)
        var (events, resumed): ([Int], [Int]) = ([], [])
        var isMore = true
        while isMore {
            let batch = inbox.take()
            events += batch.events
            resumed += batch.resumed
            isMore = batch.isMore
        }
        #expect(events == Array(0..<waiting) + [100, 101] && resumed == [7])
        #expect(inbox.put(1, from: 7, bytes: length).admission == .accepted)
    }

    @Test("events without bytes count too, and a cleared inbox owes nothing")
    func overhead() {
        let inbox = EventInbox<Int, Int>()
        var waiting = 0
        while inbox.put(waiting, from: 1, bytes: 0).admission == .accepted, waiting < 10_000 { waiting += 1 }
        #expect(waiting <= EventInbox<Int, Int>.budget / EventInbox<Int, Int>.eventOverhead)
        inbox.clear()
        #expect(inbox.put(0, from: 1, bytes: 0) == (true, .accepted))
        #expect(inbox.take().resumed.isEmpty)
    }

    @Test("members that keep the inbox full wait alone: what others send is accepted, and the whole is bounded")
    func hostileMembersWaitAlone() {
        typealias Inbox = EventInbox<Int, Int>
        // A quarter of it holds a first message of each attacker and more.
        let limit = 8 << 20
        let inbox = Inbox(batch: 16, sharedLimit: limit)
        let length = 40 << 10
        // Each fills its share again whenever it may: after each batch, before anybody else.
        let attackers = 1...50
        var senders: [Int: Int] = [:]
        var waiting: [Int] = []
        var (sum, most, refused) = (0, 0, 0)
        func put(_ sender: Int, _ bytes: Int) -> Inbox.Admission {
            let (_, admission) = inbox.put(sender, from: sender, bytes: bytes)
            guard admission != .refused else { return admission }
            senders[sender, default: 0] += 1
            waiting.append(bytes + Inbox.eventOverhead)
            sum += bytes + Inbox.eventOverhead
            most = max(most, sum)
            return admission
        }
        var resumed: [Int] = []
        for round in 0..<200 {
            for sender in attackers {
                // It goes on after the inbox has told it to stop: what was read already.
                for _ in 0..<8 where put(sender, length) == .refused { refused += 1 }
            }
            // An honest member sends a message of any length at any time, one at a time.
            let honest = 1_000 + round
            #expect(put(honest, round % 2 == 0 ? length : 100) != .refused, "round \(round)")
            let batch = inbox.take()
            for bytes in waiting.prefix(batch.events.count) { sum -= bytes }
            waiting.removeFirst(batch.events.count)
            resumed = batch.resumed
        }
        #expect(refused > 0)
        #expect(most <= limit + (attackers.count + 200) * Inbox.floor)
        // Nobody is forgotten: each attacker had its turns, and all may go on when it is empty.
        #expect(attackers.allSatisfy { senders[$0, default: 0] > 10 })
        while true {
            let batch = inbox.take()
            resumed += batch.resumed
            if !batch.isMore { break }
        }
        #expect(Set(attackers).isSubset(of: resumed))
        #expect(put(1, 64 << 10) == .accepted)
    }

    @Test("small messages are accepted of each sender, even where there is no room left to share")
    func floors() {
        typealias Inbox = EventInbox<Int, Int>
        let inbox = Inbox(sharedLimit: 0)
        for sender in 1...1_000 {
            #expect(inbox.put(sender, from: sender, bytes: Inbox.floor - Inbox.eventOverhead).admission == .accepted)
            #expect(inbox.put(sender, from: sender, bytes: 0).admission == .refused)
        }
        #expect(inbox.put(0, from: 0, bytes: Inbox.floor).admission == .refused)
        // Who was refused before anything of it waited may go on as well.
        let batch = inbox.take()
        #expect(batch.resumed.contains(0))
        #expect(inbox.put(1, from: 1, bytes: 0).admission == .accepted)
    }
}
