/// Finds the word that was probably meant, for "did you mean".
package enum Suggestion {
    /// The candidate nearest to what was typed, if it is near enough: at most one edit in three letters, at least one.
    package static func nearest(to typed: String, among candidates: [String]) -> String? {
        let limit = max(1, min(typed.count, 32) / 3)
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            if typed.count >= 2, candidate.hasPrefix(typed) { return candidate }
            let distance = distance(Array(typed.utf8.prefix(64)), Array(candidate.utf8.prefix(64)))
            guard distance <= limit, distance < best?.distance ?? Int.max else { continue }
            best = (candidate, distance)
        }
        return best?.word
    }

    /// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [Int](repeating: i + 1, count: b.count + 1)
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row[j + 1] = cost
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
