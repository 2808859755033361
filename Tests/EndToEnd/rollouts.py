"""Rollouts when something is away, changed or late."""

import time

from world import contains, require, test, wait_for


@test
def spoke_is_down_while_a_rollout_is_made(world):
    world.small("1.0")
    world.kill("spoke-site")
    rollout = world.roll_out("tool", "1.0")
    wait_for("the action to wait", lambda: world.actions_of(rollout)["box"]["state"] == "pending", 20)
    world.start("spoke-site", world.commands["spoke-site"])
    world.wait_rollout(rollout, {"box": "succeeded"})
    require(world.tool_says() == "1.0", "the program is not there")


@test
def hub_is_gone_once_the_order_is_at_the_spoke(world):
    world.small("1.0")
    world.kill("agent-box")
    rollout = world.roll_out("tool", "1.0")
    world.wait_rollout(rollout, {"box": "offered"})
    world.kill("hub")
    world.start("agent-box", world.commands["agent-box"])
    wait_for("the install without a hub", lambda: world.tool_says() == "1.0", 60)
    time.sleep(1)
    world.restart("spoke-site")
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    world.wait_rollout(rollout, {"box": "succeeded"})
    world.check_log()


@test
def health_check_fails_and_the_old_release_comes_back(world):
    vendor, server = world.small("1.0")
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    vendor.add("2.0", health=3)
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_verified(2)
    rollout = world.roll_out("tool", "2.0")
    world.wait_rollout(rollout, {"box": "rolledBack"})
    require(world.tool_says() == "1.0", "the old release is not back")
    action = world.actions_of(rollout)["box"]
    contains(action["detail"], "health")
    # The client is not offered that release again, and says why.
    again = world.plan("again", "2.0", world.window(-60, 3600))
    world.wait_rollout(again, {"box": "refused"})
    codes = [reason["code"] for reason in world.actions_of(again)["box"]["reasons"]]
    require(codes == ["rejectedRelease"], f"refused for {codes}")


@test
def rollout_is_stopped_before_its_window(world):
    world.small("1.0")
    rollout = world.plan("later", "1.0", world.window(3600, 7200))
    world.wait_rollout(rollout, {"box": "waitingForWindow"})
    world.axle("rollout", "stop", rollout)
    world.wait_rollout(rollout, {"box": "cancelled"})
    wait_for(
        "the rollout to be stopped",
        lambda: world.axle("rollout", "show", rollout, "--json")["rollout"]["state"] == "stopped", 30)
    require(world.tool_says() is None, "a stopped rollout installed all the same")
    # The way is free for another one.
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})


@test
def window_in_the_future_is_waited_for(world):
    world.small("1.0")
    opens = time.time() + 12
    rollout = world.plan("soon", "1.0", world.window(12, 600))
    world.wait_rollout(rollout, {"box": "waitingForWindow"})
    # The window is written in whole seconds.
    while time.time() < opens - 1.2:
        require(world.tool_says() is None, "installed before the window")
        time.sleep(0.3)
    world.restart("agent-box")
    world.wait_rollout(rollout, {"box": "succeeded"})
    installed = next(e for e in world.events() if e["code"] == "actionChanged" and "installing" in e["text"])
    require(installed is not None and world.tool_says() == "1.0", "not installed")


@test
def window_that_closed_is_missed(world):
    world.small("1.0")
    world.kill("agent-box")
    rollout = world.plan("short", "1.0", world.window(0, 4))
    world.wait_rollout(rollout, {"box": "offered"})
    time.sleep(5)
    world.start("agent-box", world.commands["agent-box"])
    world.wait_connected(1)
    time.sleep(2)
    # That it was missed is said when a report could no longer be under way (a quarter of an hour).
    require(world.actions_of(rollout)["box"]["state"] in ("offered", "refused", "missed"), "begun after the window")
    require(world.tool_says() is None, "installed after the window")


@test
def bytes_altered_in_the_pool_of_the_spoke(world):
    world.small("1.0")
    pool = world.work / "spoke-site/pool"
    files = [p for p in pool.rglob("*") if p.is_file() and p.stat().st_size > 4096]
    require(len(files) == 1, f"one package file in the pool, not {files}")
    content = bytearray(files[0].read_bytes())
    content[len(content) // 2] ^= 1
    files[0].chmod(0o600)
    files[0].write_bytes(bytes(content))
    world.roll_out("tool", "1.0")
    # A damaged disk is the likely cause: the spoke reads its copy, and what is damaged is fetched again.
    contains(world.wait_event("bytesRefused")["subject"], "box")
    world.wait_event("replicaCorrupt", "repaired from the hub")
    wait_for("the install", lambda: world.tool_says() is not None, 60)
