"""What a site behind a slow link waits: hub and spoke as real daemons over 20 Mbit/s, 100 ms there and back and 1 % loss each way.

`make slow-update` prints it and writes .build/bench-slow-update.json, as bench.py does: the update of the kernel's source tree, and a first
copy of 10 MB in turns with nginx to curl under cubic. Ours ends when the release is verified and durable at the spoke, and begins with its
start: connection, catalog and plan go over the link too.
"""

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

from bench import ROOT, Nginx, free_port, make_certificates, report, version  # noqa: E402
from fleet import Fleet, make_tree  # noqa: E402
from link import Link  # noqa: E402
from replication import DATA, Sites, kernel, run, settle, sha256  # noqa: E402

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
LENGTH = 10_000_000
LINK = "20 Mbit/s, 100 ms, 1 % loss"


class FarFleet(Fleet):
    """A fleet whose spokes are at the link's other end."""

    def __init__(self, work, binaries, link):
        super().__init__(work, binaries)
        self.link = link
        self.hub_host = link.here

    def place(self, command):
        return [*self.link.inside, *command] if str(command[0]).endswith("axle-spoke") else command

    def start(self, name, command):
        super().start(name, self.place(command))
        self.commands[name] = command

    def run(self, *command, **options):
        return super().run(*self.place(command), **options)


class CongestionControl(threading.Thread):
    """What the hub's connections were sent with, as `ss` says it."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seen, self.done = port, set(), threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.3):
            told = subprocess.run(
                ["ss", "-tinH", "state", "established", f"( sport = :{self.port} )"], capture_output=True, text=True)
            self.seen |= {name for name in ("bbr", "cubic", "reno") if f" {name} " in told.stdout}

    def stop(self):
        self.done.set()
        self.join()
        return " ".join(sorted(self.seen))


def timed(action):
    settle()
    started = time.monotonic()
    action()
    return round(time.monotonic() - started, 2)


def row(name, ours, peer, target, met, commands):
    ratio = None if peer is None else round(peer / ours, 2)
    return {"name": f"{name} over {LINK}", "ours": ours, "peer": peer, "unit": "s", "ratio": ratio, "target": target,
            "met": met, "commands": [*commands, "Tests/Bench/link.py between two network namespaces"]}


def update(work, link):
    """The kernel's source tree, from the release that the spoke holds to the next."""
    (old_name, old_tar, old_file), (new_name, new_tar, new_file) = kernel(DATA)
    sites = Sites(work, "kernel", FarFleet(work, ROOT / ".build/release", link), ["far"])
    try:
        release = sites.publish(old_name, old_file)
        sites.begin()
        sites.import_release(release)
        sites.start("far")
        sites.held("far", sha256(old_tar))
        sites.stop("far")
        sites.import_release(sites.publish(new_name, new_file))
        patch = sites.wait_patch()
        link.slow()
        control = CongestionControl(sites.fleet.hub_address.rpartition(":")[2])
        digests = sha256(new_file), sha256(new_tar)

        def go():
            sites.start("far")
            sites.held("far", *digests)

        seconds = timed(go)
        seen = control.stop()
        print(f"update: {seconds} s, a patch of {patch:,} bytes, sent by {seen}", flush=True)
        sites.stop("far")
        return row(f"kernel {old_name} -> {new_name}, update", seconds, None, "< 30", seconds < 30,
                   [f"patch of {patch} bytes made before, hub sends with {seen} where cubic is the default"])
    finally:
        sites.fleet.stop_all()


def first_copies(work, link):
    """10 MB that nothing is known of, ours and curl's in turns."""
    certificates = work / "certs"
    make_certificates(certificates)
    (work / "www").mkdir()
    port = free_port()
    nginx = Nginx(work, certificates, port, host=link.here)
    sites = Sites(work, "blob", FarFleet(work, ROOT / ".build/release", link), ["far"])
    pairs = []
    try:
        for number in range(RUNS):
            package = work / f"{number}.tar"
            make_tree(package, {"blob": (os.urandom(LENGTH), 0o644)})
            shutil.copyfile(package, work / "www/file")
            release = sites.publish(f"{number + 1}.0", package)
            if number == 0:
                sites.begin()
            sites.import_release(release)
            digest, target = sha256(package), work / "copy"

            def ours():
                sites.start("far")
                sites.held("far", digest)

            def peer():
                run(*link.inside, "curl", "-sS", "--fail", "--resolve", f"localhost:{port}:{link.here}", "--cacert",
                    certificates / "root.pem", "--cert", certificates / "spoke1.chain.pem", "--key",
                    certificates / "spoke1.key", "-o", target, f"https://localhost:{port}/file")
                run("sync", target)

            pairs.append((timed(ours), timed(peer)))
            print(f"first copy: {pairs[-1][0]} s, curl {pairs[-1][1]} s", flush=True)
            sites.stop("far")
    finally:
        sites.fleet.stop_all()
        nginx.stop()
    mine, theirs = (statistics.median(values) for values in zip(*pairs))
    return row(f"first copy of {LENGTH // 1_000_000} MB by real daemons", mine, theirs, "speed > 1.0", theirs > mine,
               ["nginx to curl under cubic, then sync", version("nginx", "-v"), version("curl", "--version")])


def main():
    if os.environ.get("AXLE_BENCH_NETWORK") != "own":
        DATA.mkdir(parents=True, exist_ok=True)
        kernel(DATA)
        # Else the namespaces could not have it as their default.
        run("sysctl", "-q", "-w", "net.ipv4.tcp_allowed_congestion_control=reno cubic bbr")
        return subprocess.run(
            ["unshare", "--net", sys.executable, __file__], env={**os.environ, "AXLE_BENCH_NETWORK": "own"}).returncode
    link = Link()
    rows = []
    try:
        for measure in (update, first_copies):
            with tempfile.TemporaryDirectory(dir=DATA, prefix="run-") as folder:
                rows.append(measure(pathlib.Path(folder), link))
    finally:
        link.stop()
    return report(rows, "bench-slow-update.json")


if __name__ == "__main__":
    sys.exit(main())
