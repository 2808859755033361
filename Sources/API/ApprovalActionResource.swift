package import Model

/// One action of a started rollout as an operator signs it: `GET /v1/rollouts/ID/approval`, in the order of the signed tree.
package struct ApprovalActionResource: Codable, Hashable, Sendable {
    /// The agent's id, with the name that people see.
    package var client: Reference
    package var action: ActionID
    package var path: TargetPath
    /// Lowercase hexadecimal.
    package var sha256: String
    package var length: UInt64
    package var line: LineName
    package var counter: UInt64

    package init(
        client: Reference, action: ActionID, path: TargetPath, sha256: String, length: UInt64, line: LineName,
        counter: UInt64
    ) {
        self.client = client
        self.action = action
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.line = line
        self.counter = counter
    }
}

/// `PUT /v1/rollouts/ID/approval`: what an operator has signed.
package struct ApprovalFile: Codable, Hashable, Sendable {
    /// The COSE_Sign1 message (docs/formats/approval.cddl), lowercase hexadecimal.
    package var signed: String

    package init(signed: String) { self.signed = signed }

    private enum CodingKeys: String, CodingKey, CaseIterable { case signed }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        signed = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .signed)
    }
}
