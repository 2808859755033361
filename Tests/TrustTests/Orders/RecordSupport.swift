import Model
import TLS
import Trust

/// A signer over OpenSSL, as the programs have one.
struct TestSigner: RecordSigner {
    let key: PrivateKey
    var keyID: [UInt8] { key.publicKey.fingerprint }
    func sign(_ message: [UInt8]) throws -> [UInt8] { try key.sign(message, by: .es256) }
}

/// ES256 over OpenSSL; every other scheme is refused.
struct TestVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        guard scheme == .es256 else { return false }
        do {
            return try PublicKey(der: publicKey).isValid(signature, of: message, by: .es256)
        } catch {
            return false
        }
    }
}

/// HMAC over OpenSSL.
struct TestHash: KeyedHash {
    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] { try HMAC.sha256(key: key, message) }
}

/// One example of every record, the same ones that the golden samples hold.
enum Samples {
    static let agent = NodeID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)
    static let action = ActionID(high: 0xA0A1_A2A3_A4A5_A6A7, low: 0xA8A9_AAAB_ACAD_AEAF)
    static let rollout = RolloutID(high: 0xB0B1_B2B3_B4B5_B6B7, low: 0xB8B9_BABB_BCBD_BEBF)
    static let time = UnixTime(milliseconds: 1_750_000_000_123)

    static func target() throws -> OrderTarget {
        OrderTarget(
            path: try TargetPath("ruff/0.12.1/linux-x86_64-glibc/ruff.tar.gz"),
            sha256: try SHA256Digest(bytes: Array(0..<32)), length: 11_223_344, line: try LineName("0"), counter: 12)
    }

    static func install() throws -> Order {
        Order(
            agent: agent, kind: .install, action: action, rollout: rollout, fleet: try FleetName("north"),
            target: try target(),
            windows: [
                try TimeSpan(start: time, end: time + .seconds(3600)),
                try TimeSpan(start: time + .seconds(86_400), end: time + .seconds(90_000)),
            ],
            leadSeconds: 1800, restartAllowed: false, options: ["channel": "stable"],
            sequence: OrderSequence(epoch: 1, number: 42), issued: time, expires: time + .seconds(45 * 86_400),
            catalogRoot: try SHA256Digest(bytes: Array(32..<64)))
    }

    static func cancel() throws -> Order {
        Order(
            agent: agent, kind: .cancel, action: action, rollout: rollout, fleet: try FleetName("north"), target: nil,
            sequence: OrderSequence(epoch: 1, number: 43), issued: time, expires: time + .seconds(45 * 86_400))
    }

    /// An order to say everything anew.
    static func anew() throws -> Order {
        Order(
            agent: agent, kind: .reportAnew, action: action, rollout: rollout, fleet: try FleetName("north"),
            target: nil, sequence: OrderSequence(epoch: 2, number: 44), issued: time,
            expires: time + .seconds(45 * 86_400))
    }

    /// Five machines' actions; the sample's own is the fourth.
    static func approvedActions() throws -> [ApprovedAction] {
        var actions = try (1...5).map { number in
            ApprovedAction(
                agent: NodeID(high: 9, low: UInt64(number)), action: ActionID(high: 8, low: UInt64(number)),
                target: try target())
        }
        actions[3] = ApprovedAction(agent: agent, action: action, target: try target())
        return actions
    }

    static func tree() throws -> ApprovalTree {
        guard let tree = ApprovalTree(try approvedActions(), TestDigester()) else { throw RecordError.badProof }
        return tree
    }

    static func approval() throws -> Approval {
        let order = try install()
        return Approval(
            fleet: order.fleet, rollout: rollout, kind: .install, product: try ProductName("ruff"),
            release: try ReleaseName("0.12.1"), actions: try tree().root, count: 5, windows: order.windows,
            restartAllowed: false, issued: time, expires: time + .seconds(86_400))
    }

    /// The install order under the operator's approval.
    static func approved(by signer: TestSigner) throws -> Order {
        var order = try install()
        order.options = [:]
        guard let proof = try tree().proof(at: 3) else { throw RecordError.badProof }
        order.approval = OrderApproval(signed: try approval().signed(by: signer), proof: proof)
        return order
    }

    /// A report of an order that was not above the highest one.
    static func stale() throws -> Report {
        Report(
            agent: agent, incarnation: 3, counter: 19, time: time, fleet: try FleetName("north"),
            attack: AttackSeen(.replay, "order 1.30 after 1.42"), newestOrder: [1, 2, 3])
    }

    static func facts() throws -> ClientFacts {
        ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, programBits: 32,
            osName: "Debian GNU/Linux 13", kernel: "6.12.0", hostname: "desk-7", agentVersion: try Version("0.1.0"),
            isRoot: true, autodeploy: .noreboot, scheduler: .process, passwordAccess: .generate,
            freeSpace: ByteCount(5_000_000_000), sessions: 2, installed: try installed(),
            pinned: [try ProductName("uv")], locked: [try ProductName("black")],
            rejected: [RejectedRelease(product: try ProductName("ruff"), release: try ReleaseName("0.11.9"))],
            identityChanged: false)
    }

    static func installed() throws -> [InstalledPackage] {
        [
            InstalledPackage(
                product: try ProductName("ruff"), release: try ReleaseName("0.12.0"), line: try LineName("0"),
                counter: 11, path: try TargetPath("ruff/0.12.0/linux-x86_64-glibc/ruff.tar.gz"),
                sha256: try SHA256Digest(bytes: Array(64..<96))),
            InstalledPackage(product: try ProductName("zstd"), release: try ReleaseName("1.5.7"), source: .dpkg),
        ]
    }

    static func succeeded() throws -> Report {
        Report(
            agent: agent, incarnation: 3, counter: 17, time: time, fleet: try FleetName("north"), action: action,
            state: .succeeded, installed: try installed(), detail: "ruff 0.12.1 answers",
            orderSequence: OrderSequence(epoch: 1, number: 42))
    }

    static func refused() throws -> Report {
        Report(
            agent: agent, incarnation: 3, counter: 18, time: time, fleet: try FleetName("north"), action: action,
            state: .refused, reasons: [Reason(.os32Bit), Reason(.diskSpace, "1 GB are needed and 5 MB are free")],
            notes: [Note(.schedulerNotService)], facts: try facts(), attack: AttackSeen(.hashMismatch, "other bytes"),
            orderSequence: OrderSequence(epoch: 1, number: 42))
    }

    static func revocations() throws -> RevocationList {
        try RevocationList(
            fleet: try FleetName("north"), number: 5, issued: time, nodes: [agent, NodeID(high: 0, low: 1)],
            serials: [[1, 2, 3], Array(1...20)])
    }

    static func segment() -> RevocationSegment {
        RevocationSegment([NodeID(high: 9, low: 1), NodeID(high: 2, low: .max), NodeID(high: .max, low: 0)])
    }

    static func manyRevocations() throws -> RevocationList {
        try RevocationList(
            fleet: try FleetName("north"), number: 6, issued: time, nodes: [agent],
            segments: [
                RevocationSegment.Reference(
                    role: Role.agent.rawValue, count: 3, sha256: try SHA256Digest(bytes: SHA256.hash(segment().bytes))),
                RevocationSegment.Reference(
                    role: Role.spoke.rawValue, count: RecordLimits.segmentIDs,
                    sha256: try SHA256Digest(bytes: Array(0..<32))),
            ])
    }

    static func joinRequest() throws -> JoinRequestBody {
        JoinRequestBody(csr: [0x30, 1, 2, 3], name: try NodeName("desk-7"), reportKey: [0x30, 9, 9], role: .agent)
    }

    static func joinAnswer() throws -> JoinAnswerBody {
        JoinAnswerBody(
            id: agent, fleet: try FleetName("north"), chain: [[0x30, 1], [0x30, 2]], roots: [[0x30, 3]],
            orderKey: [0x30, 4], catalogRoot: Array("{}".utf8), time: time)
    }
}
