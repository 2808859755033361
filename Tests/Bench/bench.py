"""Side-by-side measurements against peers, in one run: what `make bench` prints and writes to .build/bench.json.

Each row is {name, ours, peer, unit, ratio, target, met, commands}. Ours and the peer's runs take turns, so that a machine
whose speed drifts drifts for both; figures are medians, the ratio is the median of the pairs.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import attack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / ".build/release/axle-bench"
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
GIB = 1 << 30
SESSIONS = 1000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(port, host="127.0.0.1", deadline=10):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def version(*command):
    """The first line of a program's own words that has a number in it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return next((line for line in (done.stdout + done.stderr).splitlines() if re.search(r"\d", line)), "")


def make_certificates(folder):
    folder.mkdir()
    subprocess.run([ROOT / "Certs/make-test-fleet.sh", folder, "bench"], check=True, capture_output=True)
    bundle = (folder / "root.pem").read_text() + (folder / "issuing.pem").read_text()
    (folder / "bundle.pem").write_text(bundle)


def one_gib(folder):
    """1 GiB of bytes that nothing can shorten, in the page cache."""
    path = folder / "www" / "gib.bin"
    path.parent.mkdir()
    with path.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(GIB // 64))
    return path


class Nginx:
    """nginx over TLS 1.3 with client certificates, as PERFORMANCE.md measured it."""

    def __init__(self, work, certificates, port, host="127.0.0.1"):
        self.config = work / "nginx.conf"
        self.config.write_text(f"""
user root;
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; client_body_temp_path {work}/nb; proxy_temp_path {work}/np;
  fastcgi_temp_path {work}/nf; uwsgi_temp_path {work}/nu; scgi_temp_path {work}/ns;
  server {{
    listen {host}:{port} ssl; root {work}/www;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_certificate {certificates}/hub.chain.pem; ssl_certificate_key {certificates}/hub.key;
    ssl_client_certificate {certificates}/bundle.pem; ssl_verify_client on; ssl_verify_depth 3;
  }}
}}
""")
        self.process = subprocess.Popen(
            ["nginx", "-c", str(self.config), "-e", str(work / "nginx.err")], stdin=subprocess.DEVNULL)
        wait_listening(port, host)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def timed(command):
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def bulk_stream(work, certificates):
    """One framed TLS stream of 1 GiB between two processes, against nginx to curl, both to nowhere."""
    path = one_gib(work)
    nginx_port, axle_port = free_port(), free_port()
    nginx = Nginx(work, certificates, nginx_port)
    server_command = [str(BENCH), "serve-stream", str(certificates), str(path), f"127.0.0.1:{axle_port}"]
    server = subprocess.Popen(server_command, stdin=subprocess.DEVNULL)
    try:
        wait_listening(axle_port)
        ours = [str(BENCH), "fetch-stream", str(certificates), f"127.0.0.1:{axle_port}", str(GIB)]
        peer = ["curl", "-sS", "--fail", "--cacert", f"{certificates}/root.pem", "--cert",
                f"{certificates}/spoke1.chain.pem", "--key", f"{certificates}/spoke1.key", "-o", "/dev/null",
                f"https://localhost:{nginx_port}/gib.bin"]
        timed(ours), timed(peer)
        pairs = [(timed(ours), timed(peer)) for _ in range(RUNS)]
    finally:
        server.terminate()
        server.wait(10)
        nginx.stop()
    return {
        "name": "bulk stream, 1 GiB, one framed TLS stream, two processes",
        "ours": round(statistics.median(GIB / a for a, _ in pairs) / 1e9, 3),
        "peer": round(statistics.median(GIB / b for _, b in pairs) / 1e9, 3),
        "unit": "GB/s", "ratio": round(statistics.median(b / a for a, b in pairs), 3), "target": ">= 1.0",
        "met": statistics.median(b / a for a, b in pairs) >= 1.0,
        "commands": [" ".join(server_command), " ".join(ours), " ".join(peer),
                     version("nginx", "-v"), version("curl", "--version")],
    }


def memory_of(pid):
    """Resident memory that is the process's own, in bytes: proportional anonymous pages."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Anonymous line in smaps_rollup")


def table(rows):
    for row in rows:
        mark = "met" if row["met"] else "NOT MET"
        peer = "-" if row["peer"] is None else row["peer"]
        ratio = "-" if row["ratio"] is None else row["ratio"]
        print(f"{row['name']}\n    ours {row['ours']} {row['unit']}   peer {peer}   ratio {ratio}   "
              f"target {row['target']}   {mark}")


def report(rows, name):
    """Prints the rows and writes them to a file of .build; the exit status says whether all targets were met."""
    path = ROOT / ".build" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")
    table(rows)
    print(f"cores: {os.cpu_count()}; written to .build/{name}")
    return 0 if all(row["met"] for row in rows) else 1


def idle_sessions(work):
    """Memory of a real spoke for each idle session of an agent that joined through it, all state counted."""
    programs = ROOT / ".build/release"
    hub, spoke = work / "hub", work / "spoke"
    processes = []

    def start(*command, **options):
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, **options)
        processes.append(process)
        return process

    def listening(state):
        end = time.monotonic() + 20
        while not (state / "listen.json").exists():
            if time.monotonic() > end:
                raise RuntimeError(f"{state} does not listen")
            time.sleep(0.05)
        time.sleep(0.2)
        return json.loads((state / "listen.json").read_text())

    def token(role, uses):
        done = subprocess.run(
            [programs / "axle", "token", "create", "--role", role, "--uses", str(uses), "--json", "--api",
             f"https://{addresses['api']}", "--token-file", hub / "admin.token", "--ca", hub / "ca.pem"],
            check=True, capture_output=True, text=True)
        path = work / f"{role}.token"
        path.write_text(json.loads(done.stdout)["token"])
        return path

    try:
        subprocess.run(
            [programs / "axle-hub", "init", "--state", hub, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"],
            check=True, capture_output=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        start(programs / "axle-hub", "run", "--state", hub, **quiet)
        addresses = listening(hub)
        subprocess.run(
            [programs / "axle-spoke", "join", "--state", spoke, "--hub", addresses["listen"], "--token-file",
             token("spoke", 1), "--name", "bench", "--listen", "127.0.0.1:0"], check=True, capture_output=True)
        site = start(programs / "axle-spoke", "run", "--state", spoke, **quiet)
        address = listening(spoke)["listen"]
        agents = token("agent", SESSIONS + 10)

        def hold(count):
            command = [BENCH, "hold", address, agents, str(count)]
            holder = start(*command, stdout=subprocess.PIPE, text=True)
            if holder.stdout.readline().strip() != "ready":
                raise RuntimeError("the agents did not all connect")
            time.sleep(5)
            return [str(part) for part in command]

        hold(10)
        before = memory_of(site.pid)
        command = hold(SESSIONS)
        each = (memory_of(site.pid) - before) / SESSIONS / 1024
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(20)
    return {
        "name": f"memory per idle agent session at a spoke, {SESSIONS} sessions", "ours": round(each, 1),
        "peer": None, "unit": "KiB", "ratio": None, "target": "<= 35", "met": each <= 35,
        "commands": [f"axle-spoke run --state {spoke}", " ".join(command), "Anonymous of /proc/PID/smaps_rollup"],
    }


def refresh(work):
    """A client's whole refresh of a catalog of 10,000 targets over 20 delegated products: CPU time, beside Python's `tuf`."""
    repository = work / "catalog"
    subprocess.run([BENCH, "make-catalog", repository], check=True)
    runs = iter(range(1 << 20))

    def cpu(*command):
        state = work / f"refresh-{next(runs)}"
        state.mkdir()
        done = subprocess.run([*command, repository, state], check=True, capture_output=True, text=True)
        return float(done.stdout)

    ours = [str(BENCH), "refresh"]
    peer = [str(ROOT / ".venv/bin/python3"), str(ROOT / "Tests/Bench/tuf_refresh.py")]
    cpu(*ours), cpu(*peer)
    pairs = [(cpu(*ours), cpu(*peer)) for _ in range(RUNS)]
    mine, ratio = statistics.median(a for a, _ in pairs), statistics.median(b / a for a, b in pairs)
    return {
        "name": "full refresh, 10,000 targets over 20 delegated products, CPU time", "ours": round(mine, 1),
        "peer": round(statistics.median(b for _, b in pairs), 1), "unit": "ms", "ratio": round(ratio, 1),
        "target": "< 150 ms, >= 10 x", "met": mine < 150 and ratio >= 10,
        "commands": [" ".join([*ours, "CATALOG STATE"]), " ".join([*peer, "CATALOG STATE"]),
                     version(peer[0], "-c", "import tuf; print('tuf', tuf.__version__)")],
    }


REVOKED = 200_000


def revocations(work):
    """What 200,000 revoked members cost a hub, a spoke, and whoever opens a session; every figure beside the same with none."""
    programs = ROOT / ".build/release"
    hub, spoke = work / "hub-r", work / "spoke-r"
    segments = spoke / "revocations"
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = {}

    def start(name, *command):
        """Starts a daemon; how long it took to listen, in milliseconds."""
        begin = time.monotonic()
        running[name] = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, text=True, **quiet)
        for line in running[name].stdout:
            if line.startswith("listening"):
                return (time.monotonic() - begin) * 1000
        raise RuntimeError(f"{name} does not listen")

    def stop(name):
        process = running.pop(name)
        process.terminate()
        process.wait(20)

    def axle(*command):
        begin = time.monotonic()
        done = subprocess.run(
            [programs / "axle", *command, "--json", "--api", addresses["api"], "--token-file", hub / "admin.token",
             "--ca", hub / "ca.pem"], check=True, capture_output=True, text=True)
        return (time.monotonic() - begin) * 1000, done.stdout

    def token(role, uses):
        path = work / f"{role}-r.token"
        path.write_text(json.loads(axle("token", "create", "--role", role, "--uses", str(uses))[1])["token"])
        return path

    def held():
        return sum(path.stat().st_size for path in segments.glob("?" * 64))

    def fetched(begin):
        """How long until all segments are at the spoke, in milliseconds."""
        while held() < REVOKED * 16:
            if time.monotonic() - begin > 60:
                raise RuntimeError("the segments do not come")
            time.sleep(0.002)
        return (time.monotonic() - begin) * 1000

    try:
        subprocess.run(
            [programs / "axle-hub", "init", "--state", hub, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"],
            check=True, capture_output=True)
        run_hub = ["hub", programs / "axle-hub", "run", "--state", hub]
        start(*run_hub)
        addresses = json.loads((hub / "listen.json").read_text())
        run_hub += ["--listen", addresses["listen"], "--api", addresses["api"]]
        subprocess.run(
            [programs / "axle-spoke", "join", "--state", spoke, "--hub", addresses["listen"], "--token-file",
             token("spoke", 1), "--name", "bench", "--listen", "127.0.0.1:0"], check=True, capture_output=True)
        run_spoke = ["spoke", programs / "axle-spoke", "run", "--state", spoke]
        start(*run_spoke)
        address = json.loads((spoke / "listen.json").read_text())["listen"]
        holder = subprocess.Popen(
            [BENCH, "hold", address, token("agent", RUNS + 2), str(RUNS + 2)], stdout=subprocess.PIPE, text=True)
        holder.stdout.readline()
        holder.terminate()
        holder.wait(20)
        clients = [item["name"] for item in json.loads(axle("client", "list")[1])["items"]]
        bare = statistics.median(axle("client", "list")[0] for _ in range(RUNS))
        before = statistics.median([(stop("spoke"), start(*run_spoke))[1] for _ in range(RUNS)])
        none = axle("client", "revoke", clients[-1], "--confirm", clients[-1])[0] - bare
        stop("spoke")
        stop("hub")
        with sqlite3.connect(hub / "hub.db") as database:
            now = int(time.time() * 1000)
            database.execute("DELETE FROM revocation")
            database.executemany(
                "INSERT INTO revocation VALUES (?, 3, ?)",
                ((os.urandom(16), now + (number % 150 + 1) * 86_400_000) for number in range(REVOKED - 1)))
        database.close()
        start(*run_hub)
        compact = axle("client", "revoke", clients[0], "--confirm", clients[0])[0] - bare
        begin = time.monotonic()
        start(*run_spoke)
        fresh = fetched(begin)
        count = len(list(segments.glob("?" * 64)))
        one = min(segments.glob("?" * 64), key=lambda path: path.stat().st_size)
        last = []
        for _ in range(RUNS):
            stop("spoke")
            size = one.stat().st_size
            one.unlink()
            begin = time.monotonic()
            start(*run_spoke)
            last.append(fetched(begin))
        after = statistics.median([(stop("spoke"), start(*run_spoke))[1] for _ in range(RUNS)])
        more = statistics.median(
            axle("client", "revoke", name, "--confirm", name)[0] - bare for name in clients[1:RUNS + 1])
        with sqlite3.connect(hub / "hub.db") as database:
            head = len(database.execute("SELECT value FROM setting WHERE key = 'revocationList'").fetchone()[0]) // 2
        database.close()
    finally:
        for name in list(running):
            stop(name)

    def storm(revoked):
        done = subprocess.run([BENCH, "storm", "960", str(revoked)], check=True, capture_output=True, text=True)
        return float(re.search(r"([\d.]+) ms of the listener", done.stdout).group(1))

    storm(0), storm(REVOKED)
    pairs = [(storm(REVOKED), storm(0)) for _ in range(RUNS)]
    ratio = statistics.median(a / b for a, b in pairs)
    looked = subprocess.run([BENCH, "revocations", str(REVOKED)], check=True, capture_output=True, text=True).stdout
    by_segments, by_set, load = (float(found) for found in re.findall(r"([\d.]+) [µm]s", looked))

    def row(name, ours, peer, unit, target="", met=True, commands=()):
        return {
            "name": f"{REVOKED:,} revoked: {name}", "ours": round(ours, 2), "peer": peer and round(peer, 2), "unit": unit,
            "ratio": None, "target": target, "met": met, "commands": list(commands)}

    opening = row(
        "a session opened, beside none revoked, processor of the listener", statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs), "ms", "<= 1.05", ratio <= 1.05,
        [f"axle-bench storm 960 {REVOKED}", "axle-bench storm 960 0"])
    opening["ratio"] = round(ratio, 3)
    return [
        opening,
        row("one look-up, beside a set", by_segments, by_set, "us", commands=[f"axle-bench revocations {REVOKED}"]),
        row("segments loaded from the disk", load, None, "ms"),
        row("all moved into segments and signed", compact, None, "ms", "< 5000", compact < 5000),
        row("the next one revoked and signed, beside the first of none", more, none, "ms", "< 100", more < 100),
        row(f"{count} segments and a head of {head} bytes at a fresh spoke, from its start", fresh, None, "ms",
            "< 5000", fresh < 5000),
        row(f"one segment of {size} bytes at a spoke that has all others, from its start", statistics.median(last), None,
            "ms", "< 1000", statistics.median(last) < 1000),
        row("bytes of all segments at a spoke", REVOKED * 16, None, "bytes"),
        row("a spoke's start, beside none revoked", after, before, "ms", "< 500 more", after - before < 500),
    ]


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="axle-bench-"))
    try:
        certificates = work / "certs"
        make_certificates(certificates)
        rows = [refresh(work), bulk_stream(work, certificates), idle_sessions(work), *revocations(work)]
        (work / "attack").mkdir()
        rows += attack.under_attack(work / "attack")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report(rows, "bench.json")


if __name__ == "__main__":
    sys.exit(main())
