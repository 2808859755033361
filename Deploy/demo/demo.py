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
        return json.loads(done.stdout) if "--json" in arguments and done.returncode == 0 else done.stdout

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
