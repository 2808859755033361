/// What may be done with a storage pool.
package enum PoolAccess: UInt8, NamedCode {
    case readWrite = 1
    /// Nothing is taken or removed.
    case readOnly = 2
    /// Nothing is read either.
    case unavailable = 3
    /// Nothing is taken; what is there moves into the other pools, and is read from wherever it is.
    case draining = 4
}
