import Model
import Protocol

/// One example of every message and frame, the same in golden samples, in the recorded session and in the chunking test.
enum MessageSamples {
    static let node = NodeID(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)
    static let action = ActionID(high: 0x1011_1213_1415_1617, low: 0x1819_1a1b_1c1d_1e1f)
    static let token = TokenID(high: 0x2021_2223_2425_2627, low: 0x2829_2a2b_2c2d_2e2f)
    static let time = UnixTime(milliseconds: 1_790_000_000_123)
    static let bytes32 = (0..<32).map { UInt8($0) }
    static let signed = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 3) }

    static let all: [Message] = {
        do { return try made() } catch { preconditionFailure("the samples: \(error)") }
    }()

    private static func made() throws -> [Message] {
        let path = try TargetPath("ruff/0.9.1/linux-x86_64-glibc/ruff.tar")
        let hash = try SHA256Digest(bytes: bytes32)
        let pool = try NodeName("default")
        return [
            .error(ErrorReply(code: .busy, text: "too many transfers", retryAfterSeconds: 30)),
            .ok(OK()),
            .fetchMetadata(FetchMetadata(name: "7.ruff.json")),
            .content(Content(length: 12_345_678, offset: 65_536)),
            .fetchPackage(FetchPackage(path: path, sha256: hash, length: 12_345_678, offset: 65_536)),
            .order(OrderMessage(agent: node, action: action, kind: 1, expires: time, signed: signed)),
            .report(ReportMessage(agent: node, incarnation: 2, counter: 77, signed: signed)),
            .replicate(Replicate(path: path, sha256: hash, length: 12_345_678, priority: .urgent)),
            .replica(Replica(path: path, sha256: hash, state: .transferring, bytesHeld: 65_536, text: "12 % done")),
            .catalogChanged(CatalogChanged(timestampVersion: 42)),
            .presence(Presence(agent: node, isConnected: true, since: time)),
            .poolStatus(
                PoolStatus(pool: pool, quota: 10_000_000_000, used: 5, reserved: 6, freeOnDisk: 20_000_000_000)),
            .setQuota(SetQuota(pool: pool, quota: 10_000_000_000)),
            .event(
                EventMessage(
                    sequence: 9, time: time, severity: .warning, code: .quotaExceeded, subject: "pool/default",
                    text: "12 MB do not fit")),
            .revocations(Revocations(signed: signed)),
            .joinBegin(JoinBegin(token: token)),
            .joinChallenge(JoinChallenge(nonce: bytes32)),
            .joinRequest(JoinRequest(token: token, nonce: bytes32, body: signed, proof: bytes32)),
            .joinAnswer(JoinAnswer(body: signed, proof: bytes32)),
            .renew(Renew(node: node, signed: signed)),
            .renewed(Renewed(signed: signed)),
            .anchors(Anchors(signed: signed)),
            .fetchPlan(
                FetchPlan(
                    path: path, sha256: hash, length: 12_345_678, bases: [hash, hash], accepts: [.content, .patch])),
            .plan(Plan(means: .patch, sha256: hash, length: 65_536, base: hash)),
            .setLimit(
                SetLimit(
                    schedule: RateSchedule([
                        .init(start: time, rate: try BitRate(bitsPerSecond: 20_000_000)),
                        .init(start: time + .seconds(3600), rate: nil),
                    ]))),
            .evict(Evict(path: path, sha256: hash, content: hash, text: "there are 4 newer releases of line main")),
            .setAccess(SetAccess(pool: pool, access: .readOnly)),
            .checkPool(CheckPool(pool: pool, check: 7, readsData: true)),
            .poolChecked(
                PoolChecked(
                    pool: pool, check: 7, isOver: true, read: 65_536, total: 12_345_678,
                    problems: ["a file is not there"], corrupt: [hash])),
            .shares(
                Shares([
                    Shares.Item(
                        name: pool, product: try ProductName("ruff"), platform: try PlatformName("linux-x86_64-glibc"),
                        folder: "/srv/ruff", state: .published, release: "0.12.1", text: ""),
                    Shares.Item(
                        name: try NodeName("other"), product: try ProductName("uv"), platform: nil, folder: "/srv/uv",
                        state: .failed, release: nil, text: "/srv/uv is not there"),
                ])),
            .completedReleases(
                CompletedReleases([
                    try ProductName("ruff"): [
                        try LineName("0"): try ReleaseName("0.12.1"), try LineName("1"): try ReleaseName("1.0"),
                    ],
                    try ProductName("uv"): [:],
                ])),
        ]
    }

    /// Messages with the fields that they were given after their first sample, by what was added.
    static let widened: [(added: String, message: Message)] = {
        do { return try madeWidened() } catch { preconditionFailure("the widened samples: \(error)") }
    }()

    private static func madeWidened() throws -> [(String, Message)] {
        let path = try TargetPath("ruff/0.9.1/linux-x86_64-glibc/ruff.tar")
        let hash = try SHA256Digest(bytes: bytes32)
        let (main, next) = (try NodeName("main"), try NodeName("next"))
        return [
            ("reportKey", .ok(OK(reportKey: signed))),
            (
                "rules",
                .shares(
                    Shares([
                        Shares.Item(
                            name: main, product: try ProductName("ruff"), platform: nil, folder: "/srv/ruff",
                            state: .waiting, release: nil, text: "no rollout of ruff has completed yet",
                            rule: .completed),
                        Shares.Item(
                            name: next, product: try ProductName("uv"), platform: nil, folder: "/srv/uv",
                            state: .published, release: "0.9.2", text: "", rule: .pinned(try ReleaseName("0.9.2"))),
                    ]))
            ),
            (
                "replicas",
                .order(OrderMessage(agent: node, action: action, kind: 0, expires: time, signed: signed, replicas: 300))
            ),
            (
                "pools",
                .poolStatus(
                    PoolStatus(
                        pool: next, quota: 10_000_000_000, used: 0, reserved: 0, freeOnDisk: 0, access: .unavailable,
                        problem: "/mnt/b is gone; is its disk mounted?", pools: [main, next]))
            ),
            (
                "place",
                .replica(
                    Replica(
                        path: path, sha256: hash, state: .verified, bytesHeld: 1_400_000_000, pool: next,
                        reason: "main has 1.2 GB left and 1.4 GB are needed"))
            ),
            (
                "unpacked",
                .fetchPlan(
                    FetchPlan(
                        path: path, sha256: hash, length: 12_345_678, bases: [], accepts: [.content, .plainChunks],
                        isUnpackedOnly: true))
            ),
        ]
    }

    /// One example of every frame type but `message`, as it goes over the wire.
    static let frames: [(name: String, bytes: [UInt8])] = [
        ("frame-hello", RawFrame.hello(SessionPair.hello(.spoke))),
        ("frame-message", RawFrame.message(1, .ok(OK()), isOpen: true)),
        ("frame-data", RawFrame.data(1, [0xde, 0xad, 0xbe, 0xef], isEnd: true)),
        ("frame-credit", RawFrame.credit(1, 1 << 20)),
        ("frame-ping", RawFrame.ping(1)),
        ("frame-pong", RawFrame.pong(1)),
        ("frame-goAway", RawFrame.goAway(GoAway(.busy, "too many peers", retryAfterSeconds: 60))),
        ("frame-reset", RawFrame.reset(1, ResetCode.cancelled.rawValue)),
    ]
}
