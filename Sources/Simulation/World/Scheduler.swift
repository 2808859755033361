internal import Model

/// The virtual clock and all that is to happen, ordered by time and then by the order in which it was booked.
final class Scheduler {
    private struct Item {
        let time: UnixTime
        let sequence: UInt64
        let run: () -> Void

        static func < (left: Item, right: Item) -> Bool {
            left.time == right.time ? left.sequence < right.sequence : left.time < right.time
        }
    }

    /// When the simulation began: any fixed time will do.
    static let start = UnixTime(seconds: 1_790_000_000)

    private(set) var now = Scheduler.start
    /// What has happened so far.
    private(set) var events = 0
    /// A binary heap, the next item first.
    private var heap: [Item] = []
    private var lastSequence: UInt64 = 0

    /// Time since the start, for sessions.
    var uptime: Duration { now - Self.start }

    /// Books something; a time that has passed means now.
    func at(_ time: UnixTime, _ run: @escaping () -> Void) {
        lastSequence += 1
        heap.append(Item(time: max(time, now), sequence: lastSequence, run: run))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index] < heap[parent] else { break }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    func after(_ delay: Duration, _ run: @escaping () -> Void) { at(now + delay, run) }

    /// Lets the next thing happen; false when there is none.
    func step() -> Bool {
        guard let first = heap.first else { return false }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        now = first.time
        events += 1
        first.run()
        return true
    }

    private func sink() {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    /// Forgets all that is booked, so that nothing keeps the world alive.
    func clear() {
        heap = []
    }
}
