internal import Model
internal import Trust

/// The stored form of a record: one flat object, as the first release wrote it, in which members
/// that a stage does not need are absent.
///
/// What a stage needs is asked for once, here: a record that lacks it is refused as a whole.
extension ActionRecord: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, kind, order, sequence, state, path, expires, package, step, previous, bootID, failures, notBefore
        case detail, isCancelRequested
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try fields.decode(ActionID.self, forKey: .id), kind: try fields.decode(Kind.self, forKey: .kind),
            order: try fields.decode([UInt8].self, forKey: .order),
            sequence: try fields.decode(OrderSequence.self, forKey: .sequence),
            expires: try fields.decode(UnixTime.self, forKey: .expires), stage: try Self.stage(fields))
        failures = try fields.decode(Int.self, forKey: .failures)
        notBefore = try fields.decode(UnixTime.self, forKey: .notBefore)
        detail = try fields.decode(String.self, forKey: .detail)
        isCancelRequested = try fields.decode(Bool.self, forKey: .isCancelRequested)
    }

    private static func stage(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> ActionStage {
        func path() throws -> TargetPath? { try fields.decodeIfPresent(TargetPath.self, forKey: .path) }
        func package() throws -> Package { try fields.decode(Package.self, forKey: .package) }
        func changing(_ change: ActionStage.Change) throws -> ActionStage {
            .changing(change, try install(fields, of: package()))
        }
        func over(_ end: ActionStage.End) throws -> ActionStage {
            // An action that ended before its install has no step, and perhaps no package.
            .over(end, try path(), fields.contains(.step) ? try install(fields, of: package()) : nil)
        }
        let state = try fields.decode(ActionState.self, forKey: .state)
        switch state {
        case .offered:
            return .offered(
                try fields.decode(TargetPath.self, forKey: .path),
                try fields.decodeIfPresent(Package.self, forKey: .package))
        case .downloading: return .downloading(try package())
        case .downloaded: return .downloaded(try package())
        case .waitingForWindow: return .waitingForWindow(try package())
        case .installing: return try changing(.installing)
        case .restarting: return try changing(.restarting)
        case .verifying: return try changing(.verifying)
        case .rollingBack: return try changing(.rollingBack)
        case .cancelling: return .cancelling(try path())
        case .refused: return try over(.refused)
        case .succeeded: return try over(.succeeded)
        case .failed: return try over(.failed)
        case .cancelled: return try over(.cancelled)
        case .rolledBack: return try over(.rolledBack)
        case .rollbackFailed: return try over(.rollbackFailed)
        case .pending, .waitingForSlot, .draining, .missed, .uncertain:
            throw DecodingError.dataCorruptedError(
                forKey: .state, in: fields, debugDescription: "this release has no state \(state.name) at an agent")
        }
    }

    private static func install(
        _ fields: KeyedDecodingContainer<CodingKeys>, of package: Package
    ) throws -> InstallProgress {
        InstallProgress(
            package: package, step: try fields.decode(InstallStep.self, forKey: .step),
            previous: try fields.decodeIfPresent(ReleaseName.self, forKey: .previous),
            bootID: try fields.decodeIfPresent(String.self, forKey: .bootID))
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(kind, forKey: .kind)
        try fields.encode(order, forKey: .order)
        try fields.encode(sequence, forKey: .sequence)
        try fields.encode(state, forKey: .state)
        try fields.encodeIfPresent(path, forKey: .path)
        try fields.encode(expires, forKey: .expires)
        try fields.encodeIfPresent(package ?? stage.install?.package, forKey: .package)
        try fields.encodeIfPresent(stage.install?.step, forKey: .step)
        try fields.encodeIfPresent(stage.install?.previous, forKey: .previous)
        try fields.encodeIfPresent(stage.install?.bootID, forKey: .bootID)
        try fields.encode(failures, forKey: .failures)
        try fields.encode(notBefore, forKey: .notBefore)
        try fields.encode(detail, forKey: .detail)
        try fields.encode(isCancelRequested, forKey: .isCancelRequested)
    }
}
