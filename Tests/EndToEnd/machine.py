"""What changes on a machine under a daemon that runs: its time zones, its program's file, its database, the calls that it may make."""

import contextlib
import datetime
import errno
import io
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import zoneinfo

from shares import share, wait_says
from world import PRODUCT, Skip, contains, descendants, require, test, wait_for

HERE = pathlib.Path(__file__).resolve().parent
ZONES = pathlib.Path("/usr/share/zoneinfo")

# Time zones


def zone_of(folder, name):
    with (folder / name).open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file)


def next_opening(zone, hour):
    """The next minute at which the zone's wall clock shows that hour, as a time in UTC."""
    moment = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    for _ in range(3 * 24 * 60):
        if moment.astimezone(zone).hour == hour:
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        moment += datetime.timedelta(minutes=1)
    raise AssertionError("no such hour in three days")


def check_zone(world, folder, name):
    """The hub's rule for a zone opens when Python's zoneinfo says, over the same files."""
    zone = zone_of(folder, name)
    hour = (datetime.datetime.now(zone).hour + 2) % 24
    rule = f"20 Mbit/s {hour:02}:00-{(hour + 1) % 24:02}:00 {name}, else none"
    shown = world.axle("spoke", "set", "site", "--limit", rule, "--json")
    wanted = next_opening(zone, hour)
    require(shown["limit"].get("until") == wanted, f"{name}: opens {shown['limit']}, not {wanted}")


def hub_with_zones(world, folder):
    """A hub that reads the time zones of this folder, and a spoke."""
    world.hub()
    world.spoke()
    world.kill("hub")
    world.commands["hub"] = ["env", f"TZDIR={folder}", *world.commands["hub"]]
    world.start("hub", world.commands["hub"])
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)


@test
def time_zones_are_those_of_the_machine_also_when_they_change(world):
    if not (ZONES / "Europe/Berlin").exists():
        raise Skip("this machine has no tzdata")
    folder = world.work / "zoneinfo"
    shutil.copytree(ZONES, folder, symlinks=True)
    hub_with_zones(world, folder)
    names = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Etc/UTC", "Etc/GMT+10", "US/Pacific", "Pacific/Chatham"]
    names = [name for name in names if (folder / name).exists()]
    for name in names:
        check_zone(world, folder, name)
    # An update of tzdata: countries have other rules from now on.
    for name, other in (("Europe/Berlin", "Asia/Tokyo"), ("America/New_York", "Pacific/Kiritimati")):
        new = (folder / name).with_name("new")
        shutil.copy(ZONES / other, new)
        os.replace(new, folder / name)
    for name in names:
        check_zone(world, folder, name)
    require(
        next_opening(zone_of(folder, "Europe/Berlin"), 3) == next_opening(zone_of(folder, "Asia/Tokyo"), 3),
        "the files were not exchanged")


@test
def a_time_zone_that_cannot_be_had_is_refused_and_the_hub_goes_on(world):
    folder = world.work / "zoneinfo"
    folder.mkdir()
    shutil.copy(ZONES / "Europe/Berlin", folder / "Somewhere")
    (folder / "Damaged").write_bytes(b"TZif2")
    (folder / "zone.tab").write_text("# a list\n")
    hub_with_zones(world, folder)

    def refused(name, *words):
        world.refused_axle("spoke", "set", "site", "--limit", f"1 Mbit/s 08:00-09:00 {name}", words=[name, *words])

    refused("Mars/Olympus", "no such zone")
    refused("zone.tab", "no such zone")
    refused("Damaged", "damaged", "tzdata")
    for name in ("../../../etc/passwd", "/etc/passwd", "./Somewhere", "Somewhere/", "Some//where", "x" * 64 + "y"):
        world.refused_axle("spoke", "set", "site", "--limit", f"1 Mbit/s 08:00-09:00 {name}")
    world.axle("spoke", "set", "site", "--limit", "20 Mbit/s 08:00-09:00 Somewhere, else 30 Mbit/s")
    shutil.rmtree(folder)
    refused("Europe/Berlin", "install the package tzdata")
    # The limit that is set cannot be expanded any more: its lowest rate holds, and everything else works.
    shown = world.axle("spoke", "show", "site")
    contains(shown, "20 Mbit/s at all hours", "install the package tzdata")
    world.restart("hub")
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    wait_for("the spoke", lambda: world.axle("spoke", "show", "site", "--json")["connected"])
    world.wait_event("limitSet", "tzdata", "20 Mbit/s holds at all hours")
    world.axle("spoke", "set", "site", "--limit", "1 Mbit/s 08:00-09:00 UTC")


# Databases

DAEMONS = ("hub", "spoke", "agent")


def lose(path, way, whole):
    """A database with this content is gone, empty, overwritten in part, or something else."""
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    if way == "missing":
        path.unlink(missing_ok=True)
    elif way == "empty":
        path.write_bytes(b"")
    elif way == "damaged":
        content = bytearray(whole)
        content[8192:] = random.Random(way).randbytes(len(content) - 8192)
        path.write_bytes(content)
    else:
        path.write_bytes(b"this is no database\n" * 1000)
    if path.exists():
        path.chmod(0o600)


@test
def a_lost_database_is_not_taken_for_a_new_one(world):
    world.small("1.0")
    names = {"hub": "hub", "spoke": "spoke-site", "agent": "agent-box"}
    for daemon in DAEMONS:
        world.kill(names[daemon])
        state = world.work / names[daemon]
        path = state / f"{daemon}.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.read_bytes()
        for way, word in (("missing", "is missing"), ("empty", "is empty"), ("damaged", "is damaged"), ("noise", "is damaged")):
            lose(path, way, whole)
            before = path.read_bytes() if path.exists() else None
            said = world.refused(
                world.program(f"axle-{daemon}"), "run", "--state", state, words=[str(path), word, "restore", "backup"])
            require("no space" not in said.lower() and "full" not in said.lower(), f"the disk is blamed: {said}")
            after = path.read_bytes() if path.exists() else None
            require(before == after, f"{daemon}: the {way} database was changed")
            for beside in path.parent.glob(f"{path.name}-*"):
                beside.unlink()
        if daemon == "agent":
            lose(path, "missing", whole)
            world.refused(world.program("axle-agent"), "status", "--state", state, words=[str(path), "is missing"])
        # Put back it is as it was.
        path.write_bytes(whole)
        path.chmod(0o600)
        world.start(names[daemon], world.commands[names[daemon]])
        if daemon == "hub":
            wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    world.wait_verified(1)
    world.wait_connected(1)


@test
def commands_without_the_daemon_refuse_a_lost_database_and_make_nothing(world):
    world.small("1.0", agents=())
    target = world.work / "elsewhere"
    commands = {
        "hub": [world.program("axle-hub"), "move-pool", "--state", world.hub_state, "--to", target],
        "spoke-site": [world.program("axle-spoke"), "share", "list", "--state", world.work / "spoke-site"],
    }
    for name, command in commands.items():
        world.kill(name)
        state = world.work / name
        path = state / f"{name.split('-')[0]}.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.read_bytes()
        for way, word in (("missing", "is missing"), ("empty", "is empty"), ("noise", "is damaged"), ("folder", "is not a file")):
            lose(path, way if way != "folder" else "missing", whole)
            if way == "folder":
                path.mkdir()
            before = contents(state)
            world.refused(*command, words=[str(path), word, "restore", "backup"])
            require(contents(state) == before, f"{command[1]} changed the state folder of a {way} database")
            require(not target.exists(), f"{command[1]} made {target} beside a {way} database")
            if way == "folder":
                path.rmdir()
        # Put back it is as it was.
        path.write_bytes(whole)
        path.chmod(0o600)
        world.run(*command)
        if target.exists():
            shutil.rmtree(target)


def contents(folder):
    """Every path below with its size and its last change."""
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*") if not path.is_dir() or path.name.endswith(".db")}


# Permissions

# As this user every test runs that is about what root may not do.
OTHER = 61234


def as_other(world):
    """A prefix that runs a command without root's rights, and the user that it runs as."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not here")
    return ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", "--"], OTHER


def hand_over(folder, user):
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, user, user)


@test
def a_state_folder_that_cannot_be_used_is_named_with_what_mends_it(world):
    prefix, user = as_other(world)
    world.small("1.0")
    names = {"hub": "hub", "spoke": "spoke-site", "agent": "agent-box"}
    for path in [world.work, *world.work.parents]:
        if path.stat().st_mode & 0o005 != 0o005:
            path.chmod(path.stat().st_mode | 0o055)
    for daemon, name in names.items():
        world.kill(name)
        state = world.work / name
        if prefix:
            hand_over(state, user)
        run = [*prefix, world.program(f"axle-{daemon}"), "run", "--state", state]
        keys = [state / "identity" / name for name in ("order.key", "current.pem", "key.pem")]
        key = next(path for path in keys if path.exists())
        # What it is, the mode that it gets, and the mode that the command has to give back.
        for path, mode in ((state / f"{daemon}.db", 0o000), (state / f"{daemon}.db", 0o400), (state, 0o500),
                           (state, 0o000), (state / "format", 0o000), (state / "lock", 0o000),
                           (state / "identity", 0o000), (key, 0o000), (state / "pool", 0o000)):
            if not path.exists():
                continue  # an agent has no pool
            if daemon == "agent" and mode == 0o500:
                continue  # it may have nothing to make there
            good = path.stat().st_mode & 0o7777
            path.chmod(mode)
            refused_access(world, run, path, user, f"has mode {mode:o}", "chmod u+rw")
            path.chmod(good)
        if prefix:
            for path in (state / f"{daemon}.db", state / "lock", state / "identity", state):
                good = path.stat().st_mode & 0o7777
                os.chown(path, 0, 0)
                path.chmod(0o700 if path.is_dir() else 0o600)
                refused_access(world, run, path, 0, f"runs as user {user}", "chown", f"or run this program as user {0}")
                os.chown(path, user, user)
                path.chmod(good)


def refused_access(world, run, path, owner, *words):
    """The daemon does not work, says whose the path is, and the command that it names mends that."""
    # An agent's supervisor starts it again, so that it is stopped here.
    done = subprocess.run(["timeout", "10", *run], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    contains(said, f"{path} belongs to user {owner}", *words)
    require(done.returncode == 1 or "axle-agent serve" in said, f"it goes on: {done.returncode}: {said}")
    require("denied" in said or "readonly" in said, f"the cause is hidden: {said}")
    command = re.search(r"; run: ([^,\n]+)", said)
    require(command, f"no command is named: {said}")
    done = subprocess.run(command.group(1), shell=True, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{command.group(1)}: {done.stderr}")
    for right in ("-r", "-w"):
        test_command = [*run[:-4], "test", right, path]
        require(subprocess.run(test_command, check=False).returncode == 0, f"{command.group(1)} does not mend it")


@test
def a_database_that_is_damaged_under_the_hub_ends_it_and_is_named(world):
    world.small("1.0")
    process = world.processes["hub"]
    for path, first in ((world.hub_state / "hub.db", 4096), (world.hub_state / "hub.db-wal", 0)):
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(first)
            file.write(random.Random(path.name).randbytes(max(0, size - first)))

    def ended():
        # After a change the hub's reader looks at the file again; what was written since is whole, so it looks at more.
        world.axle("token", "create", "--role", "spoke", check=False)
        for words in (["log"], ["package", "list"], ["client", "list"], ["status"]):
            world.axle(*words, check=False)
        return process.poll() is not None
    wait_for("the hub to end", ended, 30, interval=0.5)
    require(process.returncode == 1, f"the hub ended with {process.returncode}")
    contains(world.log_of("hub"), "is damaged", "restore the whole state folder from a backup")


# The program's file


def own_programs(world):
    """Copies of the programs, which the test may replace."""
    folder = world.work / "programs"
    folder.mkdir()
    for name in ("axle", "axle-hub", "axle-spoke", "axle-agent"):
        shutil.copy(world.binaries / name, folder)
    world.binaries = folder
    return folder


def replace_programs(folder, way):
    for name in ("axle-hub", "axle-spoke", "axle-agent"):
        if way == "gone":
            (folder / name).unlink()
            continue
        new = folder / "new"
        new.write_bytes(b"#!/bin/sh\nexit 2\n")
        new.chmod(0o755)
        os.replace(new, folder / name)


def replaced(world, way):
    folder = own_programs(world)
    vendor, _ = world.small("1.0", packed=True)
    shown = world.work / "srv"
    shown.mkdir()
    share(world, "add", "tools", "--product", PRODUCT, "--folder", shown, "--shows", "newest")
    wait_says(shown, "1.0")
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    replace_programs(folder, way)
    # The agent proper too: its supervisor starts it again.
    supervisor = world.processes["agent-box"].pid
    proper = descendants(supervisor)
    for pid in proper:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    vendor.publish("2.0", packed=True)
    wait_says(shown, "2.0")
    wait_for("another agent proper", lambda: set(descendants(supervisor)) - set(proper), 30)
    world.wait_rollout(world.roll_out(PRODUCT, "2.0"), {"box": "succeeded"})
    require(world.tool_says() == "2.0", f"the agent runs {world.tool_says()}")
    failed = [e for e in world.events() if e["code"] in ("shareFailed", "replicaFailed", "actionFailed")]
    require(not failed, f"something failed meanwhile: {failed}")
    # In the list of processes the agent proper has its name.
    names = {pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in descendants(supervisor)}
    require(names == {"axle-agent"}, f"the agent proper is called {names}")


@test
def daemons_go_on_when_their_program_is_replaced(world):
    replaced(world, "replaced")


@test
def daemons_go_on_when_their_program_is_removed(world):
    replaced(world, "gone")


# Calls that are refused

OPENAT2 = 437


def unpack(world, members, call, number, into):
    """Unpacks a tar of (name, kind, target) in a limited child for which a call fails so; its exit status and its word."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = target
            info.mode = 0o755
            info.size = 1 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"x"))
    archive = world.work / "archive.tar"
    archive.write_bytes(content.getvalue())
    into.mkdir()
    command = [
        "sh", "-c", 'exec "$0" "$@" 3<&0', world.program("axle-agent"), "confined", "unpack", into, 1000, 1_000_000]
    if number is not None:
        command = [sys.executable, HERE / "refuse.py", call, number, *command]
    with archive.open("rb") as file:
        done = subprocess.run([str(part) for part in command], stdin=file, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip()


@test
def archives_are_unpacked_where_openat2_is_refused(world):
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Skip("the number of openat2 is not known here")
    file, folder, link, hard = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    good = [
        ("bin", folder, ""), ("bin/app", file, ""), ("a/b/c", file, ""), ("bin/now", link, "app"), ("x", hard, "bin/app")]
    evil = {
        "a link as a folder": [("d", folder, ""), ("l", link, "d"), ("l/x", file, "")],
        "a file as a folder": [("d", file, ""), ("d/x", file, "")],
        "a hard link over a link": [("d", folder, ""), ("d/x", file, ""), ("l", link, "d"), ("h", hard, "l/x")],
        "a hard link to a link": [("f", file, ""), ("l", link, "f"), ("h", hard, "l")],
    }
    for number in (None, errno.ENOSYS, errno.EPERM):
        name = errno.errorcode.get(number, "none")
        into = world.work / f"good-{name}"
        status, said = unpack(world, good, OPENAT2, number, into)
        require(status == 0, f"{name}: exit {status}, {said}")
        require((into / "bin/now").read_bytes() == b"x" and (into / "a/b/c").exists(), f"{name}: not all is there")
        require((into / "x").samefile(into / "bin/app"), f"{name}: no hard link")
        for what, members in evil.items():
            into = world.work / f"evil-{name}-{what.replace(' ', '-')}"
            status, said = unpack(world, members, OPENAT2, number, into)
            require(status == 1 and said.split()[0] in ("link", "path"), f"{name}, {what}: exit {status}, {said}")


@test
def a_machine_that_refuses_is_blamed_and_not_the_archive(world):
    if platform.machine() != "x86_64":
        raise Skip("the numbers of the calls are not known here")
    members = [
        ("bin/app", tarfile.REGTYPE, ""), ("l", tarfile.SYMTYPE, "bin/app"), ("h", tarfile.LNKTYPE, "bin/app")]
    for name, call in {"symlinkat": 266, "linkat": 265, "mkdirat": 258, "fchmod": 91}.items():
        for refusal in (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS):
            status, said = unpack(world, members, call, refusal, world.work / f"{name}-{refusal}")
            require(status == 1 and said.startswith("failed "), f"{name}, errno {refusal}: exit {status}, {said}")
            contains(said, "this machine's, not the archive's")
