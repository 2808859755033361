"""Pools that keep themselves: damage that the disk makes."""

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
    vendor = Vendor(world).make(())
    vendor.add("1.0", big("1.0", 3_000_000))
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    world.spoke()
    world.wait_verified(1)
    scrubbed(world, "spoke-site", world.work / "spoke-site")
    world.wait_verified(1)


@test
def flipped_bit_at_the_hub(world):
    vendor = Vendor(world).make(())
    vendor.add("1.0", big("1.0", 3_000_000))
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    wait_for("the import", lambda: world.axle("package", "list", "--json")[0]["state"] == "imported", 30)
    scrubbed(world, "hub", world.hub_state)
    wait_for("the import", lambda: world.axle("package", "list", "--json")[0]["state"] == "imported", 30)


@test
def retention_prunes_and_a_rollout_brings_back(world):
    releases = [f"1.{number}" for number in range(6)]
    vendor = Vendor(world).make(())
    for release in releases:
        vendor.add(release, big(release, 200_000))
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    world.spoke()
    world.wait_verified(6)
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
    vendor.add("1.4", big("1.4", 1_000_000))
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_event("poolPruned", "1.4", deadline=30)
    newest = vendor.package_file("1.4").read_bytes()
    wait_for(
        "the newest at the spoke",
        lambda: any(p.read_bytes() == newest for p in packages(world.work / "spoke-site")), 90)


@test
def check_finds_and_repairs_and_access_holds(world):
    vendor = Vendor(world).make(())
    vendor.add("1.0", big("1.0", 3_000_000))
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    world.spoke()
    world.wait_verified(1)
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
    vendor = Vendor(world).make(())
    vendor.add("1.0", big("1.0", 1_000_000))
    vendor.sign()
    world.hub()
    world.set_catalog(vendor, world.serve(vendor.catalog))
    wait_for("the import", lambda: world.axle("package", "list", "--json")[0]["state"] == "imported", 30)
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
