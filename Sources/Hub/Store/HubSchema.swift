import Model
import SQLite

/// The hub's database: the numbered steps that make it. A released step is never changed.
///
/// Ids are 16 bytes, hashes 32, times milliseconds since 1970, states the stable numbers of Model; JSON only where nothing is searched for.
enum HubSchema {
    /// "AXHU".
    static let migrations = Migrations(
        applicationID: 0x4158_4855,
        steps: [
            first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth,
            thirteenth, fourteenth, fifteenth,
        ])

    /// What a newer release may have written before the machine went back to this one. What acts on machines waits for a person.
    static let unknown = [
        UnknownValues(
            "package", "state", PackageState.self, .set("state = \(PackageState.announced.rawValue), held = 0"),
            "states of packages; they are looked for in the pool, or fetched again"),
        UnknownValues(
            "replica", "state", ReplicaState.self,
            .set("state = \(ReplicaState.pending.rawValue), held = 0, acknowledged = 0"),
            "states of replicas; their spokes say them anew"),
        UnknownValues(
            "replica", "means", TransferMeans.self, .set("means = NULL, wire = NULL, reason = NULL"),
            "ways in which replicas came; left out"),
        UnknownValues(
            "patch", "means", TransferMeans.self, .remove,
            "patches of an unknown kind go; others are made where they help"),
        UnknownValues("patch", "state", PatchState.self, .remove, "states of patches; they are made again"),
        UnknownValues(
            "pool", "access", PoolAccess.self, .set("access = \(PoolAccess.readOnly.rawValue)"),
            "pools with an unknown access are read-only until somebody sets it"),
        UnknownValues(
            "pool", "wanted_access", PoolAccess.self, .set("wanted_access = NULL"), "wished accesses; forgotten"),
        UnknownValues("token", "role", Role.self, .remove, "tokens for an unknown role go"),
        UnknownValues(
            "revocation", "role", Role.self, .set("role = \(Role.agent.rawValue)"),
            "revoked members of an unknown role; they stay revoked"),
        UnknownValues(
            "segment", "role", Role.self, .set("role = \(Role.agent.rawValue)"),
            "segments of revoked members of an unknown role; they stay revoked"),
        UnknownValues(
            "rollout", "state", RolloutState.self, .set("state = \(RolloutState.paused.rawValue)"),
            "rollouts in an unknown state are paused: look at them, then resume or stop them"),
        UnknownValues(
            "wave", "state", WaveState.self, .set("state = \(WaveState.failed.rawValue), soak_ends = NULL"),
            "waves in an unknown state count as failed"),
        UnknownValues(
            "action", "state", ActionState.self, .set("state = \(ActionState.uncertain.rawValue), deadline = NULL"),
            "actions in an unknown state are uncertain until their machines report, or somebody frees them"),
    ]

    /// Which reports came, which order a spoke has, and what operators signed.
    private static let second = """
        ALTER TABLE report_counter ADD COLUMN ledger BLOB;
        ALTER TABLE spoke ADD COLUMN order_epoch INTEGER;
        ALTER TABLE spoke ADD COLUMN order_number INTEGER;
        ALTER TABLE rollout ADD COLUMN approval BLOB;
        """

    private static let first = """
        CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE sequence (
            id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
        INSERT INTO sequence VALUES (1, 1, 0);
        CREATE TABLE token (
            id BLOB PRIMARY KEY, secret BLOB NOT NULL, role INTEGER NOT NULL, spoke BLOB, uses INTEGER NOT NULL,
            uses_left INTEGER NOT NULL CHECK (uses_left >= 0), created INTEGER NOT NULL, expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE spoke (
            id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, joined INTEGER NOT NULL, revoked INTEGER,
            connected INTEGER NOT NULL, since INTEGER, program TEXT NOT NULL, last_event INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE client (
            id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, spoke BLOB NOT NULL REFERENCES spoke, labels TEXT NOT NULL,
            report_key BLOB NOT NULL, joined INTEGER NOT NULL, revoked INTEGER, connected INTEGER NOT NULL,
            since INTEGER, last_report INTEGER, incarnation INTEGER) STRICT, WITHOUT ROWID;
        CREATE INDEX client_by_spoke ON client (spoke, name);
        CREATE TABLE facts (
            client BLOB PRIMARY KEY REFERENCES client, time INTEGER NOT NULL, facts TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE report_counter (
            client BLOB NOT NULL REFERENCES client, incarnation INTEGER NOT NULL, counter INTEGER NOT NULL,
            PRIMARY KEY (client, incarnation)) STRICT, WITHOUT ROWID;
        CREATE TABLE certificate (
            id INTEGER PRIMARY KEY, serial BLOB NOT NULL UNIQUE, node BLOB NOT NULL, role INTEGER NOT NULL,
            issued INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
        CREATE INDEX certificate_by_node ON certificate (node);
        CREATE TABLE catalog (
            id INTEGER PRIMARY KEY CHECK (id = 1), url TEXT NOT NULL, root BLOB NOT NULL, timestamp INTEGER NOT NULL,
            expires INTEGER, refreshed INTEGER, next_refresh INTEGER, failures INTEGER NOT NULL, error TEXT) STRICT;
        CREATE TABLE package (
            path TEXT PRIMARY KEY, product TEXT NOT NULL, release TEXT NOT NULL, sha256 BLOB NOT NULL,
            package TEXT NOT NULL, state INTEGER NOT NULL, held INTEGER NOT NULL, announced INTEGER NOT NULL,
            changed INTEGER NOT NULL, error TEXT, failures INTEGER NOT NULL, next_try INTEGER) STRICT, WITHOUT ROWID;
        CREATE INDEX package_by_release ON package (product, release);
        CREATE INDEX package_by_state ON package (state, path);
        CREATE INDEX package_by_next_try ON package (next_try) WHERE next_try IS NOT NULL;
        CREATE TABLE replica (
            spoke BLOB NOT NULL REFERENCES spoke, path TEXT NOT NULL, sha256 BLOB NOT NULL, state INTEGER NOT NULL,
            held INTEGER NOT NULL, text TEXT, acknowledged INTEGER NOT NULL, changed INTEGER NOT NULL,
            PRIMARY KEY (spoke, path)) STRICT, WITHOUT ROWID;
        CREATE INDEX replica_by_path ON replica (path);
        CREATE INDEX replica_wanted ON replica (spoke, path) WHERE acknowledged = 0;
        CREATE TABLE pool (
            node BLOB NOT NULL, name TEXT NOT NULL, quota INTEGER NOT NULL, used INTEGER NOT NULL,
            reserved INTEGER NOT NULL, free INTEGER NOT NULL, wanted INTEGER, reported INTEGER NOT NULL,
            PRIMARY KEY (node, name)) STRICT, WITHOUT ROWID;
        CREATE TABLE rollout (
            ordinal INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, specification TEXT NOT NULL,
            state INTEGER NOT NULL, windows TEXT NOT NULL, created INTEGER NOT NULL, started INTEGER, ended INTEGER,
            text TEXT) STRICT;
        CREATE INDEX rollout_by_state ON rollout (state);
        CREATE TABLE wave (
            rollout BLOB NOT NULL REFERENCES rollout (id), number INTEGER NOT NULL, state INTEGER NOT NULL,
            soak INTEGER NOT NULL, began INTEGER, soak_ends INTEGER, PRIMARY KEY (rollout, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX wave_soaking ON wave (soak_ends) WHERE soak_ends IS NOT NULL;
        CREATE TABLE action (
            ordinal INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
            rollout BLOB NOT NULL REFERENCES rollout (id), wave INTEGER NOT NULL, client BLOB NOT NULL,
            spoke BLOB NOT NULL, path TEXT NOT NULL, sha256 BLOB NOT NULL, state INTEGER NOT NULL,
            reasons TEXT NOT NULL, notes TEXT NOT NULL, detail TEXT NOT NULL, sequence INTEGER, expires INTEGER,
            deadline INTEGER, created INTEGER NOT NULL, changed INTEGER NOT NULL) STRICT;
        CREATE INDEX action_by_rollout ON action (rollout, ordinal);
        CREATE INDEX action_count ON action (rollout, wave, state);
        CREATE INDEX action_by_client ON action (client, ordinal);
        CREATE INDEX action_pending ON action (spoke, path, ordinal)
            WHERE state = 1 AND sequence IS NULL;
        CREATE INDEX action_by_deadline ON action (deadline, ordinal) WHERE deadline IS NOT NULL;
        CREATE TABLE order_outbox (
            number INTEGER PRIMARY KEY, action BLOB NOT NULL, client BLOB NOT NULL, spoke BLOB NOT NULL,
            kind INTEGER NOT NULL, expires INTEGER NOT NULL, signed BLOB NOT NULL) STRICT;
        CREATE INDEX order_by_spoke ON order_outbox (spoke, number);
        CREATE INDEX order_by_action ON order_outbox (action);
        CREATE INDEX order_by_expiry ON order_outbox (expires);
        CREATE TABLE event (
            sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, severity INTEGER NOT NULL, code TEXT NOT NULL,
            subject TEXT NOT NULL, text TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
        CREATE TABLE answer (
            key TEXT PRIMARY KEY, request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
            created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """

    /// What members have proved of their identity.
    private static let third = """
        ALTER TABLE certificate ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x'';
        CREATE TABLE standing (
            node BLOB PRIMARY KEY, anchors INTEGER NOT NULL, heard INTEGER NOT NULL, clock_error INTEGER NOT NULL,
            root BLOB NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO standing SELECT node, 0, MAX(issued), 0, x'', MAX(expires) FROM certificate GROUP BY node;
        """

    /// Patches between releases, and how each replica came.
    private static let fourth = """
        CREATE TABLE patch (
            new BLOB NOT NULL, old BLOB NOT NULL, new_path TEXT NOT NULL, old_path TEXT NOT NULL,
            state INTEGER NOT NULL, sha256 BLOB UNIQUE, length INTEGER NOT NULL, problem TEXT,
            failures INTEGER NOT NULL, next_try INTEGER, wished INTEGER NOT NULL, changed INTEGER NOT NULL,
            used INTEGER NOT NULL, PRIMARY KEY (new, old)) STRICT, WITHOUT ROWID;
        CREATE INDEX patch_by_next_try ON patch (next_try) WHERE next_try IS NOT NULL;
        ALTER TABLE replica ADD COLUMN means INTEGER;
        ALTER TABLE replica ADD COLUMN wire INTEGER;
        ALTER TABLE replica ADD COLUMN reason TEXT;
        """

    /// How fast links may be used.
    private static let fifth = """
        CREATE TABLE link (
            spoke BLOB PRIMARY KEY REFERENCES spoke, rule TEXT, agent_rule TEXT) STRICT, WITHOUT ROWID;
        """

    /// What has passed over links.
    private static let sixth = """
        ALTER TABLE link ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE link ADD COLUMN received INTEGER NOT NULL DEFAULT 0;
        """

    /// What pools may be used for, and what the plan took from them.
    private static let seventh = """
        ALTER TABLE pool ADD COLUMN access INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE pool ADD COLUMN wanted_access INTEGER;
        CREATE TABLE prune (
            node BLOB NOT NULL, path TEXT NOT NULL, sha256 BLOB NOT NULL, text TEXT NOT NULL, done INTEGER NOT NULL,
            asked INTEGER NOT NULL, PRIMARY KEY (node, path)) STRICT, WITHOUT ROWID;
        """

    /// Chunk deltas beside patches.
    private static let eighth = """
        CREATE TABLE patch_by_means (
            new BLOB NOT NULL, old BLOB NOT NULL, means INTEGER NOT NULL, new_path TEXT NOT NULL,
            old_path TEXT NOT NULL, state INTEGER NOT NULL, sha256 BLOB UNIQUE, length INTEGER NOT NULL, problem TEXT,
            failures INTEGER NOT NULL, next_try INTEGER, wished INTEGER NOT NULL, changed INTEGER NOT NULL,
            used INTEGER NOT NULL, PRIMARY KEY (new, old, means)) STRICT, WITHOUT ROWID;
        INSERT INTO patch_by_means SELECT new, old, 3, new_path, old_path, state, sha256, length, problem, failures,
            next_try, wished, changed, used FROM patch;
        DROP TABLE patch;
        ALTER TABLE patch_by_means RENAME TO patch;
        CREATE INDEX patch_by_next_try ON patch (next_try) WHERE next_try IS NOT NULL;
        """

    /// Several pools at one hub or spoke: those whose disks are gone, and what lies where.
    private static let ninth = """
        ALTER TABLE pool ADD COLUMN problem TEXT;
        CREATE TABLE place (
            node BLOB NOT NULL, path TEXT NOT NULL, pool TEXT NOT NULL, reason TEXT,
            PRIMARY KEY (node, path)) STRICT, WITHOUT ROWID;
        """

    /// The last check of each pool.
    private static let tenth = """
        CREATE TABLE pool_check (
            node BLOB NOT NULL, pool TEXT NOT NULL, reads_data INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER,
            said BLOB NOT NULL, PRIMARY KEY (node, pool)) STRICT, WITHOUT ROWID;
        """

    /// What of each replica's last object has been counted.
    private static let eleventh = """
        ALTER TABLE replica ADD COLUMN object BLOB;
        ALTER TABLE replica ADD COLUMN object_bytes INTEGER NOT NULL DEFAULT 0;
        """

    /// When a peer says that an event happened, and which incarnation of an agent was heard last.
    private static let twelfth = """
        ALTER TABLE event ADD COLUMN peer_time INTEGER;
        ALTER TABLE report_counter ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
        """

    /// The parts of the revocation list. A revocation ends with the offline horizon, 45 days, after the node's last certificate; of a node without one a
    /// year is assumed.
    private static let thirteenth = """
        CREATE TABLE revocation (
            node BLOB PRIMARY KEY, role INTEGER NOT NULL, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX revocation_by_end ON revocation (ends);
        CREATE TABLE segment (
            id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, role INTEGER NOT NULL, count INTEGER NOT NULL,
            ends INTEGER NOT NULL, ids BLOB NOT NULL) STRICT;
        INSERT INTO revocation SELECT id, 2, COALESCE(
            (SELECT MAX(expires) FROM certificate WHERE node = spoke.id), revoked + 31536000000) + 3888000000
            FROM spoke WHERE revoked IS NOT NULL;
        INSERT INTO revocation SELECT id, 3, COALESCE(
            (SELECT MAX(expires) FROM certificate WHERE node = client.id), revoked + 31536000000) + 3888000000
            FROM client WHERE revoked IS NOT NULL;
        """

    /// Rollouts by name, tokens for a machine that comes back, and who caused a line of the log.
    private static let fourteenth = """
        ALTER TABLE rollout ADD COLUMN name TEXT;
        UPDATE rollout SET name = json_extract(specification, '$.name');
        CREATE INDEX rollout_by_name ON rollout (name);
        ALTER TABLE token ADD COLUMN replaces BLOB;
        ALTER TABLE event ADD COLUMN actor TEXT;
        """

    /// Why rollouts pause, what a person accepted by resuming them, what spokes lack space for, alarms, and indexes for
    /// the figures of the whole fleet.
    private static let fifteenth = """
        ALTER TABLE rollout ADD COLUMN cause TEXT;
        ALTER TABLE wave ADD COLUMN accepted TEXT;
        ALTER TABLE replica ADD COLUMN lacking INTEGER;
        CREATE TABLE alarm (
            subject BLOB NOT NULL, code TEXT NOT NULL, began INTEGER NOT NULL, seen INTEGER NOT NULL, text TEXT NOT NULL,
            PRIMARY KEY (subject, code)) STRICT, WITHOUT ROWID;
        CREATE INDEX alarm_by_code ON alarm (code, seen);
        CREATE INDEX client_live ON client (spoke, connected, revoked) WHERE revoked IS NULL;
        CREATE INDEX client_heard ON client (COALESCE(last_report, joined)) WHERE revoked IS NULL;
        CREATE INDEX standing_clock ON standing (node) WHERE clock_error <> 0;
        CREATE INDEX standing_by_end ON standing (expires);
        CREATE INDEX replica_lacking ON replica (spoke, path) WHERE lacking IS NOT NULL;
        CREATE INDEX action_uncertain ON action (ordinal) WHERE state = 20;
        CREATE INDEX action_by_change ON action (rollout, changed);
        CREATE INDEX rollout_by_end ON rollout (ended) WHERE ended IS NOT NULL;
        """
}
