internal import Model
internal import System
internal import Trust

/// The vendor's root.json that a machine's owner gives to a join.
package enum CatalogRootFile {
    /// Reads the file and checks that it is a root that its own keys signed, since a wrong file would only show at the first refresh. Its
    /// expiry does not matter (TUF 5.2). Throws `SystemError` or `MetadataError`. Blocks on the disk.
    package static func read(_ path: String) throws -> [UInt8] {
        let bytes = try File.read(path, limit: MetadataLimits().rootBytes)
        _ = try TrustedMetadata(
            root: bytes, startTime: .zero, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        return bytes
    }
}
