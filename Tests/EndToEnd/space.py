"""Too little space: quotas and full disks."""

import time

from world import contains, Vendor, require, test, wait_for

MEGABYTE = 1_000_000


def big(release, size=MEGABYTE):
    import random
    filler = random.Random(release).randbytes(size)
    return {"bin/tool": (b"#!/bin/sh\nexit 0\n", 0o755), "share/filler": (filler, 0o644)}


@test
def quota_of_the_hub_is_too_small(world):
    vendor = Vendor(world).make(())
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.axle("pool", "set", "main", "--quota", "500kB")
    vendor.publish("1.0", big("1.0"))
    world.wait_event("quotaExceeded", "quota")
    package = world.axle("package", "list", "--json")[0]
    require(package["state"] == "failed" and package["problem"], f"shown as {package}")
    world.axle("pool", "set", "main", "--quota", "10MB")
    world.wait_event("packageImported", "1.0", deadline=30)
    used = world.axle("pool", "list", "--json")[0]
    require(int(used["used"]) <= 10 * MEGABYTE, f"more than the quota is used: {used}")


@test
def quota_of_a_spoke_is_too_small(world):
    vendor = Vendor(world).make(())
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    wait_for("the spoke's pool", lambda: any(
        p["owner"]["name"] == "site" for p in world.axle("pool", "list", "--json")), 30)
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", "500kB")
    wait_for(
        "the spoke to take the quota",
        lambda: any(p["quota"] == 500_000 for p in world.axle("pool", "list", "--json")), 30)
    vendor.publish("1.0", big("1.0"))
    event = world.wait_event("quotaExceeded", "quota")
    require("1.0" in event["subject"], f"which package? {event}")
    bytes_there = sum(p.stat().st_size for p in (world.work / "spoke-site/pool").rglob("*") if p.is_file())
    require(bytes_there < 500_000, f"{bytes_there} bytes in a pool of 500 kB")
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", "10MB")
    world.wait_verified(1, deadline=30)


@test
def full_disk_of_the_hub(world):
    world.small_disk(world.hub_state)
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.agent()
    world.wait_verified(1)
    world.wait_connected(1)
    before = len(world.events())
    world.fill(world.hub_state)
    # What the database's log has on the disk already holds some changes more; each that is acknowledged is kept.
    kept = 0
    for _ in range(200):
        done = world.run(
            world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
            world.hub_state / "admin.token", "token", "create", "--role", "spoke", check=False)
        if done.returncode != 0:
            break
        kept += 1
    require(done.returncode == 1, f"{kept} tokens were made on a full disk")
    said = done.stdout + done.stderr
    contains(said, "disk")
    require(len(world.axle("token", "list", "--json")) >= kept, "a token that was acknowledged is gone")
    require("full" in said or "space" in said, f"not clear: {said}")
    # Reads go on.
    require(len(world.events()) >= before, "the log lost lines")
    world.restart("agent-box")
    time.sleep(3)
    world.free(world.hub_state)
    wait_for("the hub to write again", lambda: world.axle(
        "token", "create", "--role", "spoke", "--json", check=False), 40)
    world.wait_connected(1, deadline=90)
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    world.check_log()


@test
def full_disk_of_the_spoke(world):
    world.small_disk(world.work / "spoke-site")
    world.small("1.0")
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    vendor = Vendor(world)
    world.fill(world.work / "spoke-site")
    vendor.publish("2.0", big("2.0"))
    world.wait_event("packageImported", "2.0")
    wait_for("the spoke to say so", lambda: any(
        word in world.log_of("spoke-site").lower() for word in ("disk", "space")), 30)
    time.sleep(2)
    world.free(world.work / "spoke-site")
    world.wait_verified(2, deadline=110)
    world.wait_connected(1, deadline=60)


@test
def full_disk_of_the_agent(world):
    world.small_disk(world.work / "agent-box")
    world.small("1.0", "2.0")
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    world.fill(world.work / "agent-box")
    rollout = world.roll_out("tool", "2.0")
    wait_for("the agent to say so", lambda: any(
        word in world.log_of("agent-box").lower() for word in ("disk", "space")), 30)
    require(world.tool_says() == "1.0", "a full disk spoilt the old release")
    time.sleep(2)
    world.restart("agent-box")
    time.sleep(1)
    world.free(world.work / "agent-box")
    wait_for("the action to end", lambda: world.actions_of(rollout)["box"]["state"] in (
        "succeeded", "refused", "failed", "rolledBack"), 60)
    state = world.actions_of(rollout)["box"]["state"]
    if state != "succeeded":
        again = world.plan("again", "2.0", world.window(-60, 3600))
        world.wait_rollout(again, {"box": "succeeded"})
    require(world.tool_says() == "2.0", "the update did not come in the end")
