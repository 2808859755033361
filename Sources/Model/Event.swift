/// How much an event matters.
package enum EventSeverity: UInt8, NamedCode {
    case info = 1
    case notice = 2
    case warning = 3
    case error = 4
}

/// What happened, as a stable code of the activity log.
package struct EventCode: OpenCode {
    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    package static var noun: String { "event code" }

    // Fleet.
    package static let hubStarted = Self(known: "hubStarted")
    package static let hubStopped = Self(known: "hubStopped")
    package static let tokenCreated = Self(known: "tokenCreated")
    package static let tokenRevoked = Self(known: "tokenRevoked")
    package static let joinRefused = Self(known: "joinRefused")
    package static let spokeJoined = Self(known: "spokeJoined")
    package static let spokeConnected = Self(known: "spokeConnected")
    package static let spokeDisconnected = Self(known: "spokeDisconnected")
    package static let agentJoined = Self(known: "agentJoined")
    package static let agentConnected = Self(known: "agentConnected")
    package static let agentDisconnected = Self(known: "agentDisconnected")
    package static let peerRefused = Self(known: "peerRefused")
    package static let peerRevoked = Self(known: "peerRevoked")
    package static let hubRestored = Self(known: "hubRestored")
    package static let spokeRestored = Self(known: "spokeRestored")
    package static let certificateRenewed = Self(known: "certificateRenewed")
    package static let renewalRefused = Self(known: "renewalRefused")
    package static let revocationsStale = Self(known: "revocationsStale")
    package static let authorityChanged = Self(known: "authorityChanged")
    package static let factsReported = Self(known: "factsReported")
    package static let clientLabelled = Self(known: "clientLabelled")
    package static let memberRenamed = Self(known: "memberRenamed")
    package static let memberRemoved = Self(known: "memberRemoved")

    // Catalog and packages.
    package static let catalogSet = Self(known: "catalogSet")
    package static let catalogRefreshed = Self(known: "catalogRefreshed")
    package static let catalogRefused = Self(known: "catalogRefused")
    package static let catalogUnreachable = Self(known: "catalogUnreachable")
    package static let packageAnnounced = Self(known: "packageAnnounced")
    package static let packageImported = Self(known: "packageImported")
    package static let packageFailed = Self(known: "packageFailed")
    package static let packageRetired = Self(known: "packageRetired")
    package static let packageRemoved = Self(known: "packageRemoved")
    package static let patchMade = Self(known: "patchMade")
    package static let patchFailed = Self(known: "patchFailed")

    // Pools and replicas.
    package static let quotaSet = Self(known: "quotaSet")
    package static let limitSet = Self(known: "limitSet")
    package static let quotaExceeded = Self(known: "quotaExceeded")
    /// A pool has come to 80, or to 95, per cent of its quota.
    package static let poolFilling = Self(known: "poolFilling")
    package static let poolPruned = Self(known: "poolPruned")
    package static let poolAccessSet = Self(known: "poolAccessSet")
    /// A pool's disk is gone, or has come back.
    package static let poolAvailability = Self(known: "poolAvailability")
    /// A pool was emptied into the others, or cannot be.
    package static let poolDrained = Self(known: "poolDrained")
    package static let poolChecked = Self(known: "poolChecked")
    package static let retentionSet = Self(known: "retentionSet")
    package static let diskFull = Self(known: "diskFull")
    package static let replicaVerified = Self(known: "replicaVerified")
    package static let replicaFailed = Self(known: "replicaFailed")
    package static let replicaCorrupt = Self(known: "replicaCorrupt")
    /// A damaged package is whole again.
    package static let replicaRepaired = Self(known: "replicaRepaired")
    package static let replicaEvicted = Self(known: "replicaEvicted")
    /// A folder of a spoke's machine shows another release now.
    package static let sharePublished = Self(known: "sharePublished")
    package static let shareFailed = Self(known: "shareFailed")

    // Rollouts and actions.
    package static let rolloutCreated = Self(known: "rolloutCreated")
    package static let rolloutRemoved = Self(known: "rolloutRemoved")
    package static let rolloutChanged = Self(known: "rolloutChanged")
    package static let rolloutSigned = Self(known: "rolloutSigned")
    package static let rolloutPaused = Self(known: "rolloutPaused")
    package static let rolloutResumed = Self(known: "rolloutResumed")
    package static let waveChanged = Self(known: "waveChanged")
    package static let actionChanged = Self(known: "actionChanged")
    package static let reportRefused = Self(known: "reportRefused")
    package static let reportGap = Self(known: "reportGap")
    package static let agentRestored = Self(known: "agentRestored")
    package static let machineCloned = Self(known: "machineCloned")
    package static let inventoryChanged = Self(known: "inventoryChanged")
    package static let attackSeen = Self(known: "attackSeen")
    /// A client refused bytes that are not the signed ones, for the first time in a while; its spoke
    /// checks its copy. `attackSeen` follows if that is not the cause.
    package static let bytesRefused = Self(known: "bytesRefused")
    package static let clockWrong = Self(known: "clockWrong")
    package static let storeFailed = Self(known: "storeFailed")
    /// An event of a peer could not be handled; nothing of it was kept.
    package static let eventFailed = Self(known: "eventFailed")
    /// A peer causes more lines than its share of the log.
    package static let linesLeftOut = Self(known: "linesLeftOut")
    /// A spoke sent an event whose code is not one that spokes have.
    package static let spokeEvent = Self(known: "spokeEvent")
    /// The machine went back to this release, and a newer one wrote what it does not know.
    package static let storeNewer = Self(known: "storeNewer")
    /// The kernel lacks a part of what holds the children that read archives from outside.
    package static let confinementMissing = Self(known: "confinementMissing")
}

/// One line of the activity log, append-only.
package struct Event: Codable, Hashable, Sendable {
    package var time: UnixTime
    package var severity: EventSeverity
    package var code: EventCode
    /// What it is about, as `noun/ID` or `noun/NAME`, for example `client/3f…`; empty for the hub itself.
    package var subject: String
    /// For a person, one sentence without control characters.
    package var text: String
    /// When it happened by the clock of the peer that told it; nil where the writer saw it itself.
    package var peerTime: UnixTime?
    /// Who caused it: `admin`, `hub`, `spoke/NAME`, `client/NAME` or `joiners`; nil where nobody wrote that down.
    package var actor: String?

    /// An event; control characters in subject and text become spaces, so that no line of a log can be forged.
    package init(
        time: UnixTime, severity: EventSeverity, code: EventCode, subject: String = "", text: String,
        peerTime: UnixTime? = nil, actor: String? = nil
    ) {
        self.peerTime = peerTime
        self.actor = actor.map { Self.singleLine($0, limit: 128) }
        self.time = time
        self.severity = severity
        self.code = code
        self.subject = Self.singleLine(subject, limit: 256)
        self.text = Self.singleLine(text, limit: 2048)
    }

    /// One line without control and bidirectional-override characters, of at most `limit` bytes of UTF-8.
    package static func singleLine(_ text: String, limit: Int) -> String {
        if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        var line = ""
        var count = 0
        for scalar in text.unicodeScalars {
            let value = scalar.value
            let isControl =
                value < 0x20 || (0x7F...0x9F).contains(value) || (0x200E...0x200F).contains(value)
                || (0x2028...0x202E).contains(value) || (0x2066...0x2069).contains(value)
            let shown: Unicode.Scalar = isControl ? " " : scalar
            count += Unicode.UTF8.width(shown)
            guard count <= limit else { break }
            line.unicodeScalars.append(shown)
        }
        return line
    }
}
