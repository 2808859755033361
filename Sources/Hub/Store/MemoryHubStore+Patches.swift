package import Model

extension MemoryHubStore {
    package func putPatch(_ patch: PatchRecord) throws { state.patches[patch.key] = patch }
    package func patch(_ key: PatchKey) throws -> PatchRecord? { state.patches[key] }

    package func patch(sha256: SHA256Digest) throws -> PatchRecord? {
        state.patches.values.first { $0.sha256 == sha256 }
    }

    package func removePatch(_ key: PatchKey) throws { state.patches[key] = nil }

    package func patches() throws -> [PatchRecord] {
        state.patches.values.sorted {
            ($0.key.new, $0.key.old, $0.key.means.rawValue) < ($1.key.new, $1.key.old, $1.key.means.rawValue)
        }
    }

    package func patches(to new: SHA256Digest) throws -> [PatchRecord] { try patches().filter { $0.key.new == new } }

    package func patches(dueBy time: UnixTime) throws -> [PatchRecord] {
        state.patches.values.filter { patch in patch.nextTry.map { $0 <= time } ?? false }
            .sorted {
                ($0.wished, $0.key.new, $0.key.old, $0.key.means.rawValue)
                    < ($1.wished, $1.key.new, $1.key.old, $1.key.means.rawValue)
            }
    }

    package func nextPatch() throws -> UnixTime? { state.patches.values.compactMap(\.nextTry).min() }
}
