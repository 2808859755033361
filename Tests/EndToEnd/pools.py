"""Pools that keep themselves: damage that the disk makes."""

import os
import random
import time

from space import big
from world import Vendor, require, test, wait_for


def packages(state):
    return sorted(p for p in (state / "pool/packages").rglob("*") if p.is_file())


def flip(path, at):
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))
    path.chmod(0o400)


def back(world):
    wait_for("the hub to answer", lambda: world.axle("pool", "list", check=False), 30)


def scrubbed(world, name, state):
    """A bit of the only package flips while the daemon is down; a new round begins with its start."""
    world.kill(name)
    package, = packages(state)
    before = package.read_bytes()
    flip(package, len(before) // 2)
    (state / "scrub").unlink(missing_ok=True)
    world.start(name, world.commands[name])
    back(world)
    world.wait_event("replicaCorrupt", "withheld", deadline=30)
    world.wait_event("replicaRepaired", "262.1 kB of", deadline=30)
    require(package.read_bytes() == before, "the package is not what it was")


@test
def flipped_bit_at_a_spoke(world):
    world.site({"1.0": big("1.0", 3_000_000)})
    scrubbed(world, "spoke-site", world.work / "spoke-site")
    world.wait_verified(1)


@test
def flipped_bit_at_the_hub(world):
    world.site({"1.0": big("1.0", 3_000_000)}, spoke=False)
    scrubbed(world, "hub", world.hub_state)
    world.wait_imported(1)


@test
def retention_prunes_and_a_rollout_brings_back(world):
    releases = [f"1.{number}" for number in range(6)]
    world.site({release: big(release, 200_000) for release in releases})
    world.axle("pool", "retention", "3")
    plan = world.axle("pool", "plan", "main", "--spoke", "site", "--json")
    require(len(plan["goes"]) == 3 and len(plan["stays"]) == 3, f"the plan is {plan}")
    world.axle("pool", "prune", "main", "--spoke", "site", "--dry-run")
    require(len(packages(world.work / "spoke-site")) == 6, "a dry run removed packages")
    world.axle("pool", "prune", "main", "--spoke", "site")
    wait_for("the spoke to let go", lambda: len(packages(world.work / "spoke-site")) == 3, 30)
    world.wait_event("replicaEvicted", "at site", "newer release", deadline=30)
    world.axle("pool", "prune", "main")
    wait_for("the hub to let go", lambda: len(packages(world.hub_state)) == 3, 30)
    # Neither comes back by itself, also after restarts.
    world.restart("hub")
    world.restart("spoke-site")
    back(world)
    world.axle("catalog", "refresh")
    wait_for("the spoke", lambda: world.axle("spoke", "show", "site", "--json")["connected"], 30)
    require(len(packages(world.hub_state)) == 3, "the hub fetched again what the plan took")
    require(len(packages(world.work / "spoke-site")) == 3, "the spoke fetched again what the plan took")
    world.axle("pool", "retention", "4")
    wait_for("what is kept again", lambda: len(packages(world.work / "spoke-site")) == 4, 30)


@test
def a_full_spoke_makes_room_by_its_retention(world):
    vendor = Vendor(world).make(())
    for number in range(4):
        vendor.add(f"1.{number}", big(f"1.{number}", 1_000_000))
    vendor.sign()
    world.hub()
    world.axle("pool", "retention", "2")
    world.set_catalog(vendor, world.serve(vendor.catalog))
    world.spoke()
    world.wait_verified(4)
    world.axle("pool", "set", "main", "--spoke", "site", "--quota", "4.5MB")
    vendor.publish("1.4", big("1.4", 1_000_000))
    world.wait_event("poolPruned", "1.4", deadline=30)
    newest = vendor.package_file("1.4").read_bytes()
    wait_for(
        "the newest at the spoke",
        lambda: any(p.read_bytes() == newest for p in packages(world.work / "spoke-site")), 90)


@test
def check_finds_and_repairs_and_access_holds(world):
    vendor = world.site({"1.0": big("1.0", 3_000_000)})
    state = world.work / "spoke-site"
    require("nothing is wrong" in world.axle("pool", "check", "main", "--spoke", "site", "--read-data"), "not clean")
    package, = packages(state)
    before = package.read_bytes()
    flip(package, 5)
    text = world.refused_axle("pool", "check", "main", "--spoke", "site", "--read-data", words=("1.0", "repaired"))
    require(package.read_bytes() == before, f"the package is not what it was: {text}")
    world.axle("pool", "set", "main", "--spoke", "site", "--access", "readOnly")
    wait_for(
        "the spoke to take the access",
        lambda: any(p["access"] == "readOnly" and p["role"] == "spoke" for p in world.axle("pool", "list", "--json")), 30)
    vendor.add("1.1", big("1.1", 10_000))
    vendor.sign()
    world.restart("spoke-site")
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", "1.1", deadline=30)
    require(len(packages(state)) == 1, "a read-only pool took a package")
    world.axle("pool", "set", "main", "--spoke", "site", "--access", "readWrite")
    world.wait_verified(2)


@test
def the_hubs_pool_moves_to_another_folder(world):
    world.site({"1.0": big("1.0", 1_000_000)}, spoke=False)
    hub = world.program("axle-hub")
    target = world.work / "elsewhere/pool"
    target.parent.mkdir()
    world.refused(hub, "move-pool", "--state", world.hub_state, "--to", target)
    world.kill("hub")
    world.refused(hub, "move-pool", "--state", world.hub_state, "--to", world.hub_state / "pool/inside", status=2)
    said = world.run(hub, "move-pool", "--state", world.hub_state, "--to", target)
    require("1 packages" in said.stdout and "remove" in said.stderr, f"it says {said.stdout}{said.stderr}")
    (world.hub_state / "pool").rename(world.hub_state / "old")
    world.start("hub", world.commands["hub"])
    back(world)
    world.spoke()
    world.wait_verified(1)


def place(world, name="site"):
    """Each replica's pool and the reason, by release."""
    return {
        r["package"].split(":")[1]: (r["state"], r.get("place", {}).get("pool"), r.get("place", {}).get("reason"))
        for r in world.axle("spoke", "show", name, "--json")["replicas"]}


def pool_named(world, name, role="spoke"):
    return next((p for p in world.axle("pool", "list", "--json") if p["name"] == name and p["role"] == role), {})


@test
def a_next_pool_takes_what_does_not_fit(world):
    vendor = world.site({"1.0": big("1.0", 300_000)})
    world.agent()
    world.wait_verified(1)
    world.axle("pool", "set", "site/main", "--quota", "1MB")
    spoke = world.program("axle-spoke")
    state = world.work / "spoke-site"
    disk = world.work / "disk"
    disk.mkdir()
    (world.work / "letters").mkdir()
    (world.work / "letters/mine").write_text("mine")
    add = [spoke, "add-pool", "--state", state, "--quota", "20MB", "--pool-folder"]
    world.refused(*add, world.work / "letters", "next", words=["not empty"])
    world.refused(*add, state / "inside", "next", words=["inside"])
    world.refused(*add, disk / "pool", "main", words=["another name"])
    # While it runs: it is taken up by itself.
    world.run(*add, disk / "pool", "next")
    wait_for("the next pool", lambda: int(pool_named(world, "next").get("quota", 0)) == 20_000_000, 40)
    vendor.publish("2.0", big("2.0", 3_000_000))
    world.wait_event("replicaVerified", "in pool next: main has", "are needed", deadline=60)
    world.wait_verified(2)
    placed = place(world)
    require(placed["1.0"][1] == "main" and placed["2.0"][1] == "next", f"the places are {placed}")
    require("main has" in placed["2.0"][2], f"the reason is {placed}")
    bytes_of = vendor.package_file("2.0").read_bytes()
    require(
        any(p.read_bytes() == bytes_of for p in (disk / "pool/packages").rglob("*/*")), "it is not in the pool's folder")
    shown = world.axle("spoke", "show", "site")
    require("next" in shown and "main h" in shown, f"it is not shown: {shown}")
    world.wait_connected(1)
    world.plan("bring", "2.0", world.window(-60, 3600))
    current = world.work / "agent-box/products/tool/current"
    wait_for("the agent to install from the next pool", lambda: os.path.realpath(current).endswith("/2.0"), 90)
    # One that fits none says what each lacks, and what to do.
    world.axle("pool", "set", "site/next", "--quota", "7MB")
    vendor.publish("3.0", big("3.0", 5_000_000))
    world.wait_event("quotaExceeded", "main has", "next has", "add a pool", deadline=60)

    # The disk goes away and comes back by itself.
    (disk / "pool").rename(world.work / "away")
    world.wait_event("poolAvailability", "pool next is unavailable", "is its disk mounted?", deadline=60)
    gone = pool_named(world, "next")
    require(gone["access"] == "unavailable" and "mounted" in gone["problem"], f"the pool is {gone}")
    require(int(gone["used"]) > 3_000_000, f"what it holds was forgotten: {gone}")
    wait_for("the replica to be said so", lambda: place(world)["2.0"][0] == "pending", 30)
    require(place(world)["1.0"][0] == "verified", "the other pool does not go on")
    world.restart("spoke-site")
    wait_for(
        "the spoke", lambda: world.axle("spoke", "show", "site", "--json")["connected"], 30)
    require(place(world)["2.0"][0] == "pending", "the restart forgot it")
    wait_for("the other place", lambda: place(world)["1.0"][:2] == ("verified", "main"), 30)
    (world.work / "away").rename(disk / "pool")
    asked = len(vendor.server.requests)
    world.axle("pool", "check", "next", "--spoke", "site")
    wait_for("the replica again", lambda: place(world)["2.0"][:2] == ("verified", "next"), 60)
    require(len(vendor.server.requests) == asked, "it was fetched again")

    # Emptied into another one, it may go.
    world.kill("spoke-site")
    remove = [spoke, "remove-pool", "--state", state]
    world.refused(*remove, "next", words=["drain-pool"])
    world.refused(*remove, "main", words=["stays"])
    world.run(spoke, "add-pool", "--state", state, "--quota", "200MB", "--kind", "container", "--pool-folder",
              disk / "third", "third")
    world.run(spoke, "drain-pool", "--state", state, "next")
    world.run(*remove, "next")
    world.start("spoke-site", world.commands["spoke-site"])
    wait_for("the new place", lambda: place(world)["2.0"][:2] == ("verified", "third"), 60)
    wait_for("the pool to be forgotten", lambda: not pool_named(world, "next"), 30)


@test
def a_pool_is_emptied_while_all_goes_on(world):
    """An operator empties a pool from the hub; kills on the way lose nothing and fetch nothing again."""
    chance = random.Random(world.seed)
    vendor = world.site({f"1.{number}": big(f"1.{number}", 3_000_000) for number in range(4)})
    world.agent()
    spoke = world.program("axle-spoke")
    state = world.work / "spoke-site"
    refused = world.refused_axle("pool", "set", "site/main", "--access", "draining", words=["only one", "add-pool"])
    require("main" in refused, f"it says {refused}")
    world.run(
        spoke, "add-pool", "--state", state, "--quota", "7MB", "--kind", "file", "--pool-folder", world.work / "disk",
        "next")
    wait_for("the next pool", lambda: pool_named(world, "next"), 40)
    world.axle("pool", "set", "site/main", "--access", "draining")
    # It has not the room yet.
    world.wait_event("poolDrained", "pool main cannot be emptied yet", "packages stay", "next has", deadline=40)
    require(pool_named(world, "main")["access"] == "draining", f"shown as {pool_named(world, 'main')}")
    world.axle("pool", "set", "site/next", "--quota", "50MB")
    for _ in range(3):
        time.sleep(chance.uniform(0, 0.4))
        world.kill("spoke-site")
        world.start("spoke-site", world.commands["spoke-site"])
    wait_for("all in the next pool", lambda: {p[:2] for p in place(world).values()} == {("verified", "next")}, 60)
    require(not packages(state), f"the pool still has {packages(state)}")
    codes = [event["code"] for event in world.events()]
    require(codes.count("replicaVerified") == 4 and "replicaCorrupt" not in codes, f"fetched again: {codes}")
    world.wait_rollout(world.roll_out("tool", "1.3"), {"box": "succeeded"})
    # What comes now goes to the next pool, and the emptied one is a pool again when an operator says so.
    vendor.publish("2.0", big("2.0", 3_000_000))
    world.wait_verified(5)
    require(place(world)["2.0"][1] == "next", f"the places are {place(world)}")
    world.axle("pool", "set", "site/main", "--access", "readWrite")
    vendor.publish("3.0", big("3.0", 3_000_000))
    world.wait_verified(6)
    require(place(world)["3.0"][1] == "main", f"the places are {place(world)}")
    world.check_log()


@test
def the_hub_has_a_next_pool(world):
    vendor = world.site({"1.0": big("1.0", 300_000)}, spoke=False)
    world.axle("pool", "set", "main", "--quota", "1MB")
    world.kill("hub")
    hub = world.program("axle-hub")
    world.run(
        hub, "add-pool", "--state", world.hub_state, "--quota", "20MB", "--pool-folder", world.work / "disk", "next")
    world.start("hub", world.commands["hub"])
    back(world)
    vendor.publish("2.0", big("2.0", 3_000_000))
    world.wait_event("packageImported", "in pool next: main has", deadline=60)
    world.spoke()
    world.wait_verified(2)
    package = next(p for p in world.axle("package", "list", "--json") if p["release"] == "2.0")
    require(package["place"]["pool"] == "next" and "main has" in package["place"]["reason"], f"it is {package}")
    require(int(pool_named(world, "next", "hub")["quota"]) == 20_000_000, "the quota is not its own")
    text = world.axle("pool", "check", "next", "--read-data")
    require("nothing is wrong with pool next" in text, text)
    plan = world.axle("pool", "plan", "next", "--json")
    require([item["package"].split(":")[1] for item in plan["stays"]] == ["2.0"], f"the plan is {plan}")
    world.kill("hub")
    (world.work / "disk").rename(world.work / "away")
    world.start("hub", world.commands["hub"])
    back(world)
    require(pool_named(world, "next", "hub")["access"] == "unavailable", "it is not said to be gone")
    packages_of = lambda: {p["release"]: p for p in world.axle("package", "list", "--json")}  # noqa: E731
    require(packages_of()["2.0"]["state"] == "failed", f"it is {packages_of()}")
    require("mounted" in packages_of()["2.0"]["problem"] and packages_of()["1.0"]["state"] == "imported", "not said")
    (world.work / "away").rename(world.work / "disk")
    wait_for("the package again", lambda: packages_of()["2.0"]["state"] == "imported", 60)


def holdings(world):
    return {p["release"]: (p["state"], p["held"], [r["state"] for r in p["replicas"]]) for p in world.axle("package", "list", "--all", "--json")}


@test
def what_the_catalog_no_longer_names_is_removed(world):
    vendor = world.site({release: big(release, 200_000) for release in ("1.0", "2.0")})
    ids = {p["release"]: p["id"] for p in world.axle("package", "list", "--json")}
    against, = world.axle("package", "remove", ids["1.0"], "--dry-run", "--json")
    require("the catalog names" in against["refused"][0], f"nothing is against it: {against}")
    world.axle("package", "remove", ids["1.0"], check=False)
    require(holdings(world)["1.0"][0] == "imported", "what the catalog names was removed")
    world.run(
        world.program("axle"), "publish", "remove", vendor.catalog, ids["1.0"].replace(":", "/"), "--keys", vendor.keys)
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_event("packageRetired", "1.0")
    kept = world.axle("pool", "plan", "main", "--json")["stays"]
    require(any("axle package remove" in item["reason"] for item in kept), f"the plan says {kept}")
    planned, = world.axle("package", "remove", ids["1.0"], "--dry-run", "--json")
    require(planned["held"] and len(planned["spokes"]) == 1 and not planned["refused"], f"the plan is {planned}")
    require(holdings(world)["1.0"] == ("retired", planned["length"], ["verified"]), "a plan removed something")
    # One for which there is a reason keeps all of them.
    world.axle("package", "remove", ids["1.0"], ids["2.0"], check=False)
    require(holdings(world)["1.0"][1] == planned["length"], "half of a command was done")
    world.kill("spoke-site")
    world.axle("package", "remove", ids["1.0"])
    world.restart("hub")
    back(world)
    world.start("spoke-site", world.commands["spoke-site"])
    for state in (world.hub_state, world.work / "spoke-site"):
        wait_for(f"one package in {state}", lambda state=state: len(packages(state)) == 1, 40)
    require(holdings(world)["1.0"] == ("retired", 0, ["evicted"]), f"shown as {holdings(world)}")
    require([p["release"] for p in world.axle("package", "list", "--json")] == ["2.0"], "what is gone is listed")


@test
def what_a_check_has_found_outlives_restarts(world):
    world.site({"1.0": big("1.0", 300_000)})
    for names in ([], ["--spoke", "site"]):
        require(world.axle("pool", "check", "main", "--last", *names, check=False) == "", "a check before there was one")
        world.axle("pool", "check", "main", "--read-data", *names)
    world.restart("hub")
    world.restart("spoke-site")
    back(world)
    for names in ([], ["--spoke", "site"]):
        last = world.axle("pool", "check", "main", "--last", *names, "--json")
        require(last["over"] and last["ended"] and not last["problems"], f"the last check is {last}")
    checked = [p["checked"] for p in world.axle("pool", "list", "--json") if p["name"] == "main"]
    require(len(checked) == 2 and all(c["problems"] == c["damaged"] == 0 for c in checked), f"pools say {checked}")
