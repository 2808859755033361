// What reads a pool's disk: any bytes give an error or a value whose parts lie inside the file, and what is read whole is written back the same.
// The first byte picks the format; its high bit asks for right checksums, behind which a fuzzer would not come by itself.

@Sendable func fuzzPool(_ input: [UInt8]) {
    guard let selector = input.first else { return }
    let body = Array(input.dropFirst())
    let isSealed = selector & 0x80 != 0
    switch selector & 7 {
    case 0: fuzzContainer(isSealed ? sealHeaders(body) : body)
    case 1: fuzzIndex(isSealed ? seal(body) : body)
    case 2: fuzzManifest(isSealed ? sealManifest(body) : body)
    case 3: fuzzSums(isSealed ? seal(body) : body)
    case 4: fuzzChunker(body)
    default: fuzzChecksum(body)
    }
}

private func seal(_ bytes: [UInt8]) -> [UInt8] {
    var fields = FieldWriter(capacity: 8)
    fields.add(Checksum.of(bytes))
    return bytes + fields.bytes
}

/// Gives each stretch of 64 bytes that begins like a header a right checksum.
private func sealHeaders(_ bytes: [UInt8]) -> [UInt8] {
    var result = ContainerHeader(number: 7).encoded
    var rest = bytes[...]
    while rest.count >= 64 {
        result += seal(Array("AXLEchnk".utf8) + [1] + rest.dropFirst(9).prefix(55))
        let payload = min(Int(rest[rest.startIndex + 1]), rest.count - 64)
        result += rest.dropFirst(64).prefix(payload)
        rest = rest.dropFirst(64 + payload)
    }
    return result + rest
}

private func sealManifest(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 56 else { return bytes }
    var result = seal(Array(bytes.prefix(56)))
    var rest = bytes.dropFirst(56)
    var index = 0
    while rest.count >= 36 {
        var fields = FieldReader(Array(rest.prefix(36)))
        guard let digest = fields.digest(), let length = fields.integer(UInt32.self) else { break }
        result += PackageManifest.encode(PackageManifest.Entry(digest: digest, length: length), at: index)
        index += 1
        rest = rest.dropFirst(36)
    }
    return result + rest
}

private func fuzzContainer(_ bytes: [UInt8]) {
    let scan = ContainerScan(length: UInt64(bytes.count)) { offset, count in
        precondition(count <= 1 << 16, "more is read at once than a window")
        return Array(bytes.dropFirst(Int(offset)).prefix(count))
    }
    var end: UInt64 = UInt64(ContainerHeader.length)
    for found in scan.found {
        precondition(found.offset >= end, "records overlap")
        end = found.offset + found.header.recordLength
        precondition(end <= UInt64(bytes.count), "a record reaches beyond the file")
        precondition(found.header.encoded == Array(bytes[Int(found.offset)...].prefix(ChunkHeader.length)))
    }
    precondition(scan.found.isEmpty || scan.end == end)
    if let header = ContainerHeader(Array(bytes.prefix(ContainerHeader.length))) {
        precondition(header.encoded == Array(bytes.prefix(ContainerHeader.length)))
    }
}

private func fuzzIndex(_ bytes: [UInt8]) {
    guard let index = ContainerIndex(bytes) else { return }
    precondition(index.encoded == bytes, "an index does not come back")
    for chunk in index.chunks {
        precondition(chunk.offset + chunk.header.recordLength <= index.containerLength, "a record beyond the container")
    }
}

private func fuzzManifest(_ bytes: [UInt8]) {
    let manifest = PackageManifest(reading: bytes)
    guard let digest = manifest.header?.digest, let entries = manifest.whole(digest) else { return }
    precondition(PackageManifest.encode(digest, entries) == bytes, "a manifest does not come back")
}

private func fuzzSums(_ bytes: [UInt8]) {
    guard let sums = BlockSums(bytes) else { return }
    precondition(sums.encoded == bytes, "block sums do not come back")
}

private func fuzzChunker(_ bytes: [UInt8]) {
    let chunker = Chunker(ChunkLimits(minimum: 64, average: 256, maximum: 1024))
    var rest = bytes
    while !rest.isEmpty {
        let length = rest.withUnsafeBytes { chunker.cut($0) }
        precondition(1...min(1024, rest.count) ~= length, "a cut outside")
        precondition(length >= 64 || length == rest.count, "a chunk below the minimum")
        rest.removeFirst(length)
    }
}

private func fuzzChecksum(_ bytes: [UInt8]) {
    var pieces = Checksum()
    let cut = bytes.count / 3
    bytes.withUnsafeBytes { all in
        pieces.update(.init(rebasing: all[..<cut]))
        pieces.update(.init(rebasing: all[cut...]))
    }
    precondition(pieces.value == Checksum.of(bytes), "the checksum depends on the pieces")
}
