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


def scrubbed(world, name, state):
    """A bit of the only package flips while the daemon is down; a new round begins with its start."""
    world.kill(name)
    package, = packages(state)
    before = package.read_bytes()
    flip(package, len(before) // 2)
    (state / "scrub").unlink(missing_ok=True)
    world.start(name, world.commands[name])
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
