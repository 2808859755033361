internal import Compression
package import Model

/// The library that a machine lacks for unpacking what is packed in some way; all it can do then is to take the content from somebody who has it.
package struct MissingLibrary: Hashable, Sendable {
    package let coding: ContentCoding
    /// The file that is looked for, and the Debian package that brings it.
    package let fileName: String
    package let packageName: String

    package init(coding: ContentCoding, fileName: String, packageName: String) {
        self.coding = coding
        self.fileName = fileName
        self.packageName = packageName
    }

    /// What this machine lacks for a coding; nil where it can unpack it. A Debian package is unpacked by dpkg, whatever its members are packed with.
    package init?(for coding: ContentCoding) {
        let library: CodecLibrary
        switch coding {
        case .none, .deb: return nil
        case .gzip: library = .gzip
        case .zstd: library = .zstd
        case .xz: library = .xz
        }
        guard !library.isPresent else { return nil }
        self.init(coding: coding, fileName: library.fileName, packageName: library.packageName)
    }

    /// For people: what can be done about it. `refusal` says why nobody gave the content.
    package func advice(_ refusal: String) -> String {
        let other = coding == .gzip ? "tar" : "tar or tar.gz"
        return
            "it is packed as \(coding.name), this machine has no \(fileName), and the spoke cannot give it unpacked (\(refusal)); "
            + "install \(packageName) here or at the spoke, or publish it as \(other)"
    }
}
