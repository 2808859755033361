package import Model

extension MemoryHubStore {
    package func putRevocation(_ revocation: RevocationRecord) throws {
        state.revocations[revocation.node] = revocation
    }

    package func revocations() throws -> [RevocationRecord] {
        state.revocations.values.sorted { $0.node < $1.node }
    }

    package func removeRevocation(of node: NodeID) throws { state.revocations[node] = nil }

    package func insertSegment(_ segment: SegmentRecord, bytes: [UInt8]) throws {
        guard state.segments[segment.sha256] == nil else {
            throw HubStoreError.duplicate("segment \(segment.sha256)")
        }
        state.segments[segment.sha256] = (segment, bytes)
    }

    package func segments() throws -> [SegmentRecord] {
        state.segments.values.map(\.0).sorted {
            ($0.ends, $0.role.rawValue, $0.sha256) < ($1.ends, $1.role.rawValue, $1.sha256)
        }
    }

    package func segment(_ sha256: SHA256Digest) throws -> [UInt8]? { state.segments[sha256]?.1 }

    package func removeSegment(_ sha256: SHA256Digest) throws { state.segments[sha256] = nil }

    package func removeRevocations(endingBy time: UnixTime) throws {
        state.revocations = state.revocations.filter { $0.value.ends > time }
        state.segments = state.segments.filter { $0.value.0.ends > time }
    }
}
