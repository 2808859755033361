internal import Content
internal import Model
internal import TLS

/// A machine's downloads folder, as `PackageFiles` has it on a disk: of each package its file, its content and patches, each whole or in part.
struct MachineFiles {
    enum Form: Hashable {
        case published, content
        case patch(SHA256Digest)
    }

    /// What a release is installed from.
    enum Archive {
        case published([UInt8])
        case content([UInt8])
    }

    private struct Name: Hashable {
        let package: SHA256Digest
        let form: Form
    }

    private var parts: [Name: [UInt8]] = [:]
    private var whole: [Name: [UInt8]] = [:]

    /// What is there whole, the content first.
    func archive(of package: Package) -> Archive? {
        if let bytes = file(package, .content) { return .content(bytes) }
        return file(package, .published).map { .published($0) }
    }

    func file(_ package: Package, _ form: Form) -> [UInt8]? { whole[Name(package: package.sha256, form: form)] }

    /// Bytes of a transfer that goes on; nil where none was begun.
    func part(_ package: Package, _ form: Form) -> UInt64? {
        parts[Name(package: package.sha256, form: form)].map { UInt64($0.count) }
    }

    mutating func append(_ bytes: [UInt8], _ package: Package, _ form: Form) {
        parts[Name(package: package.sha256, form: form), default: []] += bytes
    }

    mutating func dropPart(_ package: Package, _ form: Form) {
        parts[Name(package: package.sha256, form: form)] = nil
    }

    /// Names a part whole when it is what it is to be, and removes it when it is not.
    mutating func finish(_ package: Package, _ form: Form, _ wanted: ContentIdentity) -> Bool {
        let bytes = parts.removeValue(forKey: Name(package: package.sha256, form: form)) ?? []
        return put(bytes, package, form, wanted)
    }

    /// Keeps whole bytes if they are what they are to be.
    mutating func put(_ bytes: [UInt8], _ package: Package, _ form: Form, _ wanted: ContentIdentity) -> Bool {
        guard UInt64(bytes.count) == wanted.length, SHA256.hash(bytes) == wanted.sha256.bytes else { return false }
        whole[Name(package: package.sha256, form: form)] = bytes
        return true
    }

    /// Gives up the published file, whole or in part.
    mutating func removePublished(_ package: Package) {
        dropPart(package, .published)
        remove(package, .published)
    }

    mutating func remove(_ package: Package, _ form: Form) { whole[Name(package: package.sha256, form: form)] = nil }

    /// Removes what is left of transfers, when one form is whole.
    mutating func removeRest(_ package: Package) {
        parts = parts.filter { $0.key.package != package.sha256 }
        whole = whole.filter { name, _ in
            name.package != package.sha256 || name.form == .published || name.form == .content
        }
    }

    mutating func remove(_ package: Package) {
        parts = parts.filter { $0.key.package != package.sha256 }
        whole = whole.filter { $0.key.package != package.sha256 }
    }
}
