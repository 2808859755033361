"""What every end-to-end test works with: a fleet of its own, a small vendor, and a web server that can be evil."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import socket
import sqlite3
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Deploy/demo"))

from fleet import ROOT, Failure, Fleet, descendants, make_tree, wait_for  # noqa: E402, F401  (the path is set just above; the tests import from here)

PLATFORM = "any-any-any"
PRODUCT = "tool"
TESTS = {}


def test(function):
    """Registers a test under its name."""
    TESTS[function.__name__] = function
    return function


class Skip(Exception):
    """This machine cannot run the test; the text says what it lacks."""


def require(condition, text):
    if not condition:
        raise Failure(text)


def contains(text, *words):
    """Fails unless the text has each word; what was said is shown."""
    for word in words:
        require(word in text, f"wanted {word!r} in: {text.strip()!r}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tool(release, health=0):
    """A package of two files that must always be seen together, at one release."""
    return {
        "bin/tool": (
            b"#!/bin/sh\n# release " + release.encode() + b"\n"
            b'[ "$1" != --health ] || exit ' + str(health).encode() + b"\n"
            b'echo "' + release.encode() + b' $(cat "$(dirname "$0")/../share/part")"\n', 0o755),
        "share/part": (release.encode() + b"\n", 0o644),
    }


class Vendor:
    """A catalog with its keys."""

    def __init__(self, fleet, folder="vendor"):
        self.fleet = fleet
        self.base = fleet.work / folder
        self.catalog = self.base / "catalog"
        self.keys = self.base / "keys"

    def make(self, releases=("1.0", "2.0"), **options):
        self.base.mkdir(parents=True, exist_ok=True)
        self.fleet.run(self.fleet.program("axle"), "publish", "init", self.catalog, "--keys", self.keys)
        for release in releases:
            self.add(release, **options)
        return self.sign()

    def add(self, release, files=None, health=0, product=PRODUCT, packed=False):
        tar = self.base / f"{product}-{release}.tar"
        files = files or tool(release, health)
        make_tree(tar, files)
        # `publish add` refuses a tree without its program.
        program = ["--program", "bin/tool", "--health", "bin/tool --health"] if "bin/tool" in files else []
        if packed:
            self.fleet.run("zstd", "-q", "-3", "--rm", tar)
            tar = tar.with_suffix(".tar.zst")
        self.fleet.run(
            self.fleet.program("axle"), "publish", "add", self.catalog, "--keys", self.keys, "--product", product,
            "--release", release, "--platform", PLATFORM, "--kind", "tree", "--file", tar, "--line", "main",
            *program)

    def add_unchecked(self, release, file, product=PRODUCT):
        """A tree that `publish add` refuses, as a vendor signs it who makes the catalog with other tools."""
        self.fleet.run(
            self.fleet.program("axle"), "publish", "add", self.catalog, "--keys", self.keys, "--product", product,
            "--release", release, "--platform", PLATFORM, "--kind", "script", "--file", file, "--line", "main")
        draft = self.keys / f"pending/{product}.json"
        text = draft.read_text()
        if '"kind":"script"' not in text:
            raise Failure(f"{draft} names no script")
        draft.write_text(text.replace('"kind":"script"', '"kind":"tree"'))

    def publish(self, release, files=None, **options):
        """One release more, and the hub is told."""
        self.add(release, files, **options)
        self.sign()
        self.fleet.axle("catalog", "refresh")

    def sign(self, *more):
        self.fleet.run(self.fleet.program("axle"), "publish", "sign", self.catalog, "--keys", self.keys, *more)
        return self

    @property
    def root(self):
        return self.catalog / "metadata/1.root.json"

    def package_file(self, release, product=PRODUCT):
        return next(p for p in (self.catalog / "targets").rglob("*") if p.is_file() and f"/{release}/" in str(p))


class QuietServer(http.server.ThreadingHTTPServer):
    """A web server on loopback, of which a client that hangs up is no news: some of the tests kill theirs."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class EvilServer:
    """Serves a folder; rules, tried in order, may do something else instead: (pattern, behaviour(handler, bytes))."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.rules = []
        self.requests = []
        evil = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                path = urllib.parse.unquote(self.path.lstrip("/"))
                evil.requests.append(path)
                file = evil.folder / path
                content = file.read_bytes() if file.is_file() else None
                with contextlib.suppress(OSError):
                    for pattern, behaviour in evil.rules:
                        if re.search(pattern, path):
                            return behaviour(self, content)
                    self.answer(content)

            def answer(self, content, status=200):
                if content is None:
                    content, status = b"no such file\n", 404
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = QuietServer(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def altered(change):
    """A behaviour: the file with change(bytes) applied; a file that is not there stays away."""
    def behaviour(handler, content):
        handler.answer(None if content is None else change(content))
    return behaviour


def altered_json(change):
    def edit(content):
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()
    return altered(edit)


class World(Fleet):
    """A fleet with its vendor. Everything is in one folder, which the runner removes."""

    def __init__(self, work, binaries, seed):
        super().__init__(work, binaries)
        self.seed = seed
        self.servers = []
        self.addresses = {}
        self.mounts = []
        self.secrets = []
        self.released = {}

    # Starting

    def hub(self):
        self.start_hub("hub", "test")
        self.secrets.append((self.hub_state / "admin.token").read_text().strip())
        return self

    def vendor(self, *releases, **options):
        return Vendor(self).make(releases or ("1.0", "2.0"), **options)

    def serve(self, folder):
        server = EvilServer(folder)
        self.servers.append(server)
        return server

    def set_catalog(self, vendor, server, wait=True):
        self.axle("catalog", "set", "--url", server.url, "--root", vendor.root)
        if wait:
            self.wait_catalog(1)

    def wait_catalog(self, least):
        wait_for(
            "the catalog to be refreshed",
            lambda: (self.axle("catalog", "show", "--json").get("timestampVersion") or 0) >= least, 60)

    def spoke(self, name="site", *options):
        self.addresses[name] = self.join_spoke(name, *options)
        return self.addresses[name]

    def agent(self, name="box", spoke="site", config="{}"):
        state = self.work / f"agent-{name}"
        self.run(
            self.program("axle-agent"), "join", "--state", state, "--spoke", self.addresses[spoke], "--token-file", "-",
            "--name", name, stdin=self.token("agent", spoke=spoke))
        (state / "agent.json5").write_text(config)
        self.start(f"agent-{name}", [self.program("axle-agent"), "run", "--state", str(state)])

    def site(self, trees, join=(), spoke=True, **options):
        """A hub with these releases, given with their trees, and a spoke (joined with more options) that has them all verified."""
        vendor = Vendor(self).make(())
        for release, files in trees.items():
            vendor.add(release, files, **options)
        vendor.sign()
        self.hub()
        vendor.server = self.serve(vendor.catalog)
        self.set_catalog(vendor, vendor.server)
        if spoke:
            self.spoke("site", *join)
            self.wait_verified(len(trees))
        else:
            self.wait_imported(len(trees))
        return vendor

    def wait_imported(self, count, deadline=30):
        wait_for(
            f"{count} packages at the hub",
            lambda: sum(p["state"] == "imported" for p in self.axle("package", "list", "--json")) == count, deadline)

    def small(self, *releases, agents=("box",), join=(), **options):
        """Hub, one spoke (joined with more options), its agents, and the releases verified at the spoke."""
        vendor = self.vendor(*releases, **options)
        self.hub()
        server = self.serve(vendor.catalog)
        self.set_catalog(vendor, server, wait=False)
        self.spoke("site", *join)
        for name in agents:
            self.agent(name)
        self.wait_verified(len(releases) or 2)
        self.wait_connected(len(agents))
        return vendor, server

    def token(self, role, spoke=None, uses=1):
        text = super().token(role, spoke, uses)
        self.secrets.append(text.split(".")[2])
        return text

    # Looking

    def wait_verified(self, count, spokes=1, deadline=60):
        wait_for(
            f"{count} packages verified at {spokes} spokes",
            lambda: sum(
                p["state"] == "imported" and [r["state"] for r in p["replicas"]] == ["verified"] * spokes
                for p in self.axle("package", "list", "--json")) == count, deadline)

    def wait_connected(self, count, deadline=60):
        wait_for(
            f"{count} agents to be connected with their facts",
            lambda: sum(
                c["connected"] and bool(c.get("facts")) for c in self.axle("client", "list", "--json")) == count,
            deadline)

    def events(self):
        return self.axle("log", "--json")

    def wait_event(self, code, *words, deadline=60, after=0):
        """Waits for a line of the activity log, behind number `after`, with this code and all of these words."""
        def probe():
            for event in self.events():
                if event["sequence"] > after and event["code"] == code and all(word in event["text"] for word in words):
                    return event
            return None
        try:
            return wait_for(f"the event {code} with {words}", probe, deadline, interval=0.4)
        except Failure as failure:
            seen = "\n    ".join(f"{e['code']} {e['subject']} {e['text']}" for e in self.events()[-12:])
            raise Failure(f"{failure}; the log says\n    {seen}") from None

    def tool_says(self, agent="box"):
        """What the installed program prints: None where there is none; a mixture of releases is a failure."""
        current = self.work / f"agent-{agent}/products/{PRODUCT}/current"
        if not current.exists():
            return None
        words = self.run(current / "bin/tool").stdout.split()
        require(len(words) == 2 and words[0] == words[1], f"{agent} runs a mixture: {words}")
        require(os.readlink(current).split("/")[-1] == words[0], f"{agent}: current is {os.readlink(current)}")
        return words[0]

    def log_of(self, name):
        return (self.work / f"{name}.log").read_text(errors="replace")

    def refused(self, *command, status=1, words=(), stdin=None):
        """Runs a command that must be refused with this status, without a trap, and say these words."""
        done = self.run(*command, stdin=stdin, check=False)
        said = done.stdout + done.stderr
        shown = " ".join(map(str, command))
        require(done.returncode == status, f"{shown}: exit {done.returncode}, not {status}: {said}")
        contains(said, *words)
        return said

    def refused_axle(self, *arguments, words=()):
        """An operator's command that the hub must refuse."""
        return self.refused(
            self.program("axle"), "--api", self.api, "--ca", self.hub_state / "ca.pem", "--token-file",
            self.hub_state / "admin.token", *arguments, words=words)

    def wait_log(self, name, words, deadline=30):
        """Waits until a process has printed these words."""
        wait_for(f"{name} to say {words!r}", lambda: words in self.log_of(name), deadline)

    def trusted(self):
        """The trusted metadata of the hub as it is on disk, the timestamp aside."""
        folder = self.hub_state / "trust"
        return {p.name: p.read_bytes() for p in folder.rglob("*.json")}

    def window(self, start, end):
        """A rollout's window, in seconds from now."""
        def text(seconds):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return f"{{ start: '{text(start)}', end: '{text(end)}' }}"

    def plan(self, name, release, window):
        """Creates and starts a rollout of the tool to everyone, with a window of its own."""
        file = self.work / f"{name}.json5"
        file.write_text(
            f"{{ name: '{name}', product: '{PRODUCT}', release: '{release}', select: {{ all: true }},"
            f" window: {window} }}\n")
        rollout = self.axle("rollout", "create", file, "--json")["id"]
        self.axle("rollout", "start", rollout)
        return rollout

    def check_databases(self):
        """Every database of the fleet is whole; to be called when the daemons have stopped."""
        for path in self.work.rglob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as database:
                answer = database.execute("PRAGMA integrity_check").fetchone()[0]
            require(answer == "ok", f"{path}: {answer}")

    def check_log(self):
        """The activity log grows by one at a time."""
        numbers = [event["sequence"] for event in self.events()]
        require(numbers == list(range(1, len(numbers) + 1)), f"the log's numbers have gaps or repeats: {numbers}")

    # Small disks

    def small_disk(self, path, size="6m"):
        if os.geteuid() != 0:
            raise Skip("only root can mount a small disk")
        path.mkdir(parents=True, exist_ok=True)
        if self.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "axle-test", path, check=False).returncode:
            raise Skip("a tmpfs cannot be mounted here")
        self.mounts.append(path)

    def fill(self, folder):
        """Takes all space of a folder's disk."""
        with contextlib.suppress(OSError), (folder / ".filler").open("ab", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        with contextlib.suppress(OSError), (folder / ".filler").open("ab", buffering=0) as filler:
            while True:
                filler.write(b"x")

    def free(self, folder):
        (folder / ".filler").unlink()

    def clean(self):
        for server in self.servers:
            server.close()
        self.stop_all()
        for mount in self.mounts:
            self.run("umount", "-l", mount, check=False)

    def check_secrets(self):
        """No log of any process has a token's secret or the admin token."""
        for log in self.work.glob("*.log"):
            text = log.read_bytes()
            for secret in self.secrets:
                require(secret.encode() not in text, f"{log.name} shows a secret")
