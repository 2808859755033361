internal import Model
internal import Spoke
internal import TLS

/// What a site's share shows: one whole verified release (7), none older than one before unless the vendor has taken that back (2), and in the end the newest (16).
extension InvariantChecks {
    /// A share is switched to a package, which was unpacked to these bytes; `named` are the packages that the spoke's catalog names.
    func shows(_ spoke: SpokeNode, _ package: Package, _ content: [UInt8], before: Package?, named: [Package]) {
        if !fleet.vendor.hasSigned(package) {
            fleet.breach(.wholePackages, "\(spoke.name) shows \(package.path.release), which the vendor never signed")
        }
        if SHA256.hash(content) != package.content.sha256.bytes {
            fleet.breach(.wholePackages, "\(spoke.name) shows something else than \(package.path.release)")
        }
        if let before, named.contains(before), before.metadata.counter > package.metadata.counter {
            fleet.breach(
                .noDowngrade, "\(spoke.name) shows \(package.path.release) after \(before.path.release)")
        }
    }
}
