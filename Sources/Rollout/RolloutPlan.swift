package import Model

/// One wave of a plan; wave 0 is the canary.
package struct PlannedWave: Hashable, Sendable {
    package let index: Int
    package let soak: Duration
    package internal(set) var candidates: [Candidate]
}

/// What a rollout will do: who is selected, with which package, in which wave, and who is known not to be eligible.
///
/// Clients that are not eligible by their last facts are planned too: the agent decides, by fresh facts, and answers with
/// every reason.
package struct RolloutPlan: Hashable, Sendable {
    package private(set) var waves: [PlannedWave]

    /// Everyone in the plan, by wave and name.
    package var candidates: [Candidate] { waves.flatMap(\.candidates) }

    /// The plan of a release's packages for the selected of some clients.
    ///
    /// Refuses a release without packages, a selection without clients, and waves with bad numbers.
    /// Same input, same plan: clients are taken in the order of their names.
    package init(
        product: ProductName, release: ReleaseName, packages: [Package], clients: [ClientRecord], selection: Selection,
        waves shapes: [WaveShape] = [WaveShape()], _ context: OrderContext
    ) throws(RolloutError) {
        let packages = packages.filter { $0.metadata.product == product && $0.metadata.release == release }
        guard !packages.isEmpty else { throw .noPackage(product: product.text, release: release.text) }
        let candidates = Candidate.all(try selection.selected(of: clients), packages: packages, context)
        guard !candidates.isEmpty else { throw .noClient }
        var left = candidates[...]
        var waves: [PlannedWave] = []
        for (index, shape) in shapes.enumerated() {
            let count: Int
            switch shape.size {
            case .count(let wanted):
                guard wanted > 0 else { throw .waves("must have at least one client each") }
                count = wanted
            case .percent(let percent):
                guard (1...100).contains(percent) else { throw .waves("must have 1 to 100 percent each") }
                count = (candidates.count * percent + 99) / 100
            case .rest: count = left.count
            }
            waves.append(PlannedWave(index: index, soak: shape.soak, candidates: Array(left.prefix(count))))
            left = left.dropFirst(count)
        }
        guard left.isEmpty else { throw .waves("leave \(left.count) clients out; end with one for the rest") }
        self.waves = waves
    }

    /// Adds what stands between each client and its package to what its machine says.
    package mutating func judge(_ delivery: (Candidate) throws -> Eligibility) rethrows {
        for wave in waves.indices {
            for index in waves[wave].candidates.indices {
                let candidate = waves[wave].candidates[index]
                waves[wave].candidates[index].eligibility = candidate.eligibility.adding(try delivery(candidate))
            }
        }
    }
}
