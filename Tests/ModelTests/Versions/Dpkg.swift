import TestSupport
import Testing

/// Debian's own comparison of versions.
enum Dpkg {
    /// Expects dpkg to order two versions in the same way: `order` is negative where `left` is
    /// older.
    static func expect(_ left: String, _ order: Int, _ right: String) throws {
        let relation = order < 0 ? "lt" : order > 0 ? "gt" : "eq"
        let answer = try TestProcess.run("/usr/bin/dpkg", ["--compare-versions", left, relation, right])
        #expect(answer.status == 0, "dpkg disagrees: \(left) \(relation) \(right)")
    }
}
