/// The scheduled timers of a loop, the earliest first: a binary heap in which each timer knows its place, so that it is
/// moved or removed in logarithmic time and nothing cancelled lingers.
struct TimerHeap {
    private var timers: [LoopTimer] = []

    var count: Int { timers.count }

    /// When the first is due, in nanoseconds of uptime.
    var earliest: Int64? { timers.first?.deadline }

    /// Puts the timer in, or moves it if it is in.
    mutating func schedule(_ timer: LoopTimer, at deadline: Int64) {
        let before = timer.deadline
        timer.deadline = deadline
        if timer.index < 0 {
            timer.index = timers.count
            timers.append(timer)
            rise(timer.index)
        } else if deadline < before {
            rise(timer.index)
        } else {
            sink(timer.index)
        }
    }

    /// Takes the timer out if it is in.
    mutating func remove(_ timer: LoopTimer) {
        let index = timer.index
        guard index >= 0 else { return }
        timer.index = -1
        let last = timers.removeLast()
        guard last !== timer else { return }
        timers[index] = last
        last.index = index
        rise(index)
        sink(last.index)
    }

    /// Takes out the first if it is due.
    mutating func popDue(_ now: Int64) -> LoopTimer? {
        guard let first = timers.first, first.deadline <= now else { return nil }
        remove(first)
        return first
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard timers[index].deadline < timers[parent].deadline else { return }
            swap(index, parent)
            index = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var child = 2 * index + 1
            guard child < timers.count else { return }
            if child + 1 < timers.count, timers[child + 1].deadline < timers[child].deadline { child += 1 }
            guard timers[child].deadline < timers[index].deadline else { return }
            swap(index, child)
            index = child
        }
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        timers.swapAt(one, other)
        timers[one].index = one
        timers[other].index = other
    }
}
