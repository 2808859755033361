package import Model

extension PackagePool {
    /// Removes these objects, as far as nobody reads or fetches them now.
    ///
    /// - Returns: those that are not there any more, and why the first of the others stayed.
    package func evict(each objects: [SHA256Digest]) -> (gone: [SHA256Digest], refusal: StorageError?) {
        var gone: [SHA256Digest] = []
        var refusal: StorageError?
        for object in objects {
            do throws(StorageError) {
                try evict(object)
                gone.append(object)
            } catch {
                if case .notHeld = error { gone.append(object) } else { refusal = refusal ?? error }
            }
        }
        return (gone, refusal)
    }
}
