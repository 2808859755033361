"""A fleet of real processes on loopback: what the demo and the end-to-end tests share."""

import contextlib
import functools
import http.server
import io
import json
import os
import pathlib
import signal
import subprocess
import tarfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 120


class Failure(Exception):
    """Something did not hold; the text says which and what was seen."""


def say(text=""):
    print(text, flush=True)


def wait_for(what, probe, deadline=DEADLINE, interval=0.2):
    """Polls until probe() is true and gives it back; a deadline that passes is a failure that says what was awaited.

    Deadlines are those of a machine at leisure; a busy one gets three times as long, for which only failures wait.
    """
    deadline *= 3
    end = time.monotonic() + deadline
    seen = None
    while time.monotonic() < end:
        seen = probe()
        if seen:
            return seen
        time.sleep(interval)
    raise Failure(f"waited {deadline} s for {what}; last seen: {seen!r}")


def descendants(pid):
    """The processes that a process has started, theirs included."""
    try:
        threads = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    children = []
    for thread in threads:
        # One that has ended since has left its children to another.
        with contextlib.suppress(OSError):
            children += [int(child) for child in (thread / "children").read_text().split()]
    return [one for child in set(children) for one in (child, *descendants(child))]


class Fleet:
    """The processes of one fleet, their state folders and the operator's command line."""

    # Where the hub listens for its spokes; its API is on loopback.
    hub_host = "127.0.0.1"
    hub_options = "{ downloads: { allow: ['127.0.0.0/8'] } }\n"

    def __init__(self, work, binaries):
        self.work = work
        self.binaries = binaries
        self.processes = {}
        self.commands = {}
        self.made = {}
        self.hub_state = work / "hub"

    def program(self, name):
        return str(self.binaries / name)

    def start(self, name, command):
        """Starts a daemon in a process group of its own; its log is in the work folder.

        What it is started with again is in `commands`, with the addresses that it has bound by then.
        """
        self.commands[name] = command
        log = (self.work / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name):
        """kill -9 of the daemon and all that it started."""
        process = self.processes.pop(name)
        for pid in (process.pid, *descendants(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
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

    def start_hub(self, name="demo-hub", fleet_name="demo", *more, api="127.0.0.1:0"):
        """Makes a hub with a fleet of its own, starts it and waits for its API."""
        self.run(
            self.program("axle-hub"), "init", "--state", self.hub_state, "--name", name, "--fleet", fleet_name,
            "--listen", f"{self.hub_host}:0", "--api", api, *more)
        # The catalog's web server is on this machine, which a hub does not connect to unless it is told to.
        (self.hub_state / "hub.json5").write_text(self.hub_options)
        self.start("hub", [self.program("axle-hub"), "run", "--state", str(self.hub_state)])
        addresses = self.listening(self.hub_state)
        self.commands["hub"] += ["--listen", addresses["listen"], "--api", addresses["api"]]
        self.api = f"https://{addresses['api']}".replace("0.0.0.0", "127.0.0.1")
        self.hub_address = addresses["listen"]
        wait_for("the hub's API", lambda: self.axle("status", check=False))

    def join_spoke(self, name, *options):
        """Joins a spoke with more options of `join`, starts it, and gives the address that it listens on."""
        state = self.work / f"spoke-{name}"
        self.run(
            self.program("axle-spoke"), "join", "--state", state, "--hub", self.hub_address, "--token-file", "-",
            "--name", name, "--listen", "127.0.0.1:0", *options, stdin=self.token("spoke"))
        self.start(f"spoke-{name}", [self.program("axle-spoke"), "run", "--state", str(state)])
        address = self.listening(state)["listen"]
        self.commands[f"spoke-{name}"] += ["--listen", address]
        return address

    def roll_out(self, product, release, names=None):
        """An operator makes and starts a rollout of a release; its id."""
        # A name means one rollout: the second of a release has a number.
        made = self.made.setdefault((product, release), [])
        made.append(len(made) + 1)
        name = f"{product}-{release}" + (f"-{made[-1]}" if len(made) > 1 else "")
        file = self.work / f"rollout-{product}-{release}.json5"
        now = time.gmtime()
        tomorrow = time.gmtime(time.time() + 86400)
        selection = f"{{ names: {json.dumps(names)} }}" if names else "{ all: true }"
        file.write_text(
            f"{{ name: '{name}', product: '{product}', release: '{release}', select: {selection},\n"
            f"  window: {{ start: '{time.strftime('%Y-%m-%dT%H:%M:%SZ', now)}',"
            f" end: '{time.strftime('%Y-%m-%dT%H:%M:%SZ', tomorrow)}' }} }}\n")
        rollout = self.axle("rollout", "create", file, "--json")["id"]
        self.axle("rollout", "start", rollout)
        return rollout

    def actions_of(self, rollout):
        """Each client's action of a rollout, by the client's name."""
        shown = self.axle("rollout", "show", rollout, "--json")
        return {action["client"]["name"]: action for action in shown["actions"]}

    def wait_rollout(self, rollout, expected):
        """Waits until each named client's action is in the state that is expected of it."""
        def probe():
            states = {client: action["state"] for client, action in self.actions_of(rollout).items()}
            if all(states.get(name) == state for name, state in expected.items()):
                return states
            probe.seen = states
            return None
        try:
            return wait_for(f"rollout {rollout} to reach {expected}", probe, interval=0.3)
        except Failure as failure:
            raise Failure(f"{failure}; states were {getattr(probe, 'seen', None)}") from None


def make_tree(path, files):
    """A tar with the given files: {name: (bytes, mode)}; the same input gives the same bytes."""
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
