internal import Compression
package import Model
package import System

/// Finds out whether a published file can be made again from its content, so that a hub keeps the content only.
///
/// Tries the ways in which the usual programs pack, most likely first; a wrong one shows after its first bytes and costs little. A found one was run
/// to its end and gave the same bytes. Blocks; takes as long as packing the content does.
package struct Recompression {
    private let worker: ContentWorker
    /// For all attempts together.
    private let budget: Duration

    package init(_ worker: ContentWorker, budget: Duration) {
        self.worker = worker
        self.budget = budget
    }

    /// The first recipe that gives the published file again; nil if none does in time: keep the file then.
    package func find(
        published: borrowing FileDescriptor, content: borrowing FileDescriptor, _ coding: ContentCoding,
        cancellation: Cancellation? = nil
    ) throws -> Recipe? {
        let head = try published.read(count: Recipe.headerLimit, at: 0)
        let tail = try published.read(
            count: RecipeCandidates.tailLength,
            at: max(0, try published.status().size - Int64(RecipeCandidates.tailLength)))
        let end = SystemClock.uptime + budget
        for recipe in RecipeCandidates.candidates(coding, head: head, tail: tail) {
            let rest = end - SystemClock.uptime
            guard rest > .zero else { return nil }
            if try gives(published, content, recipe, rest, cancellation) { return recipe }
        }
        return nil
    }

    private func gives(
        _ published: borrowing FileDescriptor, _ content: borrowing FileDescriptor, _ recipe: Recipe,
        _ deadline: Duration, _ cancellation: Cancellation?
    ) throws -> Bool {
        let published = try published.duplicate()
        var offset: Int64 = 0
        do {
            try worker.pack(content, by: recipe, deadline: deadline, cancellation: cancellation) { bytes in
                let there = try published.read(count: bytes.count, at: offset)
                guard there.elementsEqual(bytes) else { throw Difference() }
                offset += Int64(bytes.count)
            }
        } catch is Difference {
            return false
        } catch let error as ContentError where error.code != .cancelled {
            // A level that this machine cannot afford is none that it can use.
            return false
        }
        return offset == (try published.status().size)
    }

    private struct Difference: Error {}
}
