import Content
import Model
import System

extension PackageIntake {
    /// No vendor's file unpacks to more than this.
    private static let contentLimit: UInt64 = 1 << 40

    /// What is inside a file that was taken in: unpacked and hashed in a limited child; nil if it is not compressed, or by no coding
    /// that agents know.
    ///
    /// - Parameters:
    ///   - program: this program, for the child.
    static func content(of copy: Copy, program: String) throws -> PackageContent? {
        let file = try FileDescriptor.open(copy.temporary)
        guard let coding = ContentCoding(mark: copy.head) else { return nil }
        do {
            let found = try ContentWorker(program: program).decode(
                file, coding, limits: ContentLimits(length: contentLimit, ratio: .max, deadline: .seconds(4 * 3600)))
            // A Debian package with nothing packed in it is its own content.
            guard found.sha256 != copy.sha256 else { return nil }
            return PackageContent(coding: coding, length: ByteCount(found.length), sha256: found.sha256)
        } catch let error as ContentError {
            throw OperatorError(
                "the file looks like \(coding.name) and cannot be unpacked: \(error.message)",
                next: error.code == .unavailable
                    ? "Install the library, or publish the file uncompressed."
                    : coding == .deb ? "Build it with dpkg-deb." : "Pack it again.")
        }
    }
}
