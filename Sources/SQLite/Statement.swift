import CSQLite

/// One prepared statement; `Database` keeps used ones for their next use.
///
/// Internal: callers see `Database.run`, `rows`, `first` and `forEach`, which bind, step and reset in one go, so that no statement is left half-stepped.
/// Thread rule: as its database, one thread at a time.
final class Statement {
    let handle: OpaquePointer
    let sql: String
    private let database: OpaquePointer

    /// Prepares exactly one statement; text after it is refused, so that nothing can be smuggled in behind a semicolon.
    init(sql: String, database: OpaquePointer) throws(SQLiteError) {
        var prepared: OpaquePointer?
        var rest = 0
        let text = Array(sql.utf8)
        let result = text.withUnsafeBufferPointer { bytes -> Int32 in
            bytes.withMemoryRebound(to: CChar.self) { characters -> Int32 in
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    database, characters.baseAddress, Int32(clamping: characters.count),
                    UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, &tail)
                if let tail, let base = characters.baseAddress { rest = characters.count - (tail - base) }
                return code
            }
        }
        guard result == SQLITE_OK else { throw SQLiteError(result: result, handle: database, sql: sql) }
        guard let prepared else { throw SQLiteError(kind: .other, message: "empty statement", sql: sql) }
        guard text.suffix(max(0, rest)).allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x09 || $0 == 0x3B }) else {
            sqlite3_finalize(prepared)
            throw SQLiteError(kind: .other, message: "more than one statement", sql: sql)
        }
        self.handle = prepared
        self.sql = sql
        self.database = database
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// Binds all parameters in order; their number must be right, since a forgotten one would silently be NULL.
    func bind(_ values: [any Bindable]) throws(SQLiteError) {
        let expected = sqlite3_bind_parameter_count(handle)
        guard Int(expected) == values.count else {
            throw SQLiteError(kind: .type, message: "\(values.count) values for \(expected) parameters", sql: sql)
        }
        var index: Int32 = 0
        for value in values {
            index += 1
            let result =
                switch value.databaseValue {
                case .null: sqlite3_bind_null(handle, index)
                case .integer(let number): sqlite3_bind_int64(handle, index, number)
                case .real(let number): sqlite3_bind_double(handle, index, number)
                case .text(let text): Self.bindText(handle, index, text)
                case .blob(let bytes):
                    bytes.withUnsafeBytes { axle_sqlite_bind_blob(handle, index, $0.baseAddress, UInt64($0.count)) }
                }
            guard result == SQLITE_OK else { throw SQLiteError(result: result, handle: database, sql: sql) }
        }
    }

    /// One step: true for a row, false at the end.
    func step() throws(SQLiteError) -> Bool {
        let result = sqlite3_step(handle)
        switch result {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw SQLiteError(result: result, handle: database, sql: sql)
        }
    }

    /// Ends the current run and drops the bound values, which may be large or secret.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    private static func bindText(_ handle: OpaquePointer, _ index: Int32, _ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            // An empty string may come without an address, which SQLite would take for NULL.
            guard let base = bytes.baseAddress, !bytes.isEmpty else {
                return axle_sqlite_bind_text(handle, index, "", 0)
            }
            return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                axle_sqlite_bind_text(handle, index, $0, UInt64(bytes.count))
            }
        }
    }
}
