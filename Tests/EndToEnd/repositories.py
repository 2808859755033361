"""axle-tuf as a process against repositories that Python's `tuf` made, and Python's `tuf` against one that `axle publish` made."""

import http.server
import json
import pathlib
import sys
from datetime import datetime, timedelta, timezone

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp,
)
from tuf.ngclient import Updater

from world import QuietServer, contains, require, test

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Peers"))

import tuf_peer  # noqa: E402  (the path is set just above)

TOP = ("root", "timestamp", "snapshot", "targets")


class Server:
    """Serves bytes by the path as it was requested, escapes and all, and remembers the requests."""

    def __init__(self):
        self.files = {}
        self.requests = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                server.requests.append(self.path)
                content = server.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

        self.http = QuietServer(Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def metadata(self, files):
        for name, text in files.items():
            self.files[f"/metadata/{name}"] = text if isinstance(text, bytes) else text.encode()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Client:
    """axle-tuf with a folder of its own."""

    def __init__(self, world, server, name="client"):
        self.world = world
        self.server = server
        self.program = world.program("axle-tuf")
        self.folder = world.work / name / "metadata"
        self.targets = world.work / name / "targets"
        world.servers.append(server)

    def init(self, root):
        file = self.folder.parent / "root.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(root)
        return self.run("init", file)

    def run(self, *command, status=0):
        self.server.requests.clear()
        done = self.world.run(self.program, "--metadata-dir", self.folder, *command, check=False)
        require(done.returncode == status, f"axle-tuf {command}: exit {done.returncode}: {done.stderr}")
        return done.stderr

    def refresh(self, status=0):
        return self.run("--metadata-url", f"{self.server.url}/metadata", "refresh", status=status)

    def download(self, *names, status=0):
        wanted = [part for name in names for part in ("--target-name", name)]
        return self.run(
            "--metadata-url", f"{self.server.url}/metadata", *wanted, "--target-dir", self.targets,
            "--target-base-url", f"{self.server.url}/targets", "download", status=status)

    def trusted(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def downloaded(self):
        return sorted(path.read_bytes() for path in self.targets.iterdir()) if self.targets.exists() else []


class Repository:
    """A small repository of Python's `tuf` that can be changed: targets, one delegated role, every role with one key."""

    def __init__(self):
        expires = (datetime.now(timezone.utc) + timedelta(days=30)).replace(microsecond=0)
        self.keys = {role: CryptoSigner.generate_ed25519() for role in (*TOP, "team")}
        self.roles = {
            "root": Root(expires=expires, consistent_snapshot=True), "timestamp": Timestamp(expires=expires),
            "snapshot": Snapshot(expires=expires), "targets": Targets(expires=expires), "team": Targets(expires=expires),
        }
        for role in TOP:
            self.roles["root"].add_key(self.keys[role].public_key, role)
        self.roles["targets"].delegations = Delegations(
            {}, {"team": DelegatedRole("team", [], 1, True, paths=["team/*"])})
        self.roles["targets"].add_key(self.keys["team"].public_key, "team")
        self.contents = {}

    def add(self, path, content, role="targets"):
        self.roles[role].targets[path] = TargetFile.from_data(path, content, ["sha256", "sha512"])
        self.contents[path] = content

    def signed(self, role):
        metadata = Metadata(self.roles[role])
        metadata.sign(self.keys[role])
        return metadata.to_bytes()

    def publish(self, server, roots=True):
        """Signs all as it stands and serves it beside what was served before."""
        files = {}
        if roots:
            files[f"{self.roles['root'].version}.root.json"] = self.signed("root")
        for role in ("team", "targets"):
            files[f"{self.roles[role].version}.{role}.json"] = data = self.signed(role)
            self.roles["snapshot"].meta[f"{role}.json"] = MetaFile.from_data(self.roles[role].version, data, ["sha256"])
        files[f"{self.roles['snapshot'].version}.snapshot.json"] = data = self.signed("snapshot")
        self.roles["timestamp"].snapshot_meta = MetaFile.from_data(self.roles["snapshot"].version, data, ["sha256"])
        files["timestamp.json"] = self.signed("timestamp")
        server.metadata(files)
        for path, content in self.contents.items():
            folder, _, name = path.rpartition("/")
            for digest in self.file(path).hashes.values():
                server.files["/targets/" + f"{folder}/{digest}.{name}".lstrip("/")] = content
        return files

    def file(self, path):
        return self.roles["team" if path.startswith("team/") else "targets"].targets[path]

    def bump(self, *roles):
        for role in roles:
            self.roles[role].version += 1


def begin(world):
    """A client that has refreshed once and downloaded one target."""
    repository, server = Repository(), Server()
    repository.add("a.txt", b"first")
    repository.add("team/b.txt", b"of the team", role="team")
    files = repository.publish(server)
    client = Client(world, server)
    client.init(files["1.root.json"])
    client.download("a.txt")
    require(client.downloaded() == [b"first"], f"downloaded {client.downloaded()}")
    return repository, server, client


@test
def tuf_repositories_of_every_kind_are_read(world):
    for consistent in (True, False):
        made = tuf_peer.make({"consistent": consistent})
        server = Server()
        server.metadata(made["files"])
        for path in made["targets"]:
            content = f"content of {path}".encode()
            info = TargetFile.from_data(path, content, ["sha256", "sha512"])
            folder, _, name = path.rpartition("/")
            name = f"{info.hashes['sha256']}.{name}" if consistent else name
            server.files["/targets/" + f"{folder}/{name}".lstrip("/").replace("é", "%C3%A9")] = content
        client = Client(world, server, f"consistent-{consistent}")
        client.init(made["files"]["1.root.json"].encode())
        require(client.server.requests == [], "init asked the repository")
        client.refresh()
        version = (lambda name, number: f"{number}.{name}") if consistent else (lambda name, _: name)
        order = ["2.root.json", "3.root.json", "timestamp.json", version("snapshot.json", 3), version("targets.json", 1)]
        require(client.server.requests == [f"/metadata/{name}" for name in order], f"asked for {client.server.requests}")
        kept = {"root.json": "2.root.json", "timestamp.json": "timestamp.json",
                "snapshot.json": version("snapshot.json", 3), "targets.json": version("targets.json", 1)}
        wanted = {name: made["files"][remote].encode() for name, remote in kept.items()}
        require(client.trusted() == wanted, f"trusted: {sorted(client.trusted())}")
        client.download(*made["targets"])
        require(client.downloaded() == sorted(f"content of {p}".encode() for p in made["targets"]), "other bytes")
        client.download(*made["targets"])
        require(not any(r.startswith("/targets/") for r in client.server.requests), "what is here was fetched again")
        client.download("ruff/none/any/x", status=1)


@test
def tuf_attacks_are_refused_by_the_process(world):
    repository, server, client = begin(world)
    before = client.trusted()
    # A swapped artifact, shorter, longer and of the same length.
    for content in (b"evil ", b"evil, and longer", b"e"):
        for path in list(server.files):
            if path.startswith("/targets/team/"):
                server.files[path] = content
        client.download("team/b.txt", status=1)
        require(client.downloaded() == [b"first"], "an artifact of other bytes was kept")
    # Rollback: after a newer timestamp the older one is refused.
    old = dict(server.files)
    repository.bump("timestamp")
    repository.publish(server)
    client.refresh()
    trusted = client.trusted()
    server.files = dict(old)
    contains(client.refresh(status=1), "timestampRolledBack")
    # Forged, and mixed: a timestamp by another key, a snapshot of before under the new name.
    repository.bump("snapshot", "timestamp")
    repository.publish(server)
    good = dict(server.files)
    forged = json.loads(good["/metadata/timestamp.json"])
    forged["signed"]["version"] += 1
    server.files["/metadata/timestamp.json"] = json.dumps(forged).encode()
    contains(client.refresh(status=1), "thresholdNotMet")
    server.files = {**good, "/metadata/2.snapshot.json": good["/metadata/1.snapshot.json"]}
    contains(client.refresh(status=1), "snapshot")
    server.files = good
    require({**client.trusted(), "timestamp.json": b""} == {**trusted, "timestamp.json": b""}, "what is trusted moved")
    # Endless and no JSON at all.
    for bad in (b"[" * 20_000, b"<html>", b""):
        server.files = {**good, "/metadata/2.snapshot.json": bad}
        client.refresh(status=1)
    server.files = good
    client.refresh()
    require(client.trusted()["root.json"] == before["root.json"], "the root moved")
    # No repository at all, and no command that can be read: 1, not a trap.
    server.files = {}
    client.refresh(status=1)
    client.run("refresh", status=1)
    client.run("no-such-command", status=1)
    client.run("init", "/nonexistent", status=1)


@test
def tuf_root_rotations_reach_a_client_that_was_away(world):
    repository, server, client = begin(world)
    root = repository.roles["root"]
    for _ in range(5):
        old = repository.keys["root"]
        repository.keys["root"] = CryptoSigner.generate_ed25519()
        root.revoke_key(old.public_key.keyid, "root")
        root.add_key(repository.keys["root"].public_key, "root")
        repository.bump("root")
        metadata = Metadata(root)
        metadata.sign(old)
        metadata.sign(repository.keys["root"], append=True)
        server.metadata({f"{root.version}.root.json": metadata.to_bytes()})
    # Fast-forward recovery: the timestamp's key changes, and its version falls.
    repository.roles["timestamp"].version = 1000
    repository.publish(server, roots=False)
    client.refresh()
    root.revoke_key(repository.keys["timestamp"].public_key.keyid, "timestamp")
    repository.keys["timestamp"] = CryptoSigner.generate_ed25519()
    root.add_key(repository.keys["timestamp"].public_key, "timestamp")
    repository.bump("root")
    repository.roles["timestamp"].version = 2
    repository.publish(server)
    client.refresh()
    require(client.trusted()["root.json"] == server.files["/metadata/7.root.json"], "not the newest root")
    require(client.trusted()["timestamp.json"] == server.files["/metadata/timestamp.json"], "not the new timestamp")


@test
def tuf_client_of_python_accepts_axle_publish(world):
    vendor = world.vendor("1.0", "2.0")
    server = world.serve(vendor.catalog)
    for name in ("metadata", "downloads"):
        (world.work / name).mkdir()
    updater = Updater(
        str(world.work / "metadata"), f"{server.url}metadata/", str(world.work / "downloads"), f"{server.url}targets/",
        bootstrap=vendor.root.read_bytes())
    updater.refresh()
    for release in ("1.0", "2.0"):
        folder = vendor.package_file(release).parent
        path = f"{folder.relative_to(vendor.catalog / 'targets')}/{vendor.package_file(release).name.split('.', 1)[1]}"
        info = updater.get_targetinfo(path)
        require(info is not None, f"{path} is not found")
        file = pathlib.Path(updater.download_target(info))
        require(file.read_bytes() == vendor.package_file(release).read_bytes(), "other bytes")
