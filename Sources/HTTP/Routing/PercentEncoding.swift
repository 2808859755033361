/// Percent-encoding of RFC 3986 §2.1.
package enum PercentEncoding {
    /// The text behind an encoded one; nil when an escape is broken, the bytes are no UTF-8 or hold a NUL.
    ///
    /// - Parameters:
    ///   - plusIsSpace: as queries of forms have it.
    package static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            if byte == 0x25 {
                guard let high = iterator.next().flatMap(HTTPSyntax.hexValue),
                    let low = iterator.next().flatMap(HTTPSyntax.hexValue)
                else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == 0x2B ? 0x20 : byte)
            }
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text with everything but letters, digits and `-._~` escaped: safe as one segment of a path or one part of a
    /// query.
    package static func encode(_ text: some StringProtocol) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0" + hex : "%" + hex
            }
        }
        return result
    }
}

/// The parameters of a query, decoded, in order.
package struct QueryParameters: Equatable, Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// Reads `a=1&b=2`; parts that do not decode are left out, at most 64 are kept.
    package init(_ query: String) {
        for part in query.split(separator: "&", maxSplits: 64).prefix(64) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(sides[0], plusIsSpace: true),
                let value = PercentEncoding.decode(sides.count > 1 ? sides[1] : "", plusIsSpace: true)
            else { continue }
            pairs.append((name, value))
        }
    }

    /// The first value of a name.
    package subscript(_ name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }

    package func values(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }

    /// Writes parameters as a query, without the question mark.
    package static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { PercentEncoding.encode($0.0) + "=" + PercentEncoding.encode($0.1) }.joined(separator: "&")
    }

    package static func == (a: QueryParameters, b: QueryParameters) -> Bool {
        a.pairs.elementsEqual(b.pairs) { $0.name == $1.name && $0.value == $1.value }
    }
}
