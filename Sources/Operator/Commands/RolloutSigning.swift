import API
import HTTP
import Identity
import Model
import System
import Trust

/// `axle rollout key` and `axle rollout sign`: the operator's second signature, which a hub in the wrong hands cannot make.
///
/// What is signed is put together here from what the hub says the rollout will do, and shown, so that the person signs what is read.
enum RolloutSigning {
    /// The longest time that an approval holds, and what it holds by default: the offline horizon.
    private static let horizon = 45 * 86_400

    /// `axle rollout key FILE`: the private key into the file, the public one to standard output.
    static func makeKey(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        let path = try invocation.requiredOperand(0)
        let pem = try OperatorKey.make(path, passphraseFile: invocation.value("passphrase-file"))
        context.streams.output(String(decoding: pem, as: UTF8.self))
        context.streams.message(
            "The private key is in \(path). Give machines this public key as one of their operatorKeys in agent.json5.")
        return 0
    }

    /// Signs a started rollout with the key in a file and gives the hub the signature.
    static func sign(
        _ rollout: RolloutResource, _ keyFile: String, _ invocation: CommandInvocation, _ hub: HubConnection,
        _ printer: Printer
    ) throws -> RolloutResource {
        let key = try OperatorKey(keyFile, passphraseFile: invocation.value("passphrase-file"))
        let life = try life(invocation)
        let status: StatusResource = try hub.get(["status"])
        let items: [ApprovalActionResource] = try hub.list(["rollouts", rollout.id.description, "approval"])
        let actions = try items.map { item in
            guard item.path.product == rollout.file.product, item.path.release == rollout.file.release else {
                throw OperatorError(
                    "the hub wants a signature for \(item.path), which is not \(rollout.file.product) "
                        + "\(rollout.file.release)", next: "Do not sign; find out what the hub is doing.")
            }
            guard let digest = ASCII.bytes(hex: item.sha256) else {
                throw OperatorError("the hub names a package without a hash")
            }
            return ApprovedAction(
                agent: item.client.id, action: item.action,
                target: OrderTarget(
                    path: item.path, sha256: try SHA256Digest(bytes: digest), length: item.length, line: item.line,
                    counter: item.counter))
        }
        guard let tree = ApprovalTree(actions, OpenSSLDigester()) else {
            throw OperatorError("the rollout takes no clients, so there is nothing to sign")
        }
        let now = printer.now
        let approval = Approval(
            fleet: status.fleet, rollout: rollout.id, kind: .install, product: rollout.file.product,
            release: rollout.file.release, actions: try tree.root, count: UInt64(tree.count), windows: rollout.windows,
            restartAllowed: rollout.file.restart != .never, issued: now, expires: now + .seconds(Int64(life)))
        let signed: RolloutResource = try hub.send(
            .put, ["rollouts", rollout.id.description, "approval"],
            ApprovalFile(signed: ASCII.hex(try approval.signed(by: key.signer))))
        if !printer.isJSON {
            let names = items.prefix(5).map(\.client.name.text).joined(separator: ", ")
            let more = items.count > 5 ? ", and \(items.count - 5) more" : ""
            printer.message(
                "Signed: \(rollout.file.product) \(rollout.file.release) on \(names)\(more), until \(approval.expires)."
            )
        }
        return signed
    }

    private static func life(_ invocation: CommandInvocation) throws -> Int {
        guard let text = invocation.value("valid") else { return horizon }
        guard let seconds = Wording.seconds(text), (1...horizon).contains(seconds) else {
            throw UsageError("--valid is a time such as 12h or 7d, of at most 45 days, not '\(text)'")
        }
        return seconds
    }
}
