package import Model

/// A part of a pool that a scrub reads in one go.
package enum ScrubUnit: Hashable, Sendable, CustomStringConvertible {
    /// A package: its own file, or the list of its chunks.
    case package(SHA256Digest)
    /// A container file, by its number.
    case container(UInt64)
    /// A part of one pool of several.
    indirect case part(of: NodeName, ScrubUnit)

    package var description: String {
        switch self {
        case .package(let digest): "package \(digest)"
        case .container(let number): "container \(String(number, radix: 16))"
        case .part(let pool, let unit): "\(unit) of pool \(pool)"
        }
    }
}

/// What a check of a pool found.
package struct PoolCheck: Hashable, Sendable {
    /// What is wrong, a sentence each; empty for a sound pool.
    package var problems: [String] = []
    /// The packages that are damaged, in the order of their hashes; they are marked corrupt now.
    package var corrupt: [SHA256Digest] = []
    /// Packages that were looked at.
    package var packages = 0
    /// Bytes that were read.
    package var bytesRead = ByteCount.zero

    package init() {}

    /// True where nothing was found.
    package var isClean: Bool { problems.isEmpty && corrupt.isEmpty }

    /// Says which packages are damaged, each once.
    mutating func found(_ digests: [SHA256Digest]) {
        corrupt = Set(corrupt + digests).sorted()
    }
}

extension PackagePool {
    /// Scrubs every unit, for `check(readData: true)`.
    func readEverything(_ check: inout PoolCheck) {
        for unit in scrubUnits() {
            var read = ByteCount.zero
            do {
                check.found(try scrub(unit) { read += $0 })
            } catch {
                check.problems.append("\(unit) could not be read: \(error)")
            }
            check.bytesRead += read
        }
    }
}
