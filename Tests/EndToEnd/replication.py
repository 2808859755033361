"""How packages come to a spoke and on to an agent: as patches where they hold another release, as chunks where there are no patches, as files where that fails."""

import contextlib
import pathlib
import random
import shutil
import subprocess
import time

from world import PRODUCT, Failure, Vendor, descendants, require, test, tool, wait_for

FILLER = random.Random("filler").randbytes(3_000_000)


def tree(release):
    """Two releases differ by a few hundred bytes of three megabytes."""
    note = random.Random(release).randbytes(300)
    filler = FILLER[:1_000_000] + note + FILLER[1_000_000:]
    return {"bin/tool": (b"#!/bin/sh\nexit 0\n", 0o755), "share/filler": (filler, 0o644)}


def replica(world, release):
    package = next(p for p in world.axle("package", "list", "--json") if p["release"] == release)
    shown = world.axle("package", "show", package["id"], "--json")
    return shown, shown["replicas"][0]


def first_release(world, packed=True):
    vendor = world.site({"1.0": tree("1.0")}, packed=packed)
    shown, held = replica(world, "1.0")
    require(held["means"] == "published" and held["sent"] == shown["length"], f"the first copy: {held}")
    return vendor


@test
def update_comes_as_a_patch(world):
    vendor = first_release(world)
    vendor.publish("2.0", tree("2.0"), packed=True)
    world.wait_verified(2)
    shown, held = replica(world, "2.0")
    require(held["means"] == "patch", f"it came as {held}")
    require(held["sent"] * 100 < shown["length"], f"{held['sent']} bytes for {shown['length']}")
    require([p["state"] for p in shown["patches"]] == ["made"], f"patches: {shown['patches']}")
    text = world.axle("package", "show", shown["id"])
    require("patch, " in text and "instead of" in text, f"not shown: {text}")
    at_site = {r["package"]: r["means"] for r in world.axle("spoke", "show", "site", "--json")["replicas"]}
    require(at_site[shown["id"]] == "patch", f"the spoke shows {at_site}")
    patches = [p for p in world.axle("pool", "list", "--json") if p["name"] == "patches"]
    require(len(patches) == 1 and patches[0]["used"] > 0, f"the pool of patches: {patches}")
    world.axle("pool", "set", "patches", "--quota", "100B")
    wait_for("the pool of patches to be emptied", lambda: any(
        p["name"] == "patches" and p["used"] == 0 and p["quota"] == 100
        for p in world.axle("pool", "list", "--json")), 30)
    require(not replica(world, "2.0")[0]["patches"], "the patch is still listed")


@test
def damaged_patch_gives_way_to_the_file(world):
    vendor = first_release(world)
    world.kill("spoke-site")
    vendor.publish("2.0", tree("2.0"), packed=True)
    world.wait_event("patchMade", "1.0")
    files = [p for p in (world.hub_state / "patches/packages").rglob("*") if p.is_file()]
    require(len(files) == 1, f"patches: {files}")
    damaged = bytearray(files[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[0].chmod(0o600)
    files[0].write_bytes(damaged)
    world.start("spoke-site", world.commands["spoke-site"])
    world.wait_verified(2)
    shown, held = replica(world, "2.0")
    require(held["means"] == "published", f"it came as {held}")
    require(held["sent"] > shown["length"], f"the patch was not counted: {held}")
    world.wait_event("patchFailed", "damaged")


def large_tree(release):
    """Large enough that a kill finds the patch being applied."""
    filler = random.Random("large").randbytes(60_000_000)
    note = random.Random(release).randbytes(300)
    script = f"#!/bin/sh\necho {release} {release}\n".encode()
    return {"bin/tool": (script, 0o755), "share/filler": (filler[:20_000_000] + note + filler[20_000_000:], 0o644)}


def kill_while_it_applies(world, name, is_over, deadline=60):
    """kill -9 of a daemon and its children at a moment when one of these applies a patch; false if that was over before it was seen."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            for pid in descendants(world.processes[name].pid):
                with contextlib.suppress(OSError):
                    if b"apply-patch" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                        world.restart(name)
                        return True
            time.sleep(0.002)
        if is_over():
            return False
    raise Failure(f"{name} did not apply a patch")


@test
def patch_reaches_the_agent_through_kills_in_mid_apply(world):
    """Cuts that come too late on a busy machine are tried again with the next release."""
    vendor = Vendor(world).make(())
    vendor.add("1.0", large_tree("1.0"), packed=True)
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.agent()
    world.wait_verified(1)
    world.wait_connected(1)
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    cuts = {"spoke-site": 0, "agent-box": 0}
    wanted = {"spoke-site": 2, "agent-box": 1}
    for number in range(2, 8):
        release = f"{number}.0"
        # A spoke that waits too long for a patch takes the file instead: it is started when the patch is there.
        world.kill("spoke-site")
        vendor.publish(release, large_tree(release), packed=True)
        world.wait_event("patchMade", f"from {number - 1}.0", deadline=120)
        world.start("spoke-site", world.commands["spoke-site"])
        for _ in range(wanted["spoke-site"]):
            cuts["spoke-site"] += kill_while_it_applies(
                world, "spoke-site", lambda: replica(world, release)[1]["state"] == "verified")
        world.wait_verified(number)
        shown, held = replica(world, release)
        require(held["means"] == "patch" and held["sent"] * 100 < shown["length"], f"it came as {held}")
        rollout = world.roll_out(PRODUCT, release)
        cuts["agent-box"] += kill_while_it_applies(
            world, "agent-box", lambda: world.actions_of(rollout)["box"]["state"] == "succeeded")
        world.wait_rollout(rollout, {"box": "succeeded"})
        require(world.tool_says() == release, f"the agent runs {world.tool_says()}")
        if all(cuts[name] >= count for name, count in wanted.items()):
            break
    require(all(cuts.values()), f"cuts: {cuts}")
    world.wait_log("agent-box", "came as its patch")


def without_libzstd(world, name):
    """Starts a daemon again so that libzstd.so.1 is a library without its functions, as if it were not there."""
    folder = world.work / "no-libzstd"
    if not folder.exists():
        folder.mkdir()
        listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
        other = next(line.split("=>")[1].strip() for line in listed.splitlines() if "libz.so.1 " in line)
        shutil.copy(other, folder / "libzstd.so.1")
    world.kill(name)
    usual = world.commands[name]
    # The agent's supervisor hands such a variable to nobody.
    command = ["serve" if name.startswith("agent-") and word == "run" else word for word in usual]
    world.start(name, ["env", f"LD_LIBRARY_PATH={folder}", *command])
    return usual


@test
def site_without_libzstd_is_updated_by_chunks(world):
    vendor = first_release(world, packed=False)
    usual = without_libzstd(world, "spoke-site")
    vendor.publish("2.0", tree("2.0"))
    world.wait_verified(2)
    shown, held = replica(world, "2.0")
    require(held["means"] == "plainChunks", f"it came as {held}")
    require(held["sent"] * 1000 < shown["length"], f"{held['sent']} bytes for {shown['length']}")
    require("no patches are taken" in held["reason"], f"the reason is {held['reason']}")
    text = world.axle("package", "show", shown["id"])
    require("chunks (uncompressed), " in text and "instead of" in text, f"not shown: {text}")
    world.wait_event("replicaVerified", "chunks")
    # With the library again, the next update is a patch.
    world.kill("spoke-site")
    world.start("spoke-site", usual)
    vendor.publish("3.0", tree("3.0"))
    world.wait_verified(3)
    require(replica(world, "3.0")[1]["means"] == "patch", "the library was not found again")


@test
def machine_without_libzstd_gets_what_its_spoke_unpacks(world):
    vendor = Vendor(world).make(())
    for release in ["1.0", "2.0"]:
        vendor.add(release, tree(release) | tool(release), packed=True)
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    world.spoke()
    world.agent()
    world.wait_verified(2)
    world.wait_connected(1)
    without_libzstd(world, "agent-box")
    world.wait_connected(1)
    # The content of the newest release is kept for patches, that of the older one is made for this machine.
    for count, release in enumerate(["1.0", "2.0"], 1):
        world.wait_rollout(world.roll_out(PRODUCT, release), {"box": "succeeded"})
        require(world.tool_says() == release, f"the agent runs {world.tool_says()}")
        log = world.log_of("agent-box")
        require(log.count("came as its content") == count, f"{release} came otherwise: {log}")


@test
def damaged_chunks_of_a_hub_without_libzstd_give_way_to_the_file(world):
    vendor = first_release(world, packed=False)
    world.kill("spoke-site")
    without_libzstd(world, "hub")
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    world.wait_event("patchFailed", "chunks go uncompressed")
    vendor.publish("2.0", tree("2.0"))
    world.wait_event("patchMade", "uncompressed chunk delta", "1.0")
    files = [p for p in (world.hub_state / "patches/packages").rglob("*") if p.is_file()]
    require(len(files) == 1 and files[0].read_bytes().startswith(b"axlechd1"), f"chunk deltas: {files}")
    damaged = bytearray(files[0].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[0].chmod(0o600)
    files[0].write_bytes(damaged)
    world.start("spoke-site", world.commands["spoke-site"])
    world.wait_verified(2)
    shown, held = replica(world, "2.0")
    require(held["means"] == "published", f"it came as {held}")
    require(held["sent"] > shown["length"], f"the chunks were not counted: {held}")
    world.wait_event("patchFailed", "damaged")


@test
def packages_of_the_same_bytes_are_all_replicated_and_installed(world):
    # A release candidate that was made final, and the same file for other products: two pairs at least, which is as many
    # transfers as a spoke has under way.
    vendor = Vendor(world).make(())
    for number in range(2):
        files = {"bin/tool": (b"#!/bin/sh\nexit 0\n" + str(number).encode() * 100, 0o755)}
        for name in (f"a{number}", f"z{number}"):
            for release in ("1.0", "2.0"):
                vendor.add(release, files, product=name)
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.agent("box")
    world.wait_verified(8)
    # Nothing is held up behind them, now and after a restart of the spoke.
    vendor.publish("1.0", tool("1.0"), product="other")
    world.wait_verified(9)
    world.restart("spoke-site")
    vendor.publish("2.0", tool("2.0"), product="other")
    world.wait_verified(10)
    world.wait_connected(1)
    # Two rollouts of the same bytes to one machine at the same time.
    rollouts = [world.roll_out(name, "2.0") for name in ("a0", "z0", "a1")]
    for rollout in rollouts:
        world.wait_rollout(rollout, {"box": "succeeded"})
    bad = [e for e in world.events() if e["severity"] in ("error", "critical")]
    require(not bad, f"errors: {bad}")
    require(not list((world.work / "agent-box/downloads").iterdir()), "downloads are left behind")
