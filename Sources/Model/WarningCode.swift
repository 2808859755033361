/// What needs a person, as a stable code of `axle status`; the most pressing first.
///
/// docs/status.md has the table.
package enum WarningCode: String, CaseIterable, Codable, Sendable {
    case machineCloned
    case rolloutFailed
    case rolloutPaused
    case rolloutStalled
    case actionsUncertain
    case spokeOffline
    case siteExpiring
    case parentRevoked
    case clientsSilent
    case spokeLacksSpace
    case diskLow
    case poolUnavailable
    case poolFull
    case packageFailed
    case catalogFailed
    case catalogExpired
    case catalogExpiring
    case certificateExpiring
    case authorityExpiring
    case clockWrong
    case hubRestored
    case spokeRestored
    case agentRestored
    case authorityChanging
    case confinementMissing

    /// Whether nothing is wrong yet or nothing can be done: shown, and no reason for exit status 1.
    package var isNotice: Bool {
        switch self {
        case .authorityChanging, .confinementMissing: true
        case .machineCloned, .rolloutFailed, .rolloutPaused, .rolloutStalled, .actionsUncertain, .spokeOffline,
            .siteExpiring, .parentRevoked, .clientsSilent, .spokeLacksSpace, .diskLow, .poolUnavailable, .poolFull,
            .packageFailed, .catalogFailed, .catalogExpired, .catalogExpiring, .certificateExpiring,
            .authorityExpiring, .clockWrong, .hubRestored, .spokeRestored, .agentRestored:
            false
        }
    }

    /// What it means, for a person; one clause without a full stop.
    package var meaning: String {
        switch self {
        case .machineCloned: "two machines use one identity"
        case .rolloutFailed: "a rollout ended in the last 7 days and clients failed in it"
        case .rolloutPaused: "a rollout is paused and goes on only when a person says so"
        case .rolloutStalled: "nothing moved in a running rollout for a day although it may install"
        case .actionsUncertain: "installs began and nothing was heard since"
        case .spokeOffline: "a spoke is not connected"
        case .siteExpiring: "a site can go on without the hub for less than 15 days more"
        case .parentRevoked: "machines are joined through a spoke that is revoked"
        case .clientsSilent: "machines have not reported for a day"
        case .spokeLacksSpace: "a spoke lacks space for packages that it is to hold"
        case .diskLow: "less than 1 GB is free on the disk of a pool"
        case .poolUnavailable: "a pool cannot be used"
        case .poolFull: "a pool is 95 per cent full or more"
        case .packageFailed: "the hub could not import a package"
        case .catalogFailed: "the last refresh of the catalog failed"
        case .catalogExpired: "the catalog has expired, so nothing of it is installed any more"
        case .catalogExpiring: "the catalog expires within 7 days"
        case .certificateExpiring: "certificates of members end within 14 days and were not renewed"
        case .authorityExpiring: "a root certificate of the fleet ends within 90 days"
        case .clockWrong: "the clock of a member is wrong by more than 5 minutes"
        case .hubRestored: "the hub was restored from a backup in the last 7 days"
        case .spokeRestored: "a spoke was restored from a backup in the last 7 days"
        case .agentRestored: "the state of an agent was lost or put back in the last 7 days"
        case .authorityChanging: "a change of the fleet's root certificate is under way"
        case .confinementMissing: "the hub's kernel lacks some limits for the children that read packages"
        }
    }

    /// What a person can do about it; one sentence.
    package var next: String {
        switch self {
        case .machineCloned: "Make one of the two machines join again with a token of its own."
        case .rolloutFailed: "See 'axle rollout show' for the clients and 'axle client show' for the error."
        case .rolloutPaused:
            "Look at 'axle rollout show', then go on with 'axle rollout resume' or end it with 'axle rollout stop'."
        case .rolloutStalled: "See the WHY column of 'axle rollout show'."
        case .actionsUncertain: "Look at the machines; a late report settles the action."
        case .spokeOffline: "Start axle-spoke at the site, and check that it reaches the hub."
        case .siteExpiring: "Connect the site before its certificates and orders end."
        case .parentRevoked:
            "Join them again through another spoke; docs/status.md says how ('axle token create --replaces'). Or revoke them."
        case .clientsSilent: "Check that the agents run and reach their spoke; revoke machines that are gone."
        case .spokeLacksSpace: "Raise the quota with 'axle pool set POOL --quota SIZE', or see 'axle pool plan'."
        case .diskLow: "Free space on that disk, or move the pool."
        case .poolUnavailable: "Bring the disk of the pool back, or take the pool out of the setup."
        case .poolFull: "Raise the quota with 'axle pool set POOL --quota SIZE', or see 'axle pool plan'."
        case .packageFailed: "Remove the cause, then run 'axle package import ID'."
        case .catalogFailed: "Remove the cause, then run 'axle catalog refresh'."
        case .catalogExpired, .catalogExpiring: "Ask the publisher to sign the catalog again."
        case .certificateExpiring: "Connect the members, which renew automatically."
        case .authorityExpiring: "Begin the change with 'axle ca rotate'."
        case .clockWrong: "Set the clock of that machine."
        case .hubRestored: "Make again what was revoked, joined or rolled out since the backup."
        case .spokeRestored: "Nothing is to be done; check why it was restored."
        case .agentRestored: "Check whether the machine was restored or copied; a copy must join again."
        case .authorityChanging: "See 'axle ca show' for the members that it waits for."
        case .confinementMissing: "See docs/hardening.md for what the kernel lacks."
        }
    }
}
