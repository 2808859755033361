/// What becomes of stable numbers in a column that this release does not know, because a newer one wrote them before the machine went back to this one.
///
/// A newer schema is refused (`Migrations`); a new number in a known column is not worth a daemon that does not start. So each column says what its
/// unknown numbers become, and the store says what it changed. A store settles them when it opens its file for writing, before anything is read.
package struct UnknownValues: Sendable {
    package enum Remedy: Sendable {
        /// The assignments of an UPDATE, in SQL.
        case set(String)
        /// The row goes.
        case remove
    }

    private let table: String
    private let column: String
    private let known: [UInt8]
    private let remedy: Remedy
    /// For people: what was unknown and what became of it, for example "contents packed in an unknown way: …".
    private let text: String

    /// All of it is written in the program, never taken from outside.
    package init<Code: CaseIterable & RawRepresentable<UInt8>>(
        _ table: String, _ column: String, _: Code.Type, _ remedy: Remedy, _ text: String
    ) {
        self.table = table
        self.column = column
        known = Code.allCases.map(\.rawValue)
        self.remedy = remedy
        self.text = text
    }

    /// Settles them in one transaction, gives a line for each kind that there was, and hands them to `log` in the same transaction.
    package static func settle(
        _ list: [UnknownValues], in database: Database, log: ([String]) throws -> Void = { _ in }
    ) throws {
        try database.transaction {
            var lines: [String] = []
            for values in list {
                let count = try values.settle(in: database)
                if count > 0 { lines.append(line(count, values.text)) }
            }
            if !lines.isEmpty { try log(lines) }
        }
    }

    /// A line about rows that a newer release wrote.
    package static func line(_ count: Int, _ text: String) -> String {
        "a newer release of Axle wrote here what this one does not know (\(count)): \(text)"
    }

    private func settle(in database: Database) throws -> Int {
        let known = known.map(String.init).joined(separator: ", ")
        let rest = "WHERE \(column) IS NOT NULL AND \(column) NOT IN (\(known))"
        switch remedy {
        case .set(let assignments): return try database.run("UPDATE \(table) SET \(assignments) \(rest)")
        case .remove: return try database.run("DELETE FROM \(table) \(rest)")
        }
    }
}
