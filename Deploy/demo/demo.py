"""Axle's main job on one machine: a hub, two spokes and six agents update a real program in two real releases.

Run by `make demo`. Everything listens on loopback; the work folder is removed at the end, or kept with --keep.
Exit status 0 means that every step was seen to hold.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

from fleet import ROOT, Failure, Fleet, make_tree, say, serve, wait_for

PRODUCT = "ruff"
RELEASES = ("0.12.0", "0.12.1")
PLATFORM = "linux-x86_64-glibc"


def step(text):
    say(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else f"\n{text}")


def fetch_wheels(cache):
    """The real program in two real releases, from PyPI, kept for the next run."""
    cache.mkdir(parents=True, exist_ok=True)
    executables = {}
    for release in RELEASES:
        found = list(cache.glob(f"{PRODUCT}-{release}-*.whl"))
        if not found:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                 "--only-binary=:all:", "--platform", "manylinux2014_x86_64", f"{PRODUCT}=={release}", "-d", str(cache)],
                check=True)
            found = list(cache.glob(f"{PRODUCT}-{release}-*.whl"))
        with zipfile.ZipFile(found[0]) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith("scripts/ruff"))
            executables[release] = wheel.read(name)
    return executables


class Machine:
    """One target machine of the demo: what is special about it and what it must say."""

    def __init__(self, name, spoke, why=None, autodeploy="yes", scheduler=True, wrapper=()):
        self.name = name
        self.spoke = spoke
        self.why = why
        self.autodeploy = autodeploy
        self.scheduler = scheduler
        self.wrapper = list(wrapper)


MACHINES = [
    Machine("mail-1", "north"),
    Machine("mail-2", "north"),
    Machine("web-1", "south"),
    Machine("old-32", "south", why="os32Bit", wrapper=("setarch", "i686")),
    Machine("frozen", "north", why="autodeployNo", autodeploy="no"),
    Machine("asleep", "south", why="schedulerNotRunning", scheduler=False),
]


def publish(fleet, executables):
    """The vendor: makes a catalog with two releases of a real program and two of the agent itself, and signs it."""
    work = fleet.work
    catalog, keys = work / "catalog", work / "keys"
    axle = fleet.program("axle")
    fleet.run(axle, "publish", "init", catalog, "--keys", keys)
    for release in RELEASES:
        tar = work / f"{PRODUCT}-{release}.tar"
        make_tree(tar, {"bin/ruff": (executables[release], 0o755)})
        add_package(
            fleet, PRODUCT, release, tar, "--program", "bin/ruff", "--health", "bin/ruff --version",
            "--needs-scheduler")
    agent = (fleet.binaries / "axle-agent").read_bytes()
    # A release of the agent that passes its health check and then cannot run: the way back must find the one before it.
    broken = b"#!/bin/sh\ncase \"$1\" in --version) echo broken ;; *) echo cannot run >&2; exit 1 ;; esac\n"
    for release, program in (("1.0", agent), ("1.1", broken)):
        tar = work / f"axle-agent-{release}.tar"
        make_tree(tar, {"bin/axle-agent": (program, 0o755)})
        add_package(
            fleet, "axle-agent", release, tar, "--program", "bin/axle-agent", "--health", "bin/axle-agent --version")
    fleet.run(axle, "publish", "sign", catalog, "--keys", keys)
    fleet.run(axle, "publish", "check", catalog)
    return catalog


def add_package(fleet, product, release, tar, *more):
    fleet.run(
        fleet.program("axle"), "publish", "add", fleet.work / "catalog", "--keys", fleet.work / "keys", "--product",
        product, "--release", release, "--platform", PLATFORM, "--kind", "tree", "--file", tar, *more)


def join_agent(fleet, machine, address):
    """Joins through the spoke and starts the agent with its machine's own configuration."""
    state = fleet.work / f"agent-{machine.name}"
    fleet.run(
        fleet.program("axle-agent"), "join", "--state", state, "--spoke", address, "--token-file", "-",
        "--name", machine.name, stdin=fleet.token("agent", spoke=machine.spoke))
    pid_file = fleet.work / f"scheduler-{machine.name}.pid"
    if machine.scheduler:
        fleet.start(f"scheduler-{machine.name}", ["sleep", "86400"])
        pid_file.write_text(f"{fleet.processes[f'scheduler-{machine.name}'].pid}\n")
    (state / "agent.json5").write_text(
        "// This machine's own word; it may restrict what a release asks for, never widen it.\n"
        f"{{ autodeploy: '{machine.autodeploy}', scheduler: {{ pidFile: '{pid_file}' }} }}\n")
    fleet.start(
        f"agent-{machine.name}",
        [*machine.wrapper, fleet.program("axle-agent"), "run", "--state", str(state)])


def program_version(fleet, machine):
    program = fleet.work / f"agent-{machine.name}/products/{PRODUCT}/current/bin/ruff"
    if not program.exists():
        return None
    return fleet.run(program, "--version").stdout.split()[1]


def running_agent(fleet, machine):
    """The release whose program the machine's agent runs now, by its process: \"own\" for the one it was joined with."""
    state = str(fleet.work / f"agent-{machine}")
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            program = os.readlink(entry / "exe")
        except OSError:
            continue
        if b"serve" in command and state.encode() in command:
            return pathlib.Path(program).parts[-3] if "products/" in program else "own"
    return None


def show_refusals(fleet, rollout):
    for name, action in sorted(fleet.actions_of(rollout).items()):
        for reason in action["reasons"]:
            say(f"  {name:8} {action['state']:10} {reason['code']}: {reason['text']}")


def run(fleet, executables):
    started = time.monotonic()
    step("1. The vendor publishes a signed catalog, served by any web server")
    catalog = publish(fleet, executables)
    url = serve(catalog)
    say(f"  {PRODUCT} {' and '.join(RELEASES)}, axle-agent 1.0 and 1.1, at {url}")

    step("2. A hub, two spokes and six agents join over mutual TLS")
    fleet.start_hub()
    addresses = {name: fleet.join_spoke(name) for name in ("north", "south")}
    for machine in MACHINES:
        join_agent(fleet, machine, addresses[machine.spoke])
    wait_for(
        "six agents to be connected",
        lambda: sum(c["connected"] and bool(c.get("facts")) for c in fleet.axle("client", "list", "--json")) == 6)
    say(fleet.axle("client", "list"))

    step("3. The hub takes the catalog over and replicates the packages to both spokes")
    root = next(iter(sorted(catalog.rglob("1.root.json"))))
    fleet.axle("catalog", "set", "--url", url, "--root", root)
    wait_for(
        "every package to be verified at both spokes",
        lambda: all(
            p["state"] == "imported" and [r["state"] for r in p["replicas"]] == ["verified"] * 2
            for p in fleet.axle("package", "list", "--json") or [{"state": "none"}]))
    say(fleet.axle("package", "list"))

    fine = [machine for machine in MACHINES if not machine.why]
    refused = [machine for machine in MACHINES if machine.why]
    expected = {m.name: "succeeded" for m in fine} | {m.name: "refused" for m in refused}
    for number, release in enumerate(RELEASES, 4):
        step(f"{number}. {PRODUCT} {release} goes to every eligible machine, and the others say why not")
        rollout = fleet.roll_out(PRODUCT, release)
        fleet.wait_rollout(rollout, expected)
        show_refusals(fleet, rollout)
        for machine in refused:
            codes = [reason["code"] for reason in fleet.actions_of(rollout)[machine.name]["reasons"]]
            if codes != [machine.why]:
                raise Failure(f"{machine.name} must say {machine.why}, it said {codes}")
            if program_version(fleet, machine):
                raise Failure(f"{machine.name} is not eligible and has the program all the same")
        for machine in fine:
            version = program_version(fleet, machine)
            if version != release:
                raise Failure(f"{machine.name}: {PRODUCT} --version says {version}, not {release}")
            say(f"  {machine.name:8} {PRODUCT} --version says {version}")

    step("6. The agent of mail-1 updates itself; then to a release that cannot run, from which it comes back")
    fleet.wait_rollout(fleet.roll_out("axle-agent", "1.0", ["mail-1"]), {"mail-1": "succeeded"})
    wait_for("mail-1 to run agent 1.0", lambda: running_agent(fleet, "mail-1") == "1.0")
    say("  mail-1 runs agent 1.0")
    fleet.wait_rollout(fleet.roll_out("axle-agent", "1.1", ["mail-1"]), {"mail-1": "rolledBack"})
    wait_for("mail-1 to run agent 1.0 again", lambda: running_agent(fleet, "mail-1") == "1.0")
    say("  agent 1.1 could not run: mail-1 went back to 1.0 by itself")

    step("7. An order reaches its machine although the hub is away")
    rollout = hub_away(fleet)
    fleet.wait_rollout(rollout, {"mail-2": "succeeded"})
    say("  mail-2 installed while the hub was down; the report came in when it was back")

    step("8. What the log says")
    lines = fleet.axle("log").splitlines()
    for line in lines[-8:]:
        say(f"  {line[:150]}")
    say(f"\nDone in {time.monotonic() - started:.0f} s: {len(fine)} machines run {PRODUCT} {RELEASES[-1]}, "
        f"{len(refused)} were refused with their reasons, {len(lines)} lines in the activity log.")


def hub_away(fleet):
    """The hub goes down as soon as the spoke holds the order; the spoke's agent is started only then."""
    fleet.kill("agent-mail-2")
    rollout = fleet.roll_out("axle-agent", "1.0", ["mail-2"])
    fleet.wait_rollout(rollout, {"mail-2": "offered"})
    fleet.kill("hub")
    fleet.start("agent-mail-2", fleet.commands["agent-mail-2"])
    wait_for("mail-2 to run agent 1.0 without a hub", lambda: running_agent(fleet, "mail-2") == "1.0")
    fleet.start("hub", fleet.commands["hub"])
    wait_for("the hub's API", lambda: fleet.axle("client", "list", "--json", check=False))
    return rollout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the state folders")
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / ".build/debug")
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="axle-demo-"))
    fleet = Fleet(work, arguments.binaries)
    status = 1
    try:
        step(f"0. A real program in two real releases: {PRODUCT} {' and '.join(RELEASES)} from PyPI")
        run(fleet, fetch_wheels(ROOT / ".build/demo-cache"))
        status = 0
    except (Failure, subprocess.SubprocessError, OSError) as failure:
        say(f"\nThe demo failed: {failure}")
        for log in sorted(work.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-8:]
            if tail:
                say(f"--- {log.name}\n" + "\n".join(tail))
    except KeyboardInterrupt:
        say("\ninterrupted")
    finally:
        fleet.stop_all()
        if arguments.keep:
            say(f"state folders and logs: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
