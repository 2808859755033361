"""Axle's main job on one machine: a hub, two spokes and six agents update a real program in two real releases.

Run by `make demo`. Everything listens on loopback; the work folder is removed at the end, or kept with --keep.
Exit status 0 means that every step was seen to hold.
"""

import argparse
import contextlib
import functools
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = "ruff"
RELEASES = ("0.12.0", "0.12.1")
PLATFORM = "linux-x86_64-glibc"
DEADLINE = 120


class Failure(Exception):
    """A step of the demo did not hold; the text says which and what was seen."""


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else f"\n{text}")


def wait_for(what, probe, deadline=DEADLINE, interval=0.2):
    """Polls until probe() is true and gives it back; a deadline that passes is a failure that says what was awaited."""
    end = time.monotonic() + deadline
    seen = None
    while time.monotonic() < end:
        seen = probe()
        if seen:
            return seen
        time.sleep(interval)
    raise Failure(f"waited {deadline} s for {what}; last seen: {seen!r}")


class Fleet:
    """The processes of the demo, their state folders and the operator's command line."""

    def __init__(self, work, binaries):
        self.work = work
        self.binaries = binaries
        self.processes = {}
        self.commands = {}
        self.hub_state = work / "hub"

    def program(self, name):
        return str(self.binaries / name)

    def start(self, name, command):
        """Starts a daemon in a process group of its own; its log is in the work folder."""
        self.commands[name] = command
        log = (self.work / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name):
        """kill -9 of the daemon and all that it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, name):
        self.kill(name)
        self.start(name, self.commands[name])

    def stop_all(self):
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *command, stdin=None, check=True):
        done = subprocess.run(
            [str(part) for part in command], input=stdin, capture_output=True, text=True, timeout=DEADLINE)
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def listening(self, state):
        """The addresses a daemon bound, once it has written them."""
        def probe():
            path = state / "listen.json"
            if not path.exists():
                return None
            try:
                return json.loads(path.read_text())
            except ValueError:
                return None
        return wait_for(f"{state.name} to listen", probe)

    def axle(self, *arguments, stdin=None, check=True):
        """The operator's command line, with JSON read back where it was asked for."""
        environment = {
            **os.environ, "AXLE_API": self.api, "AXLE_TOKEN_FILE": str(self.hub_state / "admin.token"),
            "AXLE_CA": str(self.hub_state / "ca.pem"), "NO_COLOR": "1"}
        command = [self.program("axle"), *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=DEADLINE, env=environment)
        if check and done.returncode != 0:
            raise Failure(f"axle {' '.join(map(str, arguments))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
        if "--json" not in arguments or done.returncode != 0:
            return done.stdout
        value = json.loads(done.stdout)
        return value["items"] if isinstance(value, dict) and "items" in value else value

    def token(self, role, spoke=None, uses=1):
        arguments = ["token", "create", "--role", role, "--uses", uses, "--ttl", "1h", "--json"]
        if spoke:
            arguments += ["--spoke", spoke]
        return self.axle(*arguments)["token"]


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


def make_tree(path, files):
    """A tar with the given files: {name: (bytes, mode)}; the same input gives the same bytes."""
    import io
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            content, mode = files[name]
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the catalog without a line per request."""

    def log_message(self, *_):
        pass


def serve(folder):
    """Any web server will do for a catalog; here Python's."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


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


def start_hub(fleet):
    fleet.run(
        fleet.program("axle-hub"), "init", "--state", fleet.hub_state, "--name", "demo-hub", "--fleet", "demo",
        "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0")
    fleet.start("hub", [fleet.program("axle-hub"), "run", "--state", str(fleet.hub_state)])
    addresses = fleet.listening(fleet.hub_state)
    fleet.api = f"https://{addresses['api']}"
    fleet.hub_address = addresses["listen"]
    wait_for("the hub's API", lambda: fleet.axle("status", check=False))


def join_spoke(fleet, name):
    state = fleet.work / f"spoke-{name}"
    fleet.run(
        fleet.program("axle-spoke"), "join", "--state", state, "--hub", fleet.hub_address, "--token-file", "-",
        "--name", name, "--listen", "127.0.0.1:0", stdin=fleet.token("spoke"))
    fleet.start(f"spoke-{name}", [fleet.program("axle-spoke"), "run", "--state", str(state)])
    return fleet.listening(state)["listen"]


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


def roll_out(fleet, product, release, names=None):
    """An operator brings a release to machines and waits until every action has a final state."""
    file = fleet.work / f"rollout-{product}-{release}.json5"
    now = time.gmtime()
    tomorrow = time.gmtime(time.time() + 86400)
    selection = f"{{ names: {json.dumps(names)} }}" if names else "{ all: true }"
    file.write_text(
        f"{{ name: '{product}-{release}', product: '{product}', release: '{release}', select: {selection},\n"
        f"  window: {{ start: '{time.strftime('%Y-%m-%dT%H:%M:%SZ', now)}',"
        f" end: '{time.strftime('%Y-%m-%dT%H:%M:%SZ', tomorrow)}' }} }}\n")
    rollout = fleet.axle("rollout", "create", file, "--json")["id"]
    fleet.axle("rollout", "start", rollout)
    return rollout


def actions_of(fleet, rollout):
    shown = fleet.axle("rollout", "show", rollout, "--json")
    return {action["client"]["name"]: action for action in shown["actions"]}


def wait_rollout(fleet, rollout, expected):
    """Waits until each named client's action is in the state that is expected of it."""
    def probe():
        states = {client: action["state"] for client, action in actions_of(fleet, rollout).items()}
        if all(states.get(name) == state for name, state in expected.items()):
            return states
        probe.seen = states
        return None
    try:
        return wait_for(f"rollout {rollout} to reach {expected}", probe, interval=0.3)
    except Failure as failure:
        raise Failure(f"{failure}; states were {getattr(probe, 'seen', None)}") from None


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
            return pathlib.Path(program).parts[-3] if "/products/" in program else "own"
    return None


def show_refusals(fleet, rollout):
    for name, action in sorted(actions_of(fleet, rollout).items()):
        for reason in action["reasons"]:
            say(f"  {name:8} {action['state']:10} {reason['code']}: {reason['text']}")


def run(fleet, executables):
    started = time.monotonic()
    step("1. The vendor publishes a signed catalog, served by any web server")
    catalog = publish(fleet, executables)
    url = serve(catalog)
    say(f"  {PRODUCT} {' and '.join(RELEASES)}, axle-agent 1.0 and 1.1, at {url}")

    step("2. A hub, two spokes and six agents join over mutual TLS")
    start_hub(fleet)
    addresses = {name: join_spoke(fleet, name) for name in ("north", "south")}
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
        rollout = roll_out(fleet, PRODUCT, release)
        wait_rollout(fleet, rollout, expected)
        show_refusals(fleet, rollout)
        for machine in refused:
            codes = [reason["code"] for reason in actions_of(fleet, rollout)[machine.name]["reasons"]]
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
    wait_rollout(fleet, roll_out(fleet, "axle-agent", "1.0", ["mail-1"]), {"mail-1": "succeeded"})
    wait_for("mail-1 to run agent 1.0", lambda: running_agent(fleet, "mail-1") == "1.0")
    say("  mail-1 runs agent 1.0")
    wait_rollout(fleet, roll_out(fleet, "axle-agent", "1.1", ["mail-1"]), {"mail-1": "rolledBack"})
    wait_for("mail-1 to run agent 1.0 again", lambda: running_agent(fleet, "mail-1") == "1.0")
    say("  agent 1.1 could not run: mail-1 went back to 1.0 by itself")

    step("7. An order reaches its machine although the hub is away")
    rollout = hub_away(fleet)
    wait_rollout(fleet, rollout, {"mail-2": "succeeded"})
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
    rollout = roll_out(fleet, "axle-agent", "1.0", ["mail-2"])
    wait_rollout(fleet, rollout, {"mail-2": "offered"})
    fleet.kill("hub")
    fleet.start("agent-mail-2", fleet.commands["agent-mail-2"])
    wait_for("mail-2 to run agent 1.0 without a hub", lambda: running_agent(fleet, "mail-2") == "1.0")
    command = fleet.commands["hub"]
    fleet.start("hub", [*command, "--listen", fleet.hub_address, "--api", fleet.api.removeprefix("https://")])
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
