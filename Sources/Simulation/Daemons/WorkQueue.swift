/// A queue of a daemon: one piece of work after the other, each of which says when it has ended. Goes with its process.
final class WorkQueue {
    typealias Work = (_ ended: @escaping () -> Void) -> Void

    private var waiting: [Work] = []
    private var isBusy = false

    func submit(_ work: @escaping Work) {
        waiting.append(work)
        if !isBusy { next() }
    }

    private func next() {
        isBusy = !waiting.isEmpty
        guard isBusy else { return }
        waiting.removeFirst()({ [weak self] in self?.next() })
    }
}
