"""Catalogs and packages that travel on a medium: hub to hub, hub to spoke, and everything that can be wrong with a bundle."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time

from world import PRODUCT, Vendor, contains, make_tree, require, test, wait_for


def export(world, *more, name="bundle", status=0):
    """A bundle of the hub's catalog."""
    bundle = world.work / name
    done = world.run(*axle(world), "bundle", "export", bundle, *more, check=False)
    require(done.returncode == status, f"export: exit {done.returncode}: {done.stdout}{done.stderr}")
    return bundle


def axle(world):
    return (
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token")


def bundle_of(world, vendor, name="bundle", *more):
    """A bundle straight from the vendor's folder."""
    bundle = world.work / name
    world.run(world.program("axle"), "bundle", "export", bundle, "--from", vendor.catalog, "--root", vendor.root, *more)
    return bundle


def offline_hub(world, vendor):
    """A hub without a link to the vendor: its root is pinned, and bundles bring the rest."""
    world.hub()
    world.axle("catalog", "set", "--root", vendor.root)


def bring(world, bundle, status=0, words=()):
    done = world.run(*axle(world), "bundle", "import", bundle, check=False)
    said = done.stdout + done.stderr
    require(done.returncode == status, f"import: exit {done.returncode}, not {status}: {said}")
    contains(said, *words)
    return said


def states(world):
    return sorted((p["release"], p["state"]) for p in world.axle("package", "list", "--json"))


def spoke_import(world, bundle, status=0, words=(), name="site"):
    done = world.run(
        world.program("axle-spoke"), "import", "--state", world.work / f"spoke-{name}", bundle, check=False)
    said = done.stdout + done.stderr
    require(done.returncode == status, f"spoke import: exit {done.returncode}, not {status}: {said}")
    contains(said, *words)
    return said


def again(world, name):
    """Starts a daemon that was killed."""
    world.start(name, world.commands[name])
    if name == "hub":
        wait_for("the hub's API", lambda: world.axle("status", check=False))


def package(bundle, release):
    return next(p for p in (bundle / "targets").rglob("*") if p.is_file() and f"/{release}/" in str(p))


@test
def bundle_from_hub_to_hub(world):
    """One hub exports through its API; another, which has no link, takes it, and the fleet behind it updates."""
    vendor = world.vendor()
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    wait_for("both releases at the first hub", lambda: [s for _, s in states(world)] == ["imported"] * 2, 60)
    bundle = export(world)
    # Nothing is fetched or written twice.
    before = {p: p.stat().st_mtime_ns for p in (bundle / "targets").rglob("*") if p.is_file()}
    export(world)
    require(before == {p: p.stat().st_mtime_ns for p in before}, "a whole package was written again")
    for path in (bundle / "metadata").iterdir():
        require(path.read_bytes() == (vendor.catalog / "metadata" / path.name).read_bytes(), f"{path.name} was changed")
    one = export(world, "--release", "1.0", name="one")
    require(len(list((one / "targets").rglob("*.tar"))) == 1, "the choice of a release was not kept")

    other = world.work / "other"
    other.mkdir()
    away = type(world)(other, world.binaries, world.seed)
    try:
        offline_hub(away, vendor)
        contains(away.refused_axle("catalog", "refresh"), "bundle")
        # What is whole is taken; the rest is named.
        bring(away, one, words=["1 packages imported"])
        require(states(away) == [("1.0", "imported"), ("2.0", "announced")], f"wrong states: {states(away)}")
        (away.work / "have.json").write_text(json.dumps({"items": away.axle("package", "list", "--json")}))
        rest = export(world, "--without", away.work / "have.json", name="rest")
        require([p.name for p in (rest / "targets").rglob("*.tar")] != [], "the rest is empty")
        require(len(list((rest / "targets").rglob("*.tar"))) == 1, "what is there was exported")
        bring(away, rest, words=["1 packages imported", "1 were there already"])
        known = away.events()[-1]["sequence"]
        bring(away, bundle, words=["0 packages imported", "2 were there already"])
        require(away.events()[-1]["sequence"] == known, "a bundle that brings nothing left a line in the log")
        away.spoke()
        away.wait_verified(2)
        away.check_log()
    finally:
        away.clean()


@test
def bundle_from_hub_to_spoke(world):
    """A spoke without a link takes a bundle, stopped and running; the hub hears of it and sends nothing."""
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    wait_for("the release at the hub", lambda: states(world) == [("1.0", "imported")], 60)
    world.spoke()
    world.wait_verified(1)
    vendor.add("2.0")
    vendor.add("3.0")
    vendor.sign()
    first = bundle_of(world, vendor, "first", "--release", "2.0")
    whole = bundle_of(world, vendor, "whole")
    world.kill("hub")
    world.kill("spoke-site")
    spoke_import(world, first, words=["1 packages imported"])
    spoke_import(world, first, words=["0 packages imported", "2 were there already"])
    again(world, "spoke-site")
    spoke_import(world, whole, words=["1 packages imported", "2 were there already"])
    again(world, "hub")
    world.axle("catalog", "refresh")
    world.wait_verified(3)
    events = world.events()
    brought = [e for e in events if e["code"] == "replicaVerified" and "medium" in e["text"]]
    require(len(brought) == 2, f"the log does not say what was brought: {brought}")


@test
def bundle_rolled_back(world):
    vendor = world.vendor("1.0")
    old = bundle_of(world, vendor, "old")
    vendor.add("2.0")
    vendor.sign()
    new = bundle_of(world, vendor, "new")
    offline_hub(world, vendor)
    bring(world, new)
    before = world.trusted()
    bring(world, old, status=1, words=["timestampRolledBack", "older"])
    require(world.trusted() == before, "the trusted metadata changed")
    world.wait_event("catalogRefused", "timestampRolledBack")


@test
def bundle_altered(world):
    vendor = world.vendor("1.0", "2.0")
    bundle = bundle_of(world, vendor)
    offline_hub(world, vendor)
    stamp = bundle / "metadata/timestamp.json"
    genuine = stamp.read_bytes()
    document = json.loads(genuine)
    document["signed"]["version"] += 1
    stamp.write_text(json.dumps(document))
    bring(world, bundle, status=1, words=["thresholdNotMet"])
    require(states(world) == [], "an altered catalog was taken")
    stamp.write_bytes(genuine)
    # A package with other bytes is refused; the other one comes in.
    evil = package(bundle, "1.0")
    evil.write_bytes(b"x" * evil.stat().st_size)
    bring(world, bundle, status=1, words=["another hash", "1 packages imported"])
    require(states(world) == [("1.0", "announced"), ("2.0", "imported")], f"wrong states: {states(world)}")
    world.wait_event("catalogRefused", "another hash")


@test
def bundle_cut_short(world):
    vendor = world.vendor("1.0", "2.0")
    bundle = bundle_of(world, vendor)
    offline_hub(world, vendor)
    short = package(bundle, "1.0")
    whole = short.read_bytes()
    short.write_bytes(whole[:-1])
    bring(world, bundle, status=1, words=["cut short", "1 packages imported"])
    short.unlink()
    bring(world, bundle, status=1, words=["missing: tool/1.0/", "1 were there already"])
    short.write_bytes(whole)
    bring(world, bundle, words=["1 packages imported"])
    # Metadata that is not whole is refused whole.
    vendor.add("3.0")
    vendor.sign()
    newer = bundle_of(world, vendor, "newer")
    next((newer / "metadata").glob(f"*.{PRODUCT}.json")).unlink()
    said = bring(world, newer, status=1)
    require("3.0" not in str(states(world)), said)


@test
def bundle_with_hostile_names_and_links(world):
    """Only names that signed metadata gives are opened, and no link is followed."""
    vendor = world.vendor("1.0", "2.0")
    bundle = bundle_of(world, vendor)
    offline_hub(world, vendor)
    secret = world.work / "secret.json"
    secret.write_text('{"secret": 1}')
    (bundle / "metadata/..json").write_text("{}")
    (bundle / "metadata/a b.json").write_text("{}")
    link = package(bundle, "1.0")
    content = link.read_bytes()
    outside = world.work / "outside.tar"
    outside.write_bytes(content)
    link.unlink()
    link.symlink_to(outside)
    said = bring(world, bundle, status=1, words=["is a link", "1 packages imported"])
    require("secret" not in said, said)
    folder = package(bundle, "2.0").parent
    shutil.move(folder, world.work / "moved")
    folder.symlink_to(world.work / "moved")
    os.mkfifo(world.work / "pipe")
    link.unlink()
    os.rename(world.work / "pipe", link)
    bring(world, bundle, status=1, words=["1 were there already"])
    (bundle / "metadata/evil.json").symlink_to(secret)
    bring(world, bundle, status=1, words=["evil.json", "link"])


@test
def bundle_without_room(world):
    """A quota that is too small refuses before a byte is written, by name; more room and the same command finish it."""
    vendor = world.vendor("1.0", "2.0")
    bundle = bundle_of(world, vendor)
    offline_hub(world, vendor)
    length = package(bundle, "1.0").stat().st_size
    world.axle("pool", "set", "main", "--quota", str(length + 100))
    bring(world, bundle, status=1, words=["no room", "1 packages imported", "axle pool set"])
    world.axle("pool", "set", "main", "--quota", "1GB")
    bring(world, bundle, words=["1 packages imported", "1 were there already"])


@test
def bundle_export_killed(world):
    """Killed at any moment, an export leaves no file that is not whole under its name, and goes on."""
    vendor = Vendor(world)
    vendor.make(releases=())
    for release in ("1.0", "2.0", "3.0"):
        vendor.add(release, files={"bin/tool": (b"#!/bin/sh\necho " + release.encode() + b"\n", 0o755),
                                   "data": (os.urandom(6 << 20), 0o644)})
    vendor.sign()
    bundle = world.work / "bundle"
    command = [
        str(world.program("axle")), "bundle", "export", str(bundle), "--from", str(vendor.catalog), "--root",
        str(vendor.root)]
    for delay in (0.05, 0.12, 0.2):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for path in (bundle / "targets").rglob("*.tar") if bundle.exists() else ():
            original = vendor.catalog / path.relative_to(bundle)
            require(path.read_bytes() == original.read_bytes(), f"{path} is not whole")
    world.run(*command)
    offline_hub(world, vendor)
    bring(world, bundle, words=["3 packages imported"])


def bytes_below(folder):
    """What the files of a folder that is being written to have now."""
    found = 0
    for path in folder.rglob("*"):
        # One that is renamed meanwhile is found the next time.
        with contextlib.suppress(OSError):
            found += path.stat().st_size
    return found


@test
def bundle_import_killed(world):
    """The hub dies in the middle of an import: what was there stays, and the same command finishes it."""
    vendor = Vendor(world)
    vendor.make(releases=())
    for release in ("1.0", "2.0"):
        vendor.add(release, files={"data": (os.urandom(24 << 20), 0o644)})
    vendor.sign()
    bundle = bundle_of(world, vendor)
    offline_hub(world, vendor)
    child = subprocess.Popen(
        [str(part) for part in axle(world)] + ["bundle", "import", str(bundle)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    # As soon as something of it has come, however fast the machine is.
    wait_for("the first bytes of the import", lambda: bytes_below(world.hub_state / "pool") > 1 << 20, 30, interval=0.005)
    world.kill("hub")
    require(child.wait(60) != 0, "the import did not notice that the hub was gone")
    again(world, "hub")
    bring(world, bundle)
    require([s for _, s in states(world)] == ["imported"] * 2, f"wrong states: {states(world)}")


def two_large(world):
    """A vendor with two releases of 12 MB, and a bundle of them."""
    vendor = Vendor(world)
    vendor.make(releases=())
    for release in ("1.0", "2.0"):
        vendor.add(release, files={"data": (os.urandom(12 << 20), 0o644)})
    vendor.sign()
    return vendor, bundle_of(world, vendor)


def behind_a_hub_that_is_gone(world, vendor, disk=None):
    """A spoke that knows the catalog, has none of its packages, and reaches nobody."""
    world.hub()
    server = world.serve(vendor.catalog)
    server.rules = [("targets/", lambda handler, content: handler.send_error(503))]
    world.set_catalog(vendor, server)
    if disk:
        world.small_disk(world.work / "spoke-site", disk)
    world.spoke()
    world.wait_log("spoke-site", "connected to the hub")
    wait_for("the catalog at the spoke", lambda: list((world.work / "spoke-site").rglob("timestamp.json")), 30)
    world.kill("hub")


@test
def bundle_import_on_a_full_disk(world):
    """A disk that fills in the middle of an import: what was there stays, the rest is named, the same command finishes it."""
    vendor, bundle = two_large(world)
    world.small_disk(world.hub_state, "20m")
    offline_hub(world, vendor)
    said = bring(world, bundle, status=1, words=["1 packages imported"])
    require("full" in said or "space" in said or "room" in said, f"not clear: {said}")
    require(sorted(s for _, s in states(world)) != ["imported"] * 2, "24 MB on a disk of 20")
    world.run("mount", "-o", "remount,size=60m", world.hub_state)
    bring(world, bundle, words=["1 packages imported", "1 were there already"])
    require([s for _, s in states(world)] == ["imported"] * 2, f"wrong states: {states(world)}")
    world.check_log()


@test
def spoke_import_on_a_full_disk(world):
    """The same at a spoke, first by itself and then by the one that runs."""
    vendor, bundle = two_large(world)
    behind_a_hub_that_is_gone(world, vendor, "20m")
    for is_running in (True, False):
        if not is_running:
            world.kill("spoke-site")
        said = spoke_import(world, bundle, status=1)
        require("full" in said or "space" in said or "room" in said, f"not clear: {said}")
        contains(said, "1 are not")
    world.run("mount", "-o", "remount,size=60m", world.work / "spoke-site")
    again(world, "spoke-site")
    spoke_import(world, bundle, words=["1 packages imported", "1 were there already"])
    spoke_import(world, bundle, words=["0 packages imported", "2 were there already"])


@test
def spoke_import_killed(world):
    """The command dies, then the spoke that was asked: what was there stays, and the same command finishes it."""
    vendor, bundle = two_large(world)
    behind_a_hub_that_is_gone(world, vendor)
    chance = random.Random(world.seed)
    command = [str(part) for part in (
        world.program("axle-spoke"), "import", "--state", world.work / "spoke-site", bundle)]
    world.kill("spoke-site")
    for _ in range(3):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.02, 0.4))
        child.kill()
        child.wait()
    again(world, "spoke-site")
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(chance.uniform(0.1, 0.5))
    world.kill("spoke-site")
    # The command notices that nobody holds the folder any more, and takes the bundle itself.
    said = child.communicate(timeout=60)[1]
    require(child.returncode == 0 and "0 are not" in said, f"exit {child.returncode}: {said}")
    again(world, "spoke-site")
    spoke_import(world, bundle, words=["0 packages imported", "2 were there already"])


@test
def bundle_refused_by_a_spoke(world):
    """Old, altered and cut bundles at a spoke that runs and has no hub."""
    vendor = world.vendor("1.0")
    old = bundle_of(world, vendor, "old")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    wait_for("the release at the hub", lambda: states(world) == [("1.0", "imported")], 60)
    world.spoke()
    world.wait_verified(1)
    vendor.add("2.0")
    vendor.add("3.0")
    vendor.sign()
    new = bundle_of(world, vendor, "new")
    world.kill("hub")
    evil = package(new, "2.0")
    genuine = evil.read_bytes()
    evil.write_bytes(b"y" * len(genuine))
    short = package(new, "3.0")
    whole = short.read_bytes()
    short.write_bytes(whole[:100])
    spoke_import(world, new, status=1, words=["another hash", "cut short", "0 packages imported", "1 were there already"])
    spoke_import(world, old, status=1, words=["timestampRolledBack", "older"])
    evil.write_bytes(genuine)
    short.write_bytes(whole)
    spoke_import(world, new, words=["2 packages imported"])


@test
def publish_in_steps(world):
    """Two of three holders sign a root on machines of their own; a team signs its product; Python's client accepts the result."""
    axle_program = world.program("axle")
    secret = world.work / "passphrase"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    world.secrets.append("correct horse battery")

    def publish(*words, status=0):
        done = world.run(axle_program, "publish", *words, "--passphrase-file", secret, check=False)
        require(done.returncode == status, f"publish {words}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    holders = ["alice", "bob", "carol"]
    for holder in holders + ["team"]:
        publish("key", holder, "--keys", world.work / holder)
    catalog, online = world.work / "catalog", world.work / "online"
    keys = [word for holder in holders for word in ("--root-key", world.work / holder / f"{holder}.pub")]
    contains(publish("init", catalog, "--keys", online, "--root-threshold", "2", *keys, status=1), "missing: alice")
    require(not (catalog / "metadata").exists(), "something was published below the threshold")
    copies = []
    for holder in ("alice", "carol"):
        # Each holder gets a copy of its own, and they come back together.
        copy = world.work / f"stage-{holder}"
        publish("stage", catalog, "--keys", online, "--to", copy)
        publish("sign", copy, "--keys", world.work / holder)
        copies += ["--staged", copy]
    contains(publish("sign", catalog, "--keys", online, *copies[:2], status=1), "1 of 2")
    publish("sign", catalog, "--keys", online, *copies)
    publish("delegate", catalog, "tool", "--keys", online, "--key", world.work / "team/team.pub")
    stage = world.work / "stage-team"
    publish("stage", catalog, "--keys", online, "--to", stage)
    tar = world.work / "tool.tar"
    make_tree(tar, {"bin/tool": (b"nobody runs it here\n" * 40, 0o755)})
    publish(
        "add", stage, "--keys", world.work / "team", "--product", "tool", "--release", "1.0", "--platform",
        "any-any-any", "--file", tar)
    publish("sign", stage, "--keys", world.work / "team")
    publish("sign", catalog, "--keys", online, "--staged", stage)
    for role in ("timestamp", "snapshot"):
        publish("rotate", catalog, role, "--keys", online)
    contains(publish("sign", catalog, "--keys", online, status=1), "alice")
    last = world.work / "stage-last"
    publish("stage", catalog, "--keys", online, "--to", last)
    for holder in ("bob", "carol"):
        publish("sign", last, "--keys", world.work / holder)
    publish("sign", catalog, "--keys", online, "--staged", last)
    publish("extend", catalog, "--keys", online)
    done = world.run(axle_program, "publish", "check", catalog, "--root", catalog / "metadata/1.root.json")
    contains(done.stdout, "packages: 1, products: 1")
    # python-tuf walks from the first root to the last.
    from tuf.ngclient import Updater
    server = world.serve(catalog)
    kept = world.work / "python"
    kept.mkdir()
    updater = Updater(
        str(kept), server.url + "metadata/", str(kept), server.url + "targets/",
        bootstrap=(catalog / "metadata/1.root.json").read_bytes())
    updater.refresh()
    info = updater.get_targetinfo("tool/1.0/any-any-any/tool.tar")
    require(info is not None, "Python's client does not find the package")
    with open(updater.download_target(info, str(kept / "tool.tar")), "rb") as file:
        require(file.read() == tar.read_bytes(), "Python's client got other bytes")
