"""How packages come to a spoke: as patches where it holds another release, as files where that fails."""

import random

from world import Vendor, require, test, wait_for

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


def first_release(world):
    vendor = Vendor(world).make(())
    vendor.add("1.0", tree("1.0"), packed=True)
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.wait_verified(1)
    shown, held = replica(world, "1.0")
    require(held["means"] == "published" and held["sent"] == shown["length"], f"the first copy: {held}")
    return vendor


@test
def update_comes_as_a_patch(world):
    vendor = first_release(world)
    vendor.add("2.0", tree("2.0"), packed=True)
    vendor.sign()
    world.axle("catalog", "refresh")
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
    vendor.add("2.0", tree("2.0"), packed=True)
    vendor.sign()
    world.axle("catalog", "refresh")
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
