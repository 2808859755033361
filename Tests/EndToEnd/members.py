"""Joining and leaving: tokens, roles, revocation, secrets."""

import contextlib
import sqlite3

from world import contains, free_port, require, test, wait_for


def join(world, role, name, token, *more, address=None, status=1, words=()):
    """A join that must be refused."""
    upstream = ["--hub", address or world.hub_address] if role == "spoke" else ["--spoke", address]
    return world.refused(
        world.program(f"axle-{role}"), "join", "--state", world.work / name, *upstream, "--token-file", "-",
        "--name", name, *more, stdin=token, status=status, words=words)


def rejoin(world, role, name, token, address):
    """A folder that a refused join left behind takes a good token."""
    upstream = ["--hub", address] if role == "spoke" else ["--spoke", address]
    world.run(
        world.program(f"axle-{role}"), "join", "--state", world.work / name, *upstream, "--token-file", "-",
        "--name", name, stdin=token)


@test
def token_reused(world):
    world.hub()
    token = world.token("spoke")
    world.run(
        world.program("axle-spoke"), "join", "--state", world.work / "first", "--hub", world.hub_address,
        "--token-file", "-", "--name", "first", stdin=token)
    join(world, "spoke", "second", token, words=["token", "used up"])
    world.wait_event("joinRefused", "token")
    require([s["name"] for s in world.axle("spoke", "list", "--all", "--json")] == ["first"], "a used token let a spoke in")
    rejoin(world, "spoke", "second", world.token("spoke"), world.hub_address)


@test
def token_expired(world):
    world.hub()
    token = world.token("spoke")
    world.kill("hub")
    # The shortest life is a minute; the hub's own record is what a test can set back.
    with contextlib.closing(sqlite3.connect(next(world.hub_state.glob("*.db")))) as database:
        database.execute("UPDATE token SET expires = expires - 3600000")
        database.commit()
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    join(world, "spoke", "late", token, words=["expired", "make a new one"])
    require(world.axle("spoke", "list", "--all", "--json") == [], "an expired token let a spoke in")


@test
def token_of_the_wrong_role(world):
    world.hub()
    address = world.spoke()
    join(world, "spoke", "odd", world.token("agent"), words=["agent"])
    join(world, "agent", "odd-agent", world.token("spoke"), address=address, words=["spoke"])
    # An agent does not join at the hub itself.
    join(world, "agent", "direct", world.token("agent"), address=world.hub_address)
    require(world.axle("client", "list", "--all", "--json") == [], "a wrong token let an agent in")


@test
def token_damaged_or_missing(world):
    world.hub()
    good = world.token("spoke")
    join(world, "spoke", "empty", "", words=["token"])
    join(world, "spoke", "noise", "axle1.no.token", words=["token"])
    join(world, "spoke", "cut", good[:-8], words=["token"])
    world.refused(
        world.program("axle-spoke"), "join", "--state", world.work / "x", "--hub", world.hub_address, "--token-file",
        world.work / "nowhere", words=["nowhere"])
    # Another fleet's pin: the first contact is refused before anything is told.
    other = good.rsplit(".", 1)[0] + "." + "A" * 43
    join(world, "spoke", "pinned", other)
    # And the token is still good.
    rejoin(world, "spoke", "good", good, world.hub_address)


@test
def token_bound_to_another_spoke(world):
    world.hub()
    north = world.spoke("north")
    world.spoke("south")
    token = world.token("agent", spoke="south")
    join(world, "agent", "stray", token, address=north, words=["another spoke"])
    world.wait_event("joinRefused", "another spoke")
    require(world.axle("client", "list", "--all", "--json") == [], "a token of another spoke let an agent in")


@test
def nobody_there_to_join(world):
    world.hub()
    token = world.token("spoke")
    join(world, "spoke", "alone", token, address=f"127.0.0.1:{free_port()}")
    rejoin(world, "spoke", "alone", token, world.hub_address)


@test
def revoked_client_gets_no_session(world):
    world.small("1.0", agents=("box", "other"))
    world.axle("client", "revoke", "box", "--confirm", "box")
    wait_for(
        "the spoke to drop the revoked agent",
        lambda: "revoked" in world.log_of("agent-box"), 30)
    world.restart("agent-box")
    before = len(world.log_of("agent-box"))
    wait_for("the agent to be refused again", lambda: "revoked" in world.log_of("agent-box")[before:], 30)
    world.restart("spoke-site")
    clients = wait_for("the other to be back", lambda: {
        c["name"]: c for c in world.axle("client", "list", "--all", "--json")
        if c["name"] != "other" or c["connected"]}.get("other") and world.axle("client", "list", "--all", "--json"), 30)
    box = next(c for c in clients if c["name"] == "box")
    require(not box["connected"] and box.get("revoked"), f"a revoked client is shown as {box}")
    rollout = world.roll_out("tool", "1.0")
    world.wait_rollout(rollout, {"other": "succeeded"})
    require(world.tool_says("box") is None, "a revoked client was given a package")


@test
def revoked_spoke_gets_no_session(world):
    world.hub()
    world.spoke("north")
    world.spoke("south")
    connected = lambda: {s["name"]: s["connected"] for s in world.axle("spoke", "list", "--all", "--json")}
    wait_for("two spokes", lambda: connected() == {"north": True, "south": True}, 30)
    world.axle("spoke", "revoke", "north", "--confirm", "north")
    wait_for("the session to end", lambda: connected() == {"north": False, "south": True}, 30)
    world.restart("spoke-north")
    wait_for("the spoke to be refused", lambda: "revoked" in world.log_of("spoke-north"), 30)
    world.restart("hub")
    wait_for("the hub to be back", lambda: world.axle("spoke", "list", "--all", "--json", check=False), 30)
    wait_for("the other spoke", lambda: connected() == {"north": False, "south": True}, 40)
    contains(world.axle("spoke", "list", "--all"), "revoked")


@test
def secrets_stay_out_of_arguments_and_logs(world):
    """The runner's watch sees every command line meanwhile; here are the ways that a person could ask for them."""
    world.hub()
    world.spoke()
    world.agent()
    world.wait_connected(1)
    said = [
        world.axle("token", "list"), world.axle("log"), world.axle("status"), world.axle("client", "show", "box"),
        world.axle("token", "list", "--json") and world.run(
            world.program("axle"), "--help").stdout]
    for secret in world.secrets:
        require(all(secret not in text for text in said), "a secret is shown again")
    events = str(world.events())
    require(all(secret not in events for secret in world.secrets), "a secret is in the activity log")
    for path in (*world.hub_state.rglob("*.key"), world.hub_state / "admin.token"):
        require(path.stat().st_mode & 0o77 == 0, f"{path} can be read by others")
    for state in ("spoke-site", "agent-box"):
        for path in (world.work / state).rglob("*.key"):
            require(path.stat().st_mode & 0o77 == 0, f"{path} can be read by others")
    # A stranger without the admin token is told nothing.
    token = world.work / "wrong.token"
    token.write_text("0" * 64 + "\n")
    world.refused(
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file", token, "status",
        words=["token"])
