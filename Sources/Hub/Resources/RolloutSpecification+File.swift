package import API
internal import Model
package import Rollout

/// The one place where the file of `/v1/rollouts` and the rollout's own shape meet.
extension RolloutSpecification {
    /// What a file that a person wrote asks for.
    package init(_ file: RolloutFile) {
        let window: WindowRule =
            switch file.window {
            case nil: .anyTime
            case .once(let span): .span(span)
            case .daily(let from, let to, let days, let timeZone):
                .daily(from: from, to: to, days: days, timeZone: timeZone ?? "UTC")
            }
        self.init(
            name: file.name.text, product: file.product, release: file.release,
            target: Selection(
                all: file.select.all, names: file.select.names, labels: file.select.labels,
                spokes: file.select.spokes),
            start: file.start, window: window, leadMinutes: file.leadMinutes ?? RolloutLimits.standardLead,
            restartAllowed: file.restart != .never, errors: file.errors?.map(\.rule),
            operatorSignature: file.operatorSignature)
    }

    /// The same as a file.
    package var file: RolloutFile {
        get throws {
            let window: WindowFile? =
                switch self.window {
                case .anyTime: nil
                case .span(let span): .once(span)
                case .daily(let from, let to, let days, let timeZone):
                    .daily(from: from, to: to, days: days, timeZone: timeZone)
                }
            return RolloutFile(
                name: try NodeName(name), product: product, release: release,
                select: SelectFile(
                    all: target.all, names: target.names, labels: target.labels, spokes: target.spokes),
                start: start, window: window, leadMinutes: leadMinutes,
                restart: restartAllowed ? .allowed : .never, operatorSignature: operatorSignature,
                errors: errors?.map { ErrorRuleFile($0) })
        }
    }
}
