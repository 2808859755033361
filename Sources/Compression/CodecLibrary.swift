internal import CXZ
internal import CZlib
internal import CZstd

/// The libraries that pack and unpack, loaded at run time where the machine has them; every Debian and RHEL does, since their package tools need them.
///
/// Nothing is linked. A process that will be confined asks for what it needs before, since no file can be opened afterwards.
package enum CodecLibrary: String, Sendable, CaseIterable {
    case zstd, xz, gzip

    private static let hasZstd = axle_zstd_load() == 1
    private static let hasXZ = axle_xz_load() == 1
    private static let hasZlib = axle_zlib_load() == 1

    /// Whether it is there; loads it.
    package var isPresent: Bool {
        switch self {
        case .zstd: Self.hasZstd
        case .xz: Self.hasXZ
        case .gzip: Self.hasZlib
        }
    }

    /// The file that is looked for.
    package var fileName: String {
        switch self {
        case .zstd: "libzstd.so.1"
        case .xz: "liblzma.so.5"
        case .gzip: "libz.so.1"
        }
    }

    /// The Debian package that brings it.
    package var packageName: String {
        switch self {
        case .zstd: "libzstd1"
        case .xz: "liblzma5"
        case .gzip: "zlib1g"
        }
    }

    /// The library's version, as it says itself; nil where it is not there.
    package var version: String? {
        guard isPresent else { return nil }
        switch self {
        case .zstd:
            let number = axle_zstd_version()
            return "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
        case .xz:
            let number = axle_xz_version()
            return "\(number / 10_000_000).\(number / 10_000 % 1000).\(number / 10 % 1000)"
        case .gzip: return axle_zlib_version().map { String(cString: $0) }
        }
    }

    /// Throws `unavailable` where it is not there.
    package func require() throws(CompressionError) {
        guard isPresent else {
            throw CompressionError(.unavailable, "\(fileName) is not on this machine; install it or send plain files")
        }
    }
}
