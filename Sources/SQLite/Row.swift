import CSQLite

/// The current row of a running statement, valid only inside the closure that it is lent to.
///
/// Columns count from 0. Reading a column as a type that it does not hold throws, so a damaged or foreign file cannot trap the program.
package struct Row: ~Copyable {
    private let statement: Statement

    init(_ statement: Statement) {
        self.statement = statement
    }

    /// How many columns the row has.
    package var count: Int { Int(sqlite3_column_count(statement.handle)) }

    /// Whether the column is NULL.
    package func isNull(_ column: Int) throws(SQLiteError) -> Bool {
        try type(column) == SQLITE_NULL
    }

    /// A signed 64-bit integer.
    package func int64(_ column: Int) throws(SQLiteError) -> Int64 {
        try expect(SQLITE_INTEGER, column)
        return sqlite3_column_int64(statement.handle, Int32(column))
    }

    /// An integer.
    package func int(_ column: Int) throws(SQLiteError) -> Int {
        Int(try int64(column))
    }

    /// A boolean: 0 or 1, nothing else.
    package func bool(_ column: Int) throws(SQLiteError) -> Bool {
        switch try int64(column) {
        case 0: return false
        case 1: return true
        default: throw wrongType(column, "no boolean")
        }
    }

    /// A floating-point number.
    package func double(_ column: Int) throws(SQLiteError) -> Double {
        try expect(SQLITE_FLOAT, column)
        return sqlite3_column_double(statement.handle, Int32(column))
    }

    /// Text; bytes that are no UTF-8 are repaired, never trapped on.
    package func text(_ column: Int) throws(SQLiteError) -> String {
        try expect(SQLITE_TEXT, column)
        guard let bytes = sqlite3_column_text(statement.handle, Int32(column)) else {
            throw SQLiteError(kind: .other, message: "out of memory", sql: statement.sql)
        }
        let count = Int(sqlite3_column_bytes(statement.handle, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// Bytes.
    package func blob(_ column: Int) throws(SQLiteError) -> [UInt8] {
        try expect(SQLITE_BLOB, column)
        let count = Int(sqlite3_column_bytes(statement.handle, Int32(column)))
        guard count > 0, let bytes = sqlite3_column_blob(statement.handle, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// An integer, or nil where the column is NULL.
    package func int64OrNil(_ column: Int) throws(SQLiteError) -> Int64? {
        try isNull(column) ? nil : int64(column)
    }

    /// Text, or nil where the column is NULL.
    package func textOrNil(_ column: Int) throws(SQLiteError) -> String? {
        try isNull(column) ? nil : text(column)
    }

    /// Bytes, or nil where the column is NULL.
    package func blobOrNil(_ column: Int) throws(SQLiteError) -> [UInt8]? {
        try isNull(column) ? nil : blob(column)
    }

    /// The column as it is stored.
    package func value(_ column: Int) throws(SQLiteError) -> Value {
        switch try type(column) {
        case SQLITE_INTEGER: .integer(try int64(column))
        case SQLITE_FLOAT: .real(try double(column))
        case SQLITE_TEXT: .text(try text(column))
        case SQLITE_BLOB: .blob(try blob(column))
        default: .null
        }
    }

    private func type(_ column: Int) throws(SQLiteError) -> Int32 {
        guard column >= 0, column < count else { throw wrongType(column, "no such column") }
        return sqlite3_column_type(statement.handle, Int32(column))
    }

    private func expect(_ expected: Int32, _ column: Int) throws(SQLiteError) {
        let found = try type(column)
        guard found == expected else {
            throw wrongType(column, "found a \(Self.name(found)) where a \(Self.name(expected)) belongs")
        }
    }

    private func wrongType(_ column: Int, _ message: String) -> SQLiteError {
        SQLiteError(kind: .type, message: "column \(column): \(message)", sql: statement.sql)
    }

    private static func name(_ type: Int32) -> String {
        switch type {
        case SQLITE_INTEGER: "integer"
        case SQLITE_FLOAT: "float"
        case SQLITE_TEXT: "text"
        case SQLITE_BLOB: "blob"
        default: "null"
        }
    }
}
