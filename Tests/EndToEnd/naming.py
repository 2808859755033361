"""Names of members and rollouts, and the ways in which an operator gets one wrong."""

import stat

from world import PRODUCT, contains, require, test, wait_for


def names(world, kind, *more):
    items = world.axle(kind, "list", *more, "--json")
    return [item["file"]["name"] if kind == "rollout" else item["name"] for item in items]


@test
def a_rollout_is_deleted_and_its_name_is_free(world):
    world.small("1.0")
    file = world.work / "r.json5"
    file.write_text(f'{{name: "r", product: "{PRODUCT}", release: "1.0", select: {{all: true}}}}')
    contains(world.axle("rollout", "create", file, "--dry-run"), "box")
    require(names(world, "rollout") == [], "a dry run made a rollout")
    world.axle("rollout", "create", file)
    contains(world.refused_axle("rollout", "create", file), "there is a rollout r already", "axle rollout delete r")
    world.axle("rollout", "start", "r")
    world.axle("rollout", "watch", "r")
    world.axle("rollout", "delete", "r")
    require(names(world, "rollout") == [], "the rollout is still there")
    contains(world.refused_axle("rollout", "show", "r"), "there is no rollout r")
    world.axle("rollout", "create", file)
    # The hub goes on with its machines, and they with it, after a restart.
    world.restart("hub")
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    require(names(world, "rollout") == ["r"], "the second rollout of the name is gone")
    file.write_text(f'{{name: "s", product: "{PRODUCT}", release: "1.0", select: {{names: ["bxo"]}}}}')
    contains(world.refused_axle("rollout", "create", file), "there is no client bxo", "did you mean box?")


@test
def the_example_of_a_rollout_file_is_taken(world):
    world.small("1.0")
    world.axle("client", "label", "box", "ring=canary")
    world.axle("spoke", "rename", "site", "north")
    text = world.axle("rollout", "create", "--example")
    file = world.work / "example.json5"
    file.write_text(text.replace('product: "ruff"', f'product: "{PRODUCT}"').replace('release: "0.12.1"', 'release: "1.0"'))
    contains(world.axle("rollout", "create", file, "--dry-run"), "box")


@test
def a_machine_that_comes_back_has_its_name(world):
    world.small("1.0")
    world.axle("client", "label", "box", "ring=canary")
    # Installed anew, with a token that replaces the old identity.
    file = world.work / "box.token"
    said = world.run(
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token", "token", "create", "--role", "agent", "--replaces", "box", "--out", file)
    require(said.stdout == "", f"the token was printed: {said.stdout}")
    require(stat.S_IMODE(file.stat().st_mode) == 0o600, "others can read the token")
    world.secrets.append(file.read_text().strip().split(".")[2])
    contains(world.refused_axle("token", "create", "--role", "agent", "--out", file), "cannot be made")
    world.run(
        world.program("axle-agent"), "join", "--state", world.work / "agent-again", "--spoke", world.addresses["site"],
        "--token-file", file, "--name", "whatever")
    world.start("agent-again", [world.program("axle-agent"), "run", "--state", str(world.work / "agent-again")])
    wait_for("the new machine", lambda: any(
        c["connected"] and not c.get("revoked") for c in world.axle("client", "list", "--json") if c["name"] == "box"), 60)
    require(names(world, "client") == ["box"], "the revoked identity is listed")
    require(sorted(names(world, "client", "--all")) == ["box", "box-revoked"], "the old identity is gone")
    require(world.axle("client", "show", "box", "--json")["labels"] == {"ring": "canary"}, "the labels are gone")
    wait_for("the facts of the new machine", lambda: world.axle("client", "show", "box", "--json").get("facts"), 60)
    contains(world.axle("client", "explain", "box", PRODUCT, "1.0"), "box may get")
    world.axle("client", "remove", "box-revoked", "--confirm", "box-revoked")
    require(names(world, "client", "--all") == ["box"], "the old identity is still there")
    # What was removed stays revoked.
    before = len(world.events())
    world.restart("agent-box")
    wait_for("the removed machine to be refused", lambda: "revoked" in world.log_of("agent-box") or any(
        "not known" in e["text"] or "revoked" in e["text"] for e in world.events()[before:]), 60)
    require([c["connected"] for c in world.axle("client", "list", "--all", "--json")] == [True], "it is in again")


@test
def a_join_at_the_wrong_port_names_the_right_one(world):
    world.hub()
    address = world.spoke()
    for program, option, wrong, role, words in [
        ("axle-agent", "--spoke", world.hub_address, "agent", ["that is the hub", "7441"]),
        ("axle-spoke", "--hub", address, "spoke", ["that is a spoke", "7440"]),
    ]:
        world.refused(
            world.program(program), "join", "--state", world.work / f"lost-{role}", option, wrong, "--token-file", "-",
            "--name", "lost", stdin=world.token(role), words=words)
    world.axle("spoke", "revoke", "site", "--confirm", "site")
    contains(world.refused_axle("token", "create", "--role", "agent", "--spoke", "site"), "site has been revoked")
