package import Model

/// A client with the package of a release that suits it best and what speaks against installing it.
package struct Candidate: Hashable, Sendable {
    package let client: ClientRecord
    package let package: Package
    package var eligibility: Eligibility

    package init(client: ClientRecord, package: Package, eligibility: Eligibility) {
        self.client = client
        self.package = package
        self.eligibility = eligibility
    }

    /// One answer per client, in the order of names; the packages are those of one release.
    package static func all(
        _ clients: [ClientRecord], packages: [Package], _ context: OrderContext
    ) -> [Candidate] {
        clients.sorted { ($0.name, $0.id) < ($1.name, $1.id) }.compactMap { client in
            best(client.facts, packages, context).map {
                Candidate(client: client, package: $0.package, eligibility: $0.eligibility)
            }
        }
    }

    /// The package that suits a machine: the one with the fewest reasons of platform, then the most exact platform, then
    /// the first by path; nil only when there is no package at all.
    package static func best(
        _ facts: ClientFacts?, _ packages: [Package], _ context: OrderContext
    ) -> (package: Package, eligibility: Eligibility)? {
        let ranked = packages.map { package in
            let eligibility = Eligibility.check(facts, package, context)
            let misfits = eligibility.reasons.reduce(0) { $0 + weight($1.code) }
            return (package: package, eligibility: eligibility, misfits: misfits, vagueness: vagueness(package))
        }
        let first = ranked.min { left, right in
            (left.misfits, left.vagueness, left.package.path) < (right.misfits, right.vagueness, right.package.path)
        }
        return first.map { ($0.package, $0.eligibility) }
    }

    /// Another platform, or a kind that the agent cannot install, is worse than the wrong number of bits on the right one.
    private static func weight(_ code: ReasonCode) -> Int {
        switch code {
        case .platformMismatch, .kindUnsupported: 2
        case .os32Bit: 1
        default: 0
        }
    }

    private static func vagueness(_ package: Package) -> Int {
        let platform = package.metadata.platform
        return [platform.os, platform.arch, platform.libc].count { $0 == "any" }
    }
}
