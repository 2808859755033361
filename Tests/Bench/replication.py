"""What a first copy and an update cost, beside rsync, casync and curl: what `make bench-replication` prints and writes.

Two pairs of real releases, fetched from Debian and PyPI: the kernel's source tree and tensorflow-cpu. All runs on loopback in a network
namespace of its own, so that the interface's counters are the bytes on the wire, both directions and all headers; rsync's pass it three times,
to, between and from the two ends of stunnel. Ours is the whole way: a real
hub and real spokes that connect, hear of the package, fetch it, verify it and make it durable; the peers' files are synchronised too.
Rows are those of bench.py, the plain stream's is its own; .build/bench-replication.json also has each system's bytes and seconds. For an
import the bytes are those on the disk, that of casync's store.
"""

import hashlib
import json
import mmap
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Deploy/demo"))

from bench import (  # noqa: E402
    BENCH, ROOT, Nginx, bulk_stream, free_port, make_certificates, table, version, wait_listening)
from fleet import Failure, Fleet, descendants, serve, wait_for  # noqa: E402

DATA = ROOT / ".build/replication-data"
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
FRESH = 2 << 30
PLATFORM = "linux-x86_64-glibc"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


# The releases


def newest_two(wanted):
    """The two versions of Debian's kernel source that were asked for, else the two newest that there are."""
    listed = run("apt-cache", "madison", "linux-source-6.1", capture_output=True, text=True).stdout
    known = [line.split("|")[1].strip() for line in listed.splitlines() if "|" in line]
    return wanted if set(wanted) <= set(known) else sorted(set(known[:2]))


def kernel(folder):
    """Debian's tar.xz of the kernel's source tree in two versions, as they are."""
    found = []
    for name in newest_two(["6.1.187-1", "6.1.190-1"]):
        published = folder / f"linux-{name}.tar.xz"
        if not published.exists():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                run("apt-get", "download", f"linux-source-6.1={name}", cwd=work)
                package = next(pathlib.Path(work).glob("*.deb"))
                run("dpkg-deb", "-x", package, f"{work}/x")
                shutil.move(next(pathlib.Path(work, "x/usr/src").glob("*.tar.xz")), published)
        tar = published.with_suffix("")
        if not tar.exists():
            unpacked(["xz", "-dc", published], tar)
        found.append((name, tar, published))
    return found


def tensorflow(folder):
    """The wheels of two versions, unpacked and packed again as tar.zst."""
    found = []
    for name in ["2.19.0", "2.19.1"]:
        tar = folder / f"tensorflow-{name}.tar"
        published = folder / f"tensorflow-{name}.tar.zst"
        if not tar.exists():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version",
                    "3.11", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64", "-d", work,
                    f"tensorflow-cpu=={name}")
                run(sys.executable, "-m", "zipfile", "-e", next(pathlib.Path(work).glob("*.whl")), f"{work}/x")
                part = tar.with_suffix(".part")
                run("tar", "-C", f"{work}/x", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner",
                    "-cf", part, ".")
                part.rename(tar)
        if not published.exists():
            part = published.with_suffix(".part")
            run("zstd", "-q", "-f", "-3", "-T0", tar, "-o", part)
            part.rename(published)
        found.append((name, tar, published))
    return found


def unpacked(command, target):
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        run(*command, stdout=file)
    part.rename(target)


def yardstick(old, new):
    """The bytes of zstd's own patch between two contents."""
    patch = DATA / f"{new.name}.from-{old.name}.zst"
    if not patch.exists():
        part = patch.with_suffix(".part")
        run("zstd", "-q", "-f", "-3", "--long=31", f"--patch-from={old}", new, "-o", part)
        part.rename(patch)
    return patch.stat().st_size


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Measuring


def wire():
    """Bytes that the loopback interface of this network namespace has received."""
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    raise RuntimeError("no loopback interface")


def settle():
    """No writes of before are on their way when the next measurement begins, and there is free memory that this machine has already.

    A virtual machine gets a page from its host when it is touched for the first time, at some ten times the cost: whoever comes first would pay.
    """
    with mmap.mmap(-1, FRESH) as memory:
        for page in range(0, FRESH, mmap.PAGESIZE):
            memory[page] = 1
    os.sync()
    time.sleep(0.5)


def measured(action):
    """Seconds and bytes on the wire of an action."""
    settle()
    bytes_before, started = wire(), time.monotonic()
    action()
    return {"seconds": time.monotonic() - started, "bytes": wire() - bytes_before}


def median(runs, key):
    return statistics.median(one[key] for one in runs)


class AnonymousMemory(threading.Thread):
    """The most anonymous memory that a process and what it started held at once, sampled."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.05):
            self.peak = max(self.peak, sum(self.of(one) for one in (self.pid, *descendants(self.pid))))

    @staticmethod
    def of(pid):
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass  # it has ended
        return 0

    def stop(self):
        self.done.set()
        self.join()
        return self.peak


# Peers


class Peers:
    """rsync through stunnel, casync over HTTP, and nginx to curl with client certificates, all of the same folder."""

    def __init__(self, work, releases):
        self.work = work
        certificates = work / "certs"
        make_certificates(certificates)
        self.certificates = certificates
        www = work / "www"
        www.mkdir()
        for _, tar, published in releases:
            (www / tar.name).hardlink_to(tar)
            (www / published.name).hardlink_to(published)
        self.www = www
        self.port = free_port()
        self.nginx = Nginx(work, certificates, self.port)
        self.http = serve(www)
        self.processes = []
        self.rsync = self.start_rsync()

    def start(self, *command, port):
        self.processes.append(subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL))
        wait_listening(port)

    def start_rsync(self):
        plain, secure, entry = free_port(), free_port(), free_port()
        config = self.work / "rsyncd.conf"
        config.write_text(
            f"port = {plain}\naddress = 127.0.0.1\nuse chroot = no\nuid = root\ngid = root\nlog file = {self.work}/rsyncd.log\n"
            f"[www]\npath = {self.www}\nread only = yes\n")
        self.start("rsync", "--daemon", "--no-detach", f"--config={config}", port=plain)
        for name, accept, connect, more in [
            ("server", secure, plain, f"cert = {self.certificates}/hub.chain.pem\nkey = {self.certificates}/hub.key\n"),
            ("client", entry, secure, "client = yes\n"),
        ]:
            path = self.work / f"stunnel-{name}.conf"
            path.write_text(
                f"foreground = yes\npid =\nsyslog = no\ndebug = 3\nsslVersion = TLSv1.3\n[rsync]\naccept = 127.0.0.1:{accept}\n"
                f"connect = 127.0.0.1:{connect}\n{more}")
            self.start("stunnel4", path, port=accept)
        return f"rsync://127.0.0.1:{entry}/www"

    def curl(self, published, target):
        """The published file, on the disk and checked."""
        target.unlink(missing_ok=True)
        run("curl", "-sS", "--fail", "--cacert", self.certificates / "root.pem", "--cert",
            self.certificates / "spoke1.chain.pem", "--key", self.certificates / "spoke1.key", "-o", target,
            f"https://localhost:{self.port}/{published.name}")
        run("sync", target)
        run("openssl", "dgst", "-sha256", target, stdout=subprocess.DEVNULL)

    def copy_rsync(self, tar, target):
        run("rsync", "--inplace", "--no-whole-file", "--fsync", f"{self.rsync}/{tar.name}", target)

    def make_casync(self, tar, folder=None):
        """Puts a release into casync's store, its own compression and all; not synchronised."""
        folder = folder or self.www
        run("casync", "make", f"--store={folder}/default.castr", folder / f"{tar.name}.caibx", tar,
            stdout=subprocess.DEVNULL)

    def copy_casync(self, tar, target, seed=None):
        target.unlink(missing_ok=True)
        run("casync", "extract", f"--store={self.http}default.castr", *([f"--seed={seed}"] if seed else []),
            f"{self.http}{tar.name}.caibx", target, stdout=subprocess.DEVNULL)
        run("sync", target)

    def stop(self):
        self.nginx.stop()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)


# Ours


class Sites:
    """A vendor, a hub and some spokes, which are started one at a time."""

    def __init__(self, work, product, fleet, names):
        self.product, self.fleet, self.names = product, fleet, names
        self.catalog, self.keys = work / "catalog", work / "keys"
        self.fleet.run(self.fleet.program("axle"), "publish", "init", self.catalog, "--keys", self.keys)

    def publish(self, name, published):
        release = name.split("-")[0]
        self.fleet.run(
            self.fleet.program("axle"), "publish", "add", self.catalog, "--keys", self.keys, "--product", self.product,
            "--release", release, "--platform", PLATFORM, "--kind", "tree", "--file", published)
        self.fleet.run(self.fleet.program("axle"), "publish", "sign", self.catalog, "--keys", self.keys)
        return release

    def begin(self):
        self.fleet.start_hub("bench", "bench")
        for name in self.names:
            self.fleet.join_spoke(name)
            self.stop(name)
        # Only now, so that no spoke has begun when its first copy is measured.
        self.fleet.axle("catalog", "set", "--url", serve(self.catalog), "--root", self.catalog / "metadata/1.root.json")

    def stop(self, name):
        process = self.fleet.processes.pop(f"spoke-{name}")
        process.terminate()
        process.wait(30)

    def start(self, name):
        self.fleet.start(f"spoke-{name}", self.fleet.commands[f"spoke-{name}"])
        return self.fleet.processes[f"spoke-{name}"].pid

    def import_release(self, release):
        self.fleet.axle("catalog", "refresh")
        def state():
            packages = self.fleet.axle("package", "list", "--json")
            return any(one["release"] == release and one["state"] == "imported" for one in packages)
        wait_for(f"{release} at the hub", state, 300, 0.5)

    def wait_patch(self):
        """The patch is made before an update is measured, as it is for every spoke but the first."""
        folder = self.fleet.hub_state / "patches/packages"
        wait_for("the patch", lambda: list(folder.glob("*/*")), 300, 0.5)
        return next(folder.glob("*/*")).stat().st_size

    def held(self, name, *digests):
        """Waits until the spoke has published one of these into its pool: checked, and on the disk."""
        pool = self.fleet.work / f"spoke-{name}/pool/packages"
        paths = [pool / digest[:2] / digest for digest in digests]
        wait_for(f"{name} to hold the release", lambda: any(path.exists() for path in paths), 600, 0.02)


def import_pair(peers, work, tar):
    """A release into a new container pool, compressed and durable, and into a new store of casync."""
    folders = [work / "pool", work / "store"]
    folders[1].mkdir()
    settle()
    ours = json.loads(run(BENCH, "import", tar, folders[0], capture_output=True, text=True).stdout)
    theirs = measured(lambda: peers.make_casync(tar, folders[1]))
    theirs["bytes"] = sum(path.stat().st_size for path in folders[1].rglob("*") if path.is_file())
    for folder in folders:
        shutil.rmtree(folder)
    return ours, theirs


def measure(product, releases):
    """All systems on one pair of releases; each run of ours beside one of every peer."""
    (old_name, old_tar, old_file), (new_name, new_tar, new_file) = releases
    digests = {path: sha256(path) for _, tar, published in releases for path in (tar, published)}
    seen = {key: [] for key in ("axle first", "axle update", "curl first", "rsync first", "rsync update",
                                "casync first", "casync update", "axle import", "casync make")}
    with tempfile.TemporaryDirectory(dir=DATA, prefix="run-") as folder:
        work = pathlib.Path(folder)
        peers = Peers(work, releases)
        sites = Sites(
            work, product, Fleet(work, ROOT / ".build/release"), [f"site{number}" for number in range(RUNS)])
        try:
            for _ in range(RUNS):
                ours, theirs = import_pair(peers, work, old_tar)
                seen["axle import"].append(ours)
                seen["casync make"].append(theirs)
            peers.make_casync(old_tar)
            old = sites.publish(old_name, old_file)
            sites.begin()
            sites.import_release(old)
            target = work / "copy"
            for name in sites.names:
                def first():
                    sites.start(name)
                    sites.held(name, digests[old_file], digests[old_tar])
                seen["axle first"].append(measured(first))
                sites.held(name, digests[old_tar])  # it unpacks in its own time
                sites.stop(name)
                seen["curl first"].append(measured(lambda: peers.curl(old_file, target)))
            target.unlink()
            seen["rsync first"].append(measured(lambda: peers.copy_rsync(old_tar, target)))
            target.unlink()
            seen["casync first"].append(measured(lambda: peers.copy_casync(old_tar, target)))
            peers.make_casync(new_tar)
            new = sites.publish(new_name, new_file)
            sites.import_release(new)
            patch = sites.wait_patch()
            memory = 0
            for name in sites.names:
                sampled = []
                def update():
                    sampled.append(AnonymousMemory(sites.start(name)))
                    sites.held(name, digests[new_file], digests[new_tar])
                seen["axle update"].append(measured(update))
                memory = max(memory, sampled[0].stop())
                sites.stop(name)
                shutil.copyfile(old_tar, target)
                seen["rsync update"].append(measured(lambda: peers.copy_rsync(new_tar, target)))
                seen["casync update"].append(
                    measured(lambda: peers.copy_casync(new_tar, work / "other", seed=old_tar)))
                if sha256(target) != digests[new_tar] or sha256(work / "other") != digests[new_tar]:
                    raise Failure("a peer did not make the release")
        finally:
            sites.fleet.stop_all()
            peers.stop()
    figures = {key: {"seconds": round(median(runs, "seconds"), 2), "bytes": int(median(runs, "bytes")),
                     "runs": len(runs)} for key, runs in seen.items()}
    figures["zstd --patch-from"] = {"bytes": yardstick(old_tar, new_tar)}
    figures["published file"] = {"bytes": old_file.stat().st_size}
    figures["patch"] = {"bytes": patch}
    print(f"\n{product} {old_name} -> {new_name}")
    for key, value in figures.items():
        print(f"    {key:20} " + "  ".join(f"{name} {amount:,}" for name, amount in value.items()))
    return rows_of(product, figures, memory), figures


def row(name, ours, peer, unit, target, ratio, met):
    return {"name": name, "ours": ours, "peer": peer, "unit": unit, "ratio": round(ratio, 3), "target": target,
            "met": met, "commands": VERSIONS}


def rows_of(product, figures, memory):
    def of(key, what):
        return figures[key][what]

    def compared(name, ours, peer, unit, word, limit, higher=False):
        ratio = peer / ours if higher else ours / peer
        return row(f"{product}: {name}", ours, peer, unit, f"{word} {limit}", ratio,
                   ratio >= limit if higher else ratio <= limit)

    update, first = of("axle update", "bytes"), of("axle first", "bytes")
    seconds = of("axle update", "seconds")
    return [
        compared("first copy beside the published file", first, of("published file", "bytes"), "bytes", "<=", 1.02),
        compared("update beside zstd --patch-from", update, of("zstd --patch-from", "bytes"), "bytes", "<=", 1.15),
        compared("update beside casync", update, of("casync update", "bytes"), "bytes", "<=", 0.05),
        compared("update time beside casync", seconds, of("casync update", "seconds"), "s", "<=", 0.25),
        compared("update time beside rsync", seconds, of("rsync update", "seconds"), "s", "<=", 0.8),
        compared("first copy, verified and durable, beside curl, sync and openssl dgst", of("axle first", "seconds"),
                 of("curl first", "seconds"), "s", "speed >=", 1.3, higher=True),
        compared("import into a container pool, compressed and durable, beside casync make", of("axle import", "seconds"),
                 of("casync make", "seconds"), "s", "speed >=", 2.5, higher=True),
        row(f"{product}: anonymous memory of a spoke that applies a patch, its children's too", round(memory / 1e6, 1),
            None, "MB", "<= 128", memory / 128e6, memory <= 128e6),
    ]


VERSIONS = []


def main():
    if os.environ.get("AXLE_BENCH_NETWORK") != "own":
        # What comes from Debian and PyPI comes before the network is cut off.
        DATA.mkdir(parents=True, exist_ok=True)
        kernel(DATA), tensorflow(DATA)
        environment = {**os.environ, "AXLE_BENCH_NETWORK": "own"}
        return subprocess.run(
            ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__, *sys.argv[1:]],
            env=environment).returncode
    VERSIONS[:] = [version("nginx", "-v"), version("curl", "--version"), version("rsync", "--version"),
                   version("casync", "--version"), version("stunnel4", "-version"), version("zstd", "--version")]
    pairs = {"kernel": kernel, "tensorflow": tensorflow}
    rows, figures = [], {}
    for product in sys.argv[1:] or pairs:
        more, figures[product] = measure(product, pairs[product](DATA))
        rows += more
    with tempfile.TemporaryDirectory(dir=DATA, prefix="run-") as folder:
        certificates = pathlib.Path(folder) / "certs"
        make_certificates(certificates)
        settle()
        rows.append(bulk_stream(pathlib.Path(folder), certificates))
    (ROOT / ".build/bench-replication.json").write_text(
        json.dumps({"rows": rows, "figures": figures, "cores": os.cpu_count()}, indent=2) + "\n")
    print()
    table(rows)
    print(f"cores: {os.cpu_count()}; written to .build/bench-replication.json")
    return 0 if all(one["met"] for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
