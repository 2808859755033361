import Model

/// What an agent saw that looks like an attack, as a stable code of its report.
package struct AttackCode: OpenCode {
    package let rawValue: String
    package init(known rawValue: String) { self.rawValue = rawValue }
    package static var noun: String { "attack code" }

    /// Metadata, a release or an order older than what was seen before.
    package static let rollback = Self(known: "rollback")
    /// Metadata that has expired.
    package static let freeze = Self(known: "freeze")
    /// An order that came again, or behind a later one.
    package static let replay = Self(known: "replay")
    /// An order without the operator's approval that the machine asks for, or with one that does not fit.
    package static let notApproved = Self(known: "notApproved")
    /// A signature that does not verify.
    package static let badSignature = Self(known: "badSignature")
    /// Bytes that are not the signed ones.
    package static let hashMismatch = Self(known: "hashMismatch")
    /// A file that was whole when it was fetched and is not when it is installed.
    package static let fileSwapped = Self(known: "fileSwapped")
    /// An order whose package the signed targets do not name so.
    package static let notInTargets = Self(known: "notInTargets")
    /// An order for another agent or fleet.
    package static let wrongRecipient = Self(known: "wrongRecipient")
    /// A catalog root that is not the one given to the machine.
    package static let otherRoot = Self(known: "otherRoot")
    /// Metadata that is malformed or breaks a rule of the workflow.
    package static let badMetadata = Self(known: "badMetadata")
    /// Metadata files of different moments put together.
    package static let mixAndMatch = Self(known: "mixAndMatch")
    /// More data than allowed.
    package static let endlessData = Self(known: "endlessData")
    /// Data slower than allowed.
    package static let slowRetrieval = Self(known: "slowRetrieval")
    /// Keys or thresholds of metadata made to count for more than they are.
    package static let keyForgery = Self(known: "keyForgery")
}

/// An attack with what was seen.
package struct AttackSeen: Hashable, Sendable {
    package var code: AttackCode
    /// For a person, one line of at most 512 bytes.
    package var text: String

    package init(_ code: AttackCode, _ text: String) {
        self.code = code
        self.text = text
    }

    /// That bytes were refused which a disk may have damaged: what agent and hub say before anybody
    /// is called an attacker. `who` refused them.
    package static func bytesRefused(by who: String, _ text: String) -> String {
        "\(who) refused bytes that are not the signed ones; its spoke checks its copy, which its disk may have damaged "
            + "(\(text))"
    }
}
