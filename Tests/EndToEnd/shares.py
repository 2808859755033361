"""Shares: folders of a spoke's machine that show the newest release of a product."""

import io
import os
import random
import shutil
import subprocess
import tarfile
import threading
import time

from world import PLATFORM, PRODUCT, Skip, Vendor, require, test, tool, wait_for


def share(world, *arguments, spoke="site"):
    return world.run(
        world.program("axle-spoke"), "share", arguments[0], "--state", world.work / f"spoke-{spoke}", *arguments[1:]).stdout


def add(world, name, folder, *more):
    folder.mkdir(parents=True, exist_ok=True)
    rule = () if "--shows" in more else ("--shows", "newest")
    share(world, "add", name, "--product", PRODUCT, "--folder", folder, *rule, *more)


def says(folder):
    """What the program in a share prints: None where there is none; a mixture of releases is a failure."""
    current = folder / "current"
    if not os.path.lexists(current):
        return None
    target = os.path.realpath(current)
    done = subprocess.run([f"{target}/bin/tool"], capture_output=True, text=True, check=True)
    words = done.stdout.split()
    require(len(words) == 2 and words[0] == words[1], f"{folder} shows a mixture: {words}")
    require(os.path.basename(target).startswith(f"{words[0]}-"), f"{folder} shows {words[0]} as {target}")
    return words[0]


def wait_says(folder, release, deadline=40):
    wait_for(f"{folder} to show {release}", lambda: says(folder) == release, deadline)


def shown_at_hub(world, name):
    shares = world.axle("spoke", "show", "site", "--json").get("shares") or []
    return next((s for s in shares if s["name"] == name), None)


@test
def a_share_shows_the_newest_release(world):
    world.small("1.0", agents=())
    one, two = world.work / "share one", world.work / "share-two"
    add(world, "one", one)
    add(world, "two", two, "--keep", "1")
    for folder in (one, two):
        wait_says(folder, "1.0")
    world.wait_event("sharePublished", "1.0", str(two))
    held = wait_for("the hub to show it", lambda: (
        s if (s := shown_at_hub(world, "one")) and s["state"] == "published" else None), 20)
    require(held["release"] == "1.0" and held["folder"] == str(one), f"shown as {held}")

    # A client that runs from the release before goes on, whatever comes.
    old = (one / "current").resolve()
    stop, seen, failures = threading.Event(), set(), []

    def client():
        with open(old / "share/part") as kept:
            while not stop.is_set():
                try:
                    kept.seek(0)
                    require(kept.read() == "1.0\n" and (old / "bin/tool").exists(), "the old release was touched")
                    seen.add(says(one))
                except Exception as error:  # noqa: BLE001  (told below)
                    failures.append(str(error))
                    return

    thread = threading.Thread(target=client)
    thread.start()
    try:
        Vendor(world).publish("2.0")
        for folder in (one, two):
            wait_says(folder, "2.0")
        time.sleep(0.3)
    finally:
        stop.set()
        thread.join()
    require(not failures and seen == {"1.0", "2.0"}, f"{failures} {seen}")
    require(len(list((one / ".releases").glob("[0-9]*"))) == 2, "the release before is gone")
    require(len(list((two / ".releases").glob("[0-9]*"))) == 1, "more than one is kept")

    listed = share(world, "list")
    require("2.0" in listed and str(one) in listed, f"listed as {listed}")
    share(world, "remove", "two")
    wait_for("the hub to forget it", lambda: shown_at_hub(world, "two") is None, 20)
    Vendor(world).publish("3.0")
    wait_says(one, "3.0")
    require(says(two) == "2.0", "a share that was removed was changed")
    # Taken back by the vendor: the newest that is still named.
    world.run(
        world.program("axle"), "publish", "remove", Vendor(world).catalog, f"{PRODUCT}/3.0/{PLATFORM}/{PRODUCT}-3.0.tar",
        "--keys", Vendor(world).keys)
    Vendor(world).sign()
    world.axle("catalog", "refresh")
    wait_says(one, "2.0")


def wait_why(world, name, *words):
    """Waits until the hub shows these words about a share, and gives the share."""
    return wait_for(f"share {name} to say {words}", lambda: (
        s if (s := shown_at_hub(world, name)) and all(w in (s.get("problem") or "") for w in words) else None), 30)


def publish(world, release, **options):
    vendor = Vendor(world)
    vendor.add(release, **options)
    vendor.sign()
    world.axle("catalog", "refresh")


@test
def a_share_does_not_show_a_release_that_rolled_back(world):
    world.small("1.0")
    follows, newest, pinned = (world.work / name for name in ("follows", "newest", "pinned"))
    follows.mkdir()
    share(world, "add", "follows", "--product", PRODUCT, "--folder", follows, "--shows", "completed")
    # Nothing is said about the rule.
    newest.mkdir()
    share(world, "add", "newest", "--product", PRODUCT, "--folder", newest)
    add(world, "pinned", pinned, "--shows", "1.0")
    for folder in (newest, pinned):
        wait_says(folder, "1.0")
    waits = wait_why(world, "follows", f"no rollout of {PRODUCT} has completed yet")
    require(waits["state"] == "waiting" and waits["shows"] == "completed", f"shown as {waits}")
    require(says(follows) is None, "a release is shown that nobody has rolled out")
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    wait_says(follows, "1.0")

    publish(world, "2.0", health=3)
    wait_says(newest, "2.0")
    rollout = world.roll_out(PRODUCT, "2.0")
    world.wait_rollout(rollout, {"box": "rolledBack"})
    world.axle("rollout", "watch", rollout, check=False)
    publish(world, "3.0")
    wait_says(newest, "3.0")
    require(says(follows) == "1.0", f"the share shows {says(follows)}, which rolled back or was never rolled out")
    # The site goes on without its hub, also through a restart.
    world.kill("hub")
    world.restart("spoke-site")
    time.sleep(2)
    require(says(follows) == "1.0" and says(pinned) == "1.0", "a restart without the hub changed a share")
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    world.wait_rollout(world.roll_out(PRODUCT, "3.0"), {"box": "succeeded"})
    wait_says(follows, "3.0")
    require(says(pinned) == "1.0", "a pinned share has moved")

    listed = share(world, "list")
    rules = {line.split()[0]: line.split() for line in listed.splitlines()[1:]}
    for name, rule, shown in [("follows", "completed", "3.0"), ("newest", "newest", "3.0"), ("pinned", "1.0", "1.0")]:
        require(rules[name][4:6] == [rule, shown], f"listed as {rules[name]}")
    # The owner changes the rule, which leads back; said again without a rule it stays.
    share(world, "remove", "newest")
    share(world, "add", "newest", "--product", PRODUCT, "--folder", newest, "--shows", "2.0")
    wait_says(newest, "2.0")
    share(world, "add", "newest", "--product", PRODUCT, "--folder", newest)
    share(world, "remove", "newest")
    share(world, "add", "newest", "--product", PRODUCT, "--folder", newest, "--shows", "completed")
    wait_says(newest, "3.0")
    share(world, "remove", "newest")
    share(world, "add", "newest", "--product", PRODUCT, "--folder", newest, "--shows", "9.9")
    gone = wait_why(world, "newest", f"the catalog does not name {PRODUCT} 9.9", "3.0 stays")
    require(gone["state"] == "published" and gone["shows"] == "9.9", f"shown as {gone}")
    world.refused(
        world.program("axle-spoke"), "share", "add", "bad", "--state", world.work / "spoke-site", "--product", PRODUCT,
        "--folder", world.work / "bad", "--shows", "a b", status=2, words=["a b"])


@test
def kill_nine_while_a_share_is_filled(world):
    vendor = world.vendor("1.0")
    files = {**tool("2.0"), **{f"data/{n}": (b"%d" % n * 2000, 0o644) for n in range(400)}}
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.wait_verified(1)
    chance = random.Random(world.seed)
    folders = [world.work / f"share-{n}" for n in range(3)]
    for number, folder in enumerate(folders):
        add(world, f"s{number}", folder)
    for folder in folders:
        wait_says(folder, "1.0")
    vendor.publish("2.0", files=files)
    cuts = 0
    ends = time.monotonic() + 25
    while time.monotonic() < ends and not all(says(f) == "2.0" for f in folders):
        started = [f for f in folders if (f / ".releases/.new").exists()]
        if not started:
            time.sleep(0.005)
            continue
        time.sleep(chance.uniform(0, 0.08))
        world.kill("spoke-site")
        cuts += 1
        for folder in folders:
            require(says(folder) in ("1.0", "2.0"), f"{folder} shows {says(folder)} after a cut")
        world.start("spoke-site", world.commands["spoke-site"])
        time.sleep(chance.uniform(0.5, 1.5))
    require(cuts, "no cut came while a share was filled")
    for folder in folders:
        wait_says(folder, "2.0", 90)
        require(len(list((folder / "current/data").iterdir())) == 400, "a release that is not whole is shown")
        wait_for("leftovers to go", lambda: not (folder / ".releases/.new").exists(), 20)


def share_on_a_small_disk(world):
    """A disk of 2 MB with a share that shows 1.0."""
    disk = world.work / "share-disk"
    world.small_disk(disk, size="2m")
    world.small("1.0", agents=())
    add(world, "small", disk / "apps")
    wait_says(disk / "apps", "1.0")
    return disk


def wait_for_no_room(world, disk):
    """The share says that it has no room for the next release, and shows 1.0 as it was."""
    world.wait_event("shareFailed", "room")
    require(says(disk / "apps") == "1.0", "a full disk spoilt what was shown")
    shown = shown_at_hub(world, "small")
    require(shown["state"] == "failed" and "room" in shown["problem"], f"shown as {shown}")


@test
def a_share_on_a_full_or_read_only_disk(world):
    disk = share_on_a_small_disk(world)
    world.fill(disk)
    Vendor(world).publish("2.0")
    wait_for_no_room(world, disk)
    world.free(disk)
    wait_says(disk / "apps", "2.0", 60)
    world.run("mount", "-o", "remount,ro", disk)
    Vendor(world).publish("3.0")
    world.wait_event("shareFailed", "read-only")
    require(says(disk / "apps") == "2.0", "it was changed")
    world.run("mount", "-o", "remount,rw", disk)
    wait_says(disk / "apps", "3.0", 60)


@test
def a_disk_that_fills_while_a_share_is_filled(world):
    """A file takes a page of this disk, so the release fits by its bytes and does not fit by its files."""
    disk = share_on_a_small_disk(world)
    files = {**tool("2.0"), **{f"data/{n}": (b"%d" % n, 0o644) for n in range(800)}}
    Vendor(world).publish("2.0", files=files)
    wait_for_no_room(world, disk)
    world.run("mount", "-o", "remount,size=16m", disk)
    wait_says(disk / "apps", "2.0", 60)
    require(len(list((disk / "apps/current/data").iterdir())) == 800, "a release that is not whole is shown")


@test
def a_share_that_the_spoke_may_not_write(world):
    world.small("1.0", agents=())
    folder = world.work / "share"
    add(world, "apps", folder)
    wait_says(folder, "1.0")
    if os.geteuid() == 0:
        # root may write everywhere, unless that right is taken from it.
        if not shutil.which("setpriv"):
            raise Skip("setpriv is not here")
        world.kill("spoke-site")
        rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"]
        world.start("spoke-site", rights + world.commands["spoke-site"])
    for closed in (folder / ".releases", folder):
        closed.chmod(0o555)
    Vendor(world).publish("2.0")
    world.wait_event("shareFailed", "may not write", str(folder))
    require(says(folder) == "1.0", "what was shown was changed")
    shown = shown_at_hub(world, "apps")
    require(shown["state"] == "failed" and shown["release"] == "1.0", f"shown as {shown}")
    require("may not write" in shown["problem"], f"shown as {shown}")
    # The release can be made now, and `current` cannot be switched.
    (folder / ".releases").chmod(0o755)
    wait_for("the release to be made", lambda: list((folder / ".releases").glob("2.0-*")), 60)
    require(says(folder) == "1.0", "what was shown was changed")
    folder.chmod(0o755)
    wait_says(folder, "2.0", 60)


@test
def shares_of_packages_in_a_container_pool(world):
    """The pool has no file of a package, packed or not: the share is made of what is read out of its chunks, through kills too."""
    filler = random.Random("container").randbytes(3_000_000)

    def files(release):
        many = {f"data/{n}": (b"%d" % n * 2000, 0o644) for n in range(300)}
        return {**tool(release), **many, "share/filler": (filler + release.encode(), 0o644)}

    world.small("1.0", agents=(), join=("--pool", "container"), files=files("1.0"))
    require(list((world.work / "spoke-site/pool").glob("containers/*.container")), "this is no container pool")
    folder = world.work / "share"
    add(world, "apps", folder)
    wait_says(folder, "1.0")
    # A file of another kind is copied as it was published.
    vendor = Vendor(world)
    script = vendor.base / "setup.sh"
    script.write_bytes(b"#!/bin/sh\n: " + filler.hex().encode() + b"\n")
    world.run(
        world.program("axle"), "publish", "add", vendor.catalog, "--keys", vendor.keys, "--product", "setup",
        "--release", "1.0", "--platform", PLATFORM, "--kind", "script", "--file", script, "--line", "main")
    scripts = world.work / "scripts"
    scripts.mkdir()
    share(world, "add", "scripts", "--product", "setup", "--folder", scripts, "--shows", "newest")
    vendor.publish("2.0", files=files("2.0"), packed=True)
    cuts = 0
    ends = time.monotonic() + 60
    while says(folder) != "2.0":
        require(time.monotonic() < ends, f"{folder} does not show 2.0")
        if cuts < 2 and (folder / ".releases/.new").exists():
            world.kill("spoke-site")
            cuts += 1
            require(says(folder) in ("1.0", "2.0"), f"{folder} shows {says(folder)} after a cut")
            world.start("spoke-site", world.commands["spoke-site"])
        time.sleep(0.01)
    require(cuts, "no cut came while the share was filled")
    current = folder / "current"
    require((current / "share/filler").read_bytes() == filler + b"2.0", "it is not what was published")
    require(len(list((current / "data").iterdir())) == 300, "a release that is not whole is shown")
    wait_for("the script", lambda: (scripts / "current/setup.sh").exists(), 30)
    require((scripts / "current/setup.sh").read_bytes() == script.read_bytes(), "it is not what was published")


@test
def a_share_that_cannot_be_used(world):
    world.small("1.0", agents=())
    missing, taken, link = (world.work / name for name in ("missing", "taken", "link"))
    missing.mkdir()
    add(world, "missing", missing)
    wait_says(missing, "1.0")
    taken.mkdir()
    (taken / "current").write_text("mine")
    add(world, "taken", taken)
    world.wait_event("shareFailed", str(taken / "current"), "move it away")
    require((taken / "current").read_text() == "mine", "somebody else's file was touched")
    (taken / "current").unlink()
    wait_says(taken, "1.0", 60)
    link.symlink_to(missing)
    add(world, "link", link)
    world.wait_event("shareFailed", str(link), "is a link")
    for words, arguments in [
        (["one in the other"], ["bad", "--product", PRODUCT, "--folder", taken / "inside"]),
        (["state folder"], ["bad", "--product", PRODUCT, "--folder", world.work / "spoke-site/pool"]),
        (["--keep"], ["bad", "--product", PRODUCT, "--folder", "/srv/x", "--keep", "0"]),
        (["other settings"], ["taken", "--product", "another", "--folder", taken]),
    ]:
        world.refused(
            world.program("axle-spoke"), "share", "add", "--state", world.work / "spoke-site", *arguments, status=2,
            words=words)


@test
def a_package_that_leads_out_of_a_share(world):
    vendor = world.vendor("1.0")
    folder = world.work / "share"
    outside = world.work / "outside"
    outside.mkdir()
    evil = vendor.base / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        info = tarfile.TarInfo("out")
        info.type, info.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(info)
        info = tarfile.TarInfo("out/written")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    vendor.add_unchecked("2.0", evil)
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.wait_verified(2)
    add(world, "apps", folder)
    world.wait_event("shareFailed", "could not be unpacked")
    require(not list(outside.iterdir()), "it wrote outside")
    require(not os.path.lexists(folder / "current"), "it is shown")
    vendor.publish("3.0")
    wait_says(folder, "3.0")


@test
def a_debian_package_updates_by_a_patch_and_is_shown(world):
    """What comes is the content; it is shown under the published name, and dpkg takes it for the same package."""
    filler = random.Random("deb").randbytes(3_000_000)
    vendor = Vendor(world).make(())

    def publish_deb(release):
        tree = vendor.base / f"deb-{release}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "opt").mkdir()
        (tree / "DEBIAN/control").write_text(
            f"Package: tool\nVersion: {release}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a tool\n")
        (tree / "opt/tool").write_bytes(filler[:1_000_000] + release.encode() + filler[1_000_000:])
        package = vendor.base / f"tool_{release}.deb"
        world.run("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, package)
        world.run(
            world.program("axle"), "publish", "add", vendor.catalog, "--keys", vendor.keys, "--product", PRODUCT,
            "--release", release, "--platform", PLATFORM, "--file", package, "--line", "main")
        vendor.sign()
        return package

    publish_deb("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.spoke()
    world.wait_verified(1)
    folder = world.work / "share"
    add(world, "debs", folder)
    wait_for("the first to be shown", lambda: (folder / "current/tool_1.0.deb").exists(), 30)
    published = publish_deb("2.0")
    world.axle("catalog", "refresh")
    world.wait_verified(2)
    means = {r["package"].split(":")[1]: r for r in world.axle("spoke", "show", "site", "--json")["replicas"]}
    require(means["2.0"]["means"] == "patch" and means["2.0"]["sent"] < 30_000, f"it came as {means['2.0']}")
    wait_for("the second to be shown", lambda: (folder / "current/tool_2.0.deb").exists(), 30)
    shown = folder / "current/tool_2.0.deb"
    require(shown.stat().st_size != published.stat().st_size, "this is the published file, not its content")
    for question in (("--field",), ("--contents",), ("--fsys-tarfile",)):
        answers = [
            subprocess.run(["dpkg-deb", *question, p], capture_output=True, check=True).stdout for p in (shown, published)]
        require(answers[0] == answers[1], f"dpkg-deb {question} says other things of the two")
