/// Which versions are meant: all of its bounds must hold; without bounds every version is meant.
///
/// Text is `*` or up to eight bounds with spaces or commas between, for example `>=0.12 <0.13`; operators are
/// `=`, `<`, `<=`, `>`, `>=` and Debian's `<<` and `>>`, which are written back as `<` and `>`.
package struct VersionRange: TextForm {
    /// How a version is compared with a bound.
    package enum Comparison: String, Sendable, Hashable, CaseIterable {
        case less = "<"
        case lessOrEqual = "<="
        case equal = "="
        case greaterOrEqual = ">="
        case greater = ">"
    }

    /// One bound.
    package struct Bound: Hashable, Sendable {
        package let comparison: Comparison
        package let version: Version

        package init(_ comparison: Comparison, _ version: Version) {
            self.comparison = comparison
            self.version = version
        }

        /// Whether the version keeps to the bound, in the order of a scheme.
        package func allows(_ candidate: Version, in scheme: VersionScheme?) -> Bool {
            let order = candidate.compare(version, in: scheme)
            return switch comparison {
            case .less: order < 0
            case .lessOrEqual: order <= 0
            case .equal: order == 0
            case .greaterOrEqual: order >= 0
            case .greater: order > 0
            }
        }
    }

    /// The bounds, in the order in which they were written.
    package let bounds: [Bound]

    /// Every version.
    package static let any = VersionRange(checked: [])

    private init(checked bounds: [Bound]) { self.bounds = bounds }

    /// A range of at most eight bounds.
    package init(_ bounds: [Bound]) throws(ModelError) {
        guard bounds.count <= 8 else { throw ModelError("version range", "", "has more than eight bounds") }
        self.bounds = bounds
    }

    package init(_ text: String) throws(ModelError) {
        guard text.utf8.count <= 1200 else { throw ModelError("version range", text, "is too long") }
        if text == "*" {
            self = .any
            return
        }
        let isSign: (UInt8) -> Bool = { $0 == 0x3C || $0 == 0x3D || $0 == 0x3E }
        var bounds: [Bound] = []
        var rest = text.utf8[...]
        func skip() { rest = rest.drop { $0 == 0x20 || $0 == 0x2C } }
        skip()
        while !rest.isEmpty {
            let sign = rest.prefix(while: isSign)
            rest = rest.dropFirst(sign.count).drop { $0 == 0x20 }
            let version = rest.prefix { $0 != 0x20 && $0 != 0x2C && !isSign($0) }
            rest = rest.dropFirst(version.count)
            let written = String(Substring(sign))
            let comparison: Comparison? =
                switch written {
                case "<<": .less
                case ">>": .greater
                default: Comparison(rawValue: written)
                }
            guard let comparison else {
                throw ModelError("version range", text, "must have one of = < <= > >= before each version")
            }
            bounds.append(Bound(comparison, try Version(String(Substring(version)))))
            skip()
        }
        guard !bounds.isEmpty else { throw ModelError("version range", text, "is empty; write * for every version") }
        try self.init(bounds)
    }

    /// Whether the version keeps to every bound, in the order of a scheme or, without one, in Debian's.
    package func contains(_ version: Version, in scheme: VersionScheme? = nil) -> Bool {
        bounds.allSatisfy { $0.allows(version, in: scheme) }
    }

    /// The scheme that the bounds and a version together show, for a product whose catalog is not at hand.
    package func scheme(with version: Version) -> VersionScheme? {
        VersionScheme.detect(bounds.map(\.version.description) + [version.description])
    }

    package var description: String {
        bounds.isEmpty ? "*" : bounds.map { "\($0.comparison.rawValue)\($0.version)" }.joined(separator: " ")
    }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
