"""State folders of the hub and of a spoke as the first release left them; later releases must read them and mean the same.

The samples in Tests/Golden/state were made by the real programs, with `python3 Tests/EndToEnd/golden.py` at that release. They
are never made again: a sample that exists is left alone, and a later release adds its own beside it. No private key is among
them (`identity/`, `admin.token` and `ca.pem` are left out), so each test supplies those of a fleet of its own.
"""

import contextlib
import json
import pathlib
import platform
import shutil
import sqlite3
import ssl
import sys
import tempfile
import time
import urllib.request

from world import ROOT, PRODUCT, World, require, test, wait_for

GOLDEN = ROOT / "Tests/Golden/state"
# What is made anew, by a program or by the test: keys, and what belongs to one run.
LEFT_OUT = ("identity", "admin.token", "ca.pem", "lock", "listen.json")


def take(sample, state):
    """Copies a sample over a state folder, with the permissions that a daemon's own files have: Git keeps none."""
    shutil.copytree(sample, state, dirs_exist_ok=True)
    state.chmod(0o700)
    for path in state.rglob("*"):
        path.chmod(path.stat().st_mode & (0o7700 if path.suffix == ".db" else 0o7755))


def tables(path):
    """How many rows each table of a database has."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def same(now, then, where="answer"):
    """Today's answer says all that the answer of then said; it may say more."""
    if isinstance(then, dict):
        require(isinstance(now, dict), f"{where} is no object: {now!r}")
        for key, value in then.items():
            require(key in now, f"{where} has no {key} any more")
            same(now[key], value, f"{where}.{key}")
    elif isinstance(then, list):
        require(isinstance(now, list) and len(now) >= len(then), f"{where} has lost items: {now!r}")
        for number, value in enumerate(then):
            same(now[number], value, f"{where}[{number}]")
    else:
        require(now == then, f"{where} is {now!r}, was {then!r}")


def answers(world):
    """What an operator reads, without what a start or the clock changes."""
    for_clients = []
    for client in world.axle("client", "list", "--all", "--json"):
        for_clients.append({
            key: client[key] for key in ("id", "name", "spoke", "labels", "revoked", "facts") if key in client})
    rollouts = []
    for rollout in world.axle("rollout", "list", "--json"):
        shown = world.axle("rollout", "show", rollout["id"], "--json")
        # What is still open may be missed by now.
        rollouts.append({
            "id": rollout["id"], "file": rollout["file"],
            "actions": [
                {key: action[key] for key in ("id", "client", "product", "release", "state") if key in action}
                for action in shown["actions"] if action["state"] in ("succeeded", "refused")]})
    return {
        "spokes": [
            {key: spoke[key] for key in ("id", "name", "revoked") if key in spoke}
            for spoke in world.axle("spoke", "list", "--all", "--json")],
        "clients": for_clients,
        "packages": [
            {key: package[key] for key in ("path", "product", "release", "sha256", "length", "state", "replicas")
             if key in package}
            for package in world.axle("package", "list", "--json")],
        "releases": [
            {key: release[key] for key in ("product", "release", "line", "counter")}
            for release in world.axle("catalog", "list", "--json")],
        "rollouts": rollouts,
        "tokens": [
            {key: token[key] for key in ("id", "role", "uses") if key in token}
            for token in world.axle("token", "list", "--json")],
        "events": world.events(),
    }


@test
def golden_state_of_the_hub_is_read(world):
    world.hub()
    world.kill("hub")
    for path in world.hub_state.iterdir():
        if path.name not in LEFT_OUT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    sample = GOLDEN / "hub"
    require(min(tables(sample / "hub.db").values()) > 0, "a table of the sample is empty")
    take(sample, world.hub_state)
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False))
    same(answers(world), json.loads((GOLDEN / "hub.json").read_text()))
    require("cannot be served" not in world.log_of("hub"), "the stored catalog was not taken up")
    world.check_log()
    # It goes on from there: a new spoke joins and is told of the packages.
    world.spoke("another")
    wait_for("the new spoke's replicas", lambda: any(
        r["spoke"]["name"] == "another" for p in world.axle("package", "list", "--json") for r in p["replicas"]))
    world.kill("hub")
    world.check_databases()


@test
def golden_state_of_a_spoke_is_read(world):
    world.hub()
    world.spoke()
    world.kill("spoke-site")
    state = world.work / "spoke-site"
    for path in state.iterdir():
        if path.name not in LEFT_OUT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    sample = GOLDEN / "spoke"
    rows = tables(sample / "spoke.db")
    require(min(rows.values()) > 0, f"a table of the sample is empty: {rows}")
    take(sample, state)
    # The public key by which it believes the revocation list and the orders that it keeps.
    shutil.copy(GOLDEN / "spoke-hub-order-key.pem", state / "identity/hub-order-key.pem")
    # What this hub signed is not by that key: its anchors, and the answer to a renewal that the spoke may have had by then.
    for name in ("anchors.cose", "word.cose"):
        (state / "identity" / name).unlink(missing_ok=True)
    world.start("spoke-site", world.commands["spoke-site"])
    # Its pool, with the quota that was set, is what it tells this hub; so are the events that it kept.
    pool = wait_for("the spoke's pool", lambda: [
        pool for pool in world.axle("pool", "list", "--json") if pool["quota"] == 50_000_000])
    require(pool[0]["used"] > 0, f"the packages are gone: {pool}")
    world.wait_event("replicaCorrupt", "no longer holds")
    time.sleep(1)
    require(world.processes["spoke-site"].poll() is None, "the spoke ended")
    world.kill("spoke-site")
    left = tables(state / "spoke.db")
    require(left["replicas"] >= rows["replicas"] and left["agents"] == rows["agents"], f"{rows} became {left}")
    world.check_databases()


# MARK: making


def strip(state, target):
    """Copies a state folder without keys; databases in one file."""
    shutil.copytree(state, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for path in target.rglob("*.db"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if path.name == "hub.db":
                # Of the machine that made the sample nothing is told.
                database.execute("UPDATE facts SET facts = json_set(facts, '$.kernel', '6.1', '$.hostname', 'host')")
                database.commit()
            if path.name == "spoke.db":
                kernel = platform.release().encode()
                for number, signed in database.execute("SELECT number, signed FROM reports").fetchall():
                    other = signed.replace(kernel, b"6.1".ljust(len(kernel), b"0"))
                    database.execute("UPDATE reports SET signed = ? WHERE number = ?", (other, number))
                database.commit()
            database.execute("VACUUM")
        for suffix in ("-wal", "-shm"):
            pathlib.Path(str(path) + suffix).unlink(missing_ok=True)


def refresh_with_key(world):
    """A change with an idempotency key, as a script makes it."""
    token = (world.hub_state / "admin.token").read_text().strip()
    request = urllib.request.Request(
        f"{world.api}/v1/catalog/refresh", method="POST",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "golden"})
    context = ssl.create_default_context(cafile=str(world.hub_state / "ca.pem"))
    with urllib.request.urlopen(request, timeout=30, context=context) as answer:
        require(answer.status == 202, f"status {answer.status}")


def make(world):
    """A small fleet that leaves something in every table of hub and spoke."""
    if (GOLDEN / "hub").exists() or (GOLDEN / "spoke").exists():
        sys.exit("the samples are there; they are never made again")
    vendor = world.vendor("1.0", "2.0")
    vendor.sign("--expires", "30000d", "--timestamp-expires", "30000d")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    refresh_with_key(world)
    world.spoke()
    for name in ("box", "away", "third", "gone"):
        world.agent(name, config="{ autodeploy: 'no' }" if name == "third" else "{}")
    world.wait_verified(2)
    world.wait_connected(4)
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", "50MB")
    world.axle("client", "label", "box", "floor=2")
    world.axle("client", "revoke", "gone", "--confirm", "gone")
    world.wait_rollout(world.roll_out(PRODUCT, "1.0", ["box", "third"]), {"box": "succeeded", "third": "refused"})
    world.token("agent", spoke="site")
    # The spoke keeps an order for one that is away, and reports while the hub is.
    world.kill("agent-away")
    opens = time.time() + 6
    rollout = world.plan("second", "2.0", world.window(6, 86400))
    world.wait_rollout(rollout, {"box": "waitingForWindow", "away": "offered"})
    world.kill("hub")
    wait_for("the install", lambda: time.time() > opens and world.tool_says("box") == "2.0")
    world.kill("agent-box")
    world.kill("agent-third")
    # And an event of its own: a package of its pool is gone.
    time.sleep(1)
    world.kill("spoke-site")
    package = next(
        p for p in vendor.catalog.rglob("*") if p.is_file() and "/1.0/" in str(p)).name.split(".")[0]
    held = [p for p in (world.work / "spoke-site/pool").rglob("*") if p.is_file() and package in p.name]
    require(len(held) == 1, f"the package in the pool: {held}")
    held[0].unlink()
    world.start("spoke-site", world.commands["spoke-site"])
    spoke = world.work / "spoke-site/spoke.db"
    wait_for("the event", lambda: tables(spoke)["events"])
    world.kill("spoke-site")
    # The hub keeps orders for a spoke that is away.
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False))
    world.axle("rollout", "stop", rollout)
    wait_for("the orders", lambda: tables(world.hub_state / "hub.db")["order_outbox"])
    said = answers(world)
    world.kill("hub")
    said["events"] = said["events"][:20]
    for client in said["clients"]:
        client["facts"].update(kernel="6.1", hostname="host")
    for state, name in ((world.hub_state, "hub"), (world.work / "spoke-site", "spoke")):
        strip(state, GOLDEN / name)
        for path in (GOLDEN / name).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        print(name, tables(GOLDEN / name / f"{name}.db"))
    shutil.copy(world.work / "spoke-site/identity/hub-order-key.pem", GOLDEN / "spoke-hub-order-key.pem")
    (GOLDEN / "hub.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="axle-golden-") as folder:
        fleet = World(pathlib.Path(folder), pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".build/debug", "golden")
        try:
            make(fleet)
        finally:
            fleet.clean()
