/// A value as SQLite stores it.
package enum Value: Sendable, Equatable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// What can be bound to a parameter of a statement.
///
/// Unsigned 64-bit numbers are left out on purpose: SQLite's integers are signed, so the caller says what happens above 2^63.
package protocol Bindable {
    /// The value to bind.
    var databaseValue: Value { get }
}

extension Value: Bindable {
    package var databaseValue: Value { self }
}

extension Int: Bindable {
    package var databaseValue: Value { .integer(Int64(self)) }
}

extension Int64: Bindable {
    package var databaseValue: Value { .integer(self) }
}

extension Int32: Bindable {
    package var databaseValue: Value { .integer(Int64(self)) }
}

extension UInt32: Bindable {
    package var databaseValue: Value { .integer(Int64(self)) }
}

extension UInt16: Bindable {
    package var databaseValue: Value { .integer(Int64(self)) }
}

extension UInt8: Bindable {
    package var databaseValue: Value { .integer(Int64(self)) }
}

extension Bool: Bindable {
    package var databaseValue: Value { .integer(self ? 1 : 0) }
}

extension Double: Bindable {
    package var databaseValue: Value { .real(self) }
}

extension String: Bindable {
    package var databaseValue: Value { .text(self) }
}

extension Array: Bindable where Element == UInt8 {
    package var databaseValue: Value { .blob(self) }
}

extension Optional: Bindable where Wrapped: Bindable {
    package var databaseValue: Value { map(\.databaseValue) ?? .null }
}
