package import System

extension StorageError {
    /// What a failed call of the operating system means to a pool.
    package init(_ error: SystemError) {
        guard !error.isFull else {
            self = .diskFull
            return
        }
        self = .io(error.accessAdvice(state: nil).map { "\(error); \($0)" } ?? error.description)
    }
}

/// Runs system calls and turns their errors into the pool's.
@discardableResult
func storage<T: ~Copyable>(_ body: () throws(SystemError) -> T) throws(StorageError) -> T {
    do throws(SystemError) {
        return try body()
    } catch {
        throw StorageError(error)
    }
}
