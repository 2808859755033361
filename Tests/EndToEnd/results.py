"""What rollouts came to, why machines wait, and what needs a person, as an operator sees it."""

import json
import shutil

from world import contains, require, test, wait_for


def operator(world, *arguments, timeout=90):
    """Exit status and what an operator's command says."""
    done = world.run(
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token", *arguments, check=False)
    return done.returncode, done.stdout, done.stderr


def warnings(world):
    """The codes of the warnings, and each with its text."""
    _, output, _ = operator(world, "status", "--json")
    return {warning["code"]: warning for warning in json.loads(output)["warnings"]}


@test
def canary_that_rolled_back_does_not_read_like_success(world):
    vendor, _ = world.small("1.0")
    first = world.roll_out("tool", "1.0")
    status, output, _ = operator(world, "rollout", "watch", first)
    require(status == 0, f"a rollout that succeeded everywhere: exit {status}")
    contains(output, "completed: succeeded 1")
    vendor.add("2.0", health=3)
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_verified(2)
    canary = world.roll_out("tool", "2.0")
    status, output, errors = operator(world, "rollout", "watch", canary)
    require(status == 3, f"every machine rolled back: exit {status}")
    contains(output, "failed: succeeded 0, failed 1")
    contains(errors, "axle rollout show")
    status, output, _ = operator(world, "status")
    require(status == 1, f"status exits {status}")
    contains(output, "is failed: succeeded 0, failed 1")
    require("rolloutFailed" in warnings(world), "the warning has its code")
    shown = world.axle("rollout", "show", canary, "--json")["rollout"]
    require(shown["state"] == "failed" and shown["results"]["failed"] == 1, f"the API says {shown}")


@test
def rollout_to_everyone_succeeds_after_its_canary(world):
    world.small("1.0")
    canary = world.roll_out("tool", "1.0")
    require(operator(world, "rollout", "watch", canary)[0] == 0, "the canary failed")
    everyone = world.roll_out("tool", "1.0")
    status, output, _ = operator(world, "rollout", "watch", everyone)
    require(status == 0, f"the canary has the release already: exit {status}")
    contains(output, "completed: succeeded 1")
    contains(world.axle("rollout", "show", everyone), "succeeded", "alreadyInstalled (1.0 is already installed)")


@test
def spoke_without_space_says_so_where_the_operator_looks(world):
    vendor, _ = world.small("1.0")
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    used = next(pool["used"] for pool in world.axle("pool", "list", "--json") if pool["owner"]["name"] == "site")
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", f"{used + 1000}B")
    vendor.add("2.0")
    vendor.sign()
    world.axle("catalog", "refresh")
    wait_for("the spoke to lack space", lambda: "spokeLacksSpace" in warnings(world), 60)
    contains(warnings(world)["spokeLacksSpace"]["text"], "site lacks", "tool:2.0")
    rollout = world.roll_out("tool", "2.0")

    def reasons():
        return [reason["code"] for reason in world.actions_of(rollout)["box"]["reasons"]]

    wait_for("the action to say why it waits", lambda: reasons() == ["spokeFull"], 30)
    contains(world.axle("rollout", "show", rollout), "spokeFull (spoke site lacks")
    contains(world.axle("client", "explain", "box", "tool", "2.0"), "does not get", "spokeFull", "axle pool set")
    contains(world.axle("candidates", "tool", "2.0"), "spokeFull")
    # With space it goes on without a word from anybody.
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", "1GB")
    world.wait_rollout(rollout, {"box": "succeeded"})
    require("spokeLacksSpace" not in warnings(world), "the warning stays although there is space")


@test
def machines_behind_a_revoked_spoke_are_not_eligible(world):
    world.small("1.0")
    world.axle("spoke", "revoke", "site", "--confirm", "site")
    contains(world.axle("candidates", "tool", "1.0"), "spokeRevoked")
    rollout = world.roll_out("tool", "1.0")
    status, output, _ = operator(world, "rollout", "watch", rollout)
    require(status == 3, f"exit {status}")
    contains(output, "failed: succeeded 0, refused 1")
    contains(world.axle("rollout", "show", rollout), "spokeRevoked")
    contains(warnings(world)["parentRevoked"]["text"], "1 machine is behind revoked spokes: site (1)")


@test
def disk_of_a_pool_is_low(world):
    state = world.work / "spoke-site"
    world.small_disk(state, "30m")
    world.small("1.0")
    wait_for("the warning", lambda: "diskLow" in warnings(world), 30)
    status, output, _ = operator(world, "status")
    require(status == 1, f"status exits {status}")
    contains(output, "warning: less than 1 GB of free disk: site/main has")


@test
def two_machines_with_one_identity_are_found(world):
    world.small("1.0")
    world.kill("agent-box")
    shutil.copytree(world.work / "agent-box", world.work / "agent-copy", symlinks=True)
    world.start("agent-box", world.commands["agent-box"])
    world.wait_connected(1)
    require("machineCloned" not in warnings(world), "a restart is taken for a copy")
    world.start("agent-copy", [world.program("axle-agent"), "run", "--state", str(world.work / "agent-copy")])
    wait_for("the copy to be found", lambda: "machineCloned" in warnings(world), 60)
    contains(warnings(world)["machineCloned"]["text"], "box", "from 127.0.0.1:", "and from 127.0.0.1:")
    rollout = world.roll_out("tool", "1.0")
    wait_for(
        "the success of one of them", lambda: world.actions_of(rollout)["box"]["state"] == "uncertain", 60)
    require(
        [note["code"] for note in world.actions_of(rollout)["box"]["notes"]][:1] == ["machineCloned"],
        "the action does not say why it is uncertain")
    status, output, _ = operator(world, "rollout", "watch", rollout)
    require(status == 3, f"exit {status}")
    contains(output, "uncertain 1")
