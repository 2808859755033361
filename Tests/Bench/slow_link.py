"""A slow, lossy link between hub and spoke: what `make slow-link` measures and writes to .build/bench-link.json, as bench.py does.

The link is 20 Mbit/s with 100 ms there and back and 1 % loss each way, made by netem between two network namespaces in user-mode Linux, so no
privilege of the host's kernel is needed. A first copy of 10 MB through a framed session, with BBR and without, takes turns with nginx to curl
under the kernel's default congestion control.
"""

import ctypes
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / ".build/release/axle-bench"
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
LENGTH = 10_000_000
LIMIT = int(os.environ.get("LINK_LIMIT", "3600"))
RATE, DELAY, LOSS = "20mbit", "50ms", "1%"


# MARK: In the guest

LIBC = ctypes.CDLL(None, use_errno=True)
FINIT_MODULE = 313  # x86-64


def load(path):
    """What insmod does, which not every Debian has."""
    with open(path, "rb") as file:
        if LIBC.syscall(FINIT_MODULE, file.fileno(), b"", 0) != 0:
            raise OSError(ctypes.get_errno(), f"cannot load {path}")


def guest(work):
    """Runs as the guest's init: makes the link, measures, prints JSON lines, and turns the machine off."""
    run = lambda *words: subprocess.run([str(word) for word in words], check=True)  # noqa: E731
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/var/lib/nginx")):
        subprocess.run(["mount", "-t", kind, kind, place], check=False)
    modules = pathlib.Path("/usr/lib/uml/modules") / os.uname().release / "kernel/net"
    load(modules / "../drivers/net/veth.ko")
    load(modules / "sched/sch_netem.ko")
    run("ip", "link", "set", "lo", "up")
    for name, address in (("hub", "10.9.0.1"), ("spoke", "10.9.0.2")):
        run("ip", "netns", "add", name)
        if name == "hub":
            run("ip", "link", "add", "hub0", "netns", "hub", "type", "veth", "peer", "name", "spoke0")
        else:
            run("ip", "link", "set", "spoke0", "netns", "spoke")
        inside = ["ip", "netns", "exec", name]
        run(*inside, "ip", "link", "set", "lo", "up")
        run(*inside, "ip", "address", "add", f"{address}/24", "dev", f"{name}0")
        # A lost packet is one packet, not one of 64 KiB.
        run(*inside, "ip", "link", "set", f"{name}0", "gso_max_segs", "1")
        run(*inside, "ip", "link", "set", f"{name}0", "up")
        run(*inside, "tc", "qdisc", "add", "dev", f"{name}0", "root", "netem", "delay", DELAY, "rate", RATE, "loss", LOSS,
            "limit", "1000")
    default = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    print(json.dumps({"default": default}), flush=True)
    hub, spoke = ["ip", "netns", "exec", "hub"], ["ip", "netns", "exec", "spoke"]
    ours = [*spoke, str(BENCH), "fetch-stream", f"{work}/certs", "10.9.0.1:19444", str(LENGTH)]
    peer = [*spoke, "curl", "-sS", "--fail", "--resolve", "localhost:19443:10.9.0.1", "--cacert", f"{work}/certs/root.pem",
            "--cert", f"{work}/certs/spoke1.chain.pem", "--key", f"{work}/certs/spoke1.key", "-o", "/dev/null",
            "https://localhost:19443/file"]
    subprocess.Popen([*hub, "nginx", "-c", f"{work}/nginx.conf", "-e", f"{work}/nginx.err"], stdin=subprocess.DEVNULL)
    server = [*hub, str(BENCH), "serve-stream", f"{work}/certs", f"{work}/www/file", "10.9.0.1:19444"]

    def timed(command):
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return round(time.monotonic() - started, 2)

    # Once it is loaded it stays: sockets that have ended hold it for a while.
    for bbr in (False, True):
        if bbr:
            load(modules / "ipv4/tcp_bbr.ko")
        serving = subprocess.Popen(server, stdin=subprocess.DEVNULL)
        time.sleep(2)
        for _ in range(RUNS):
            pair = {"bbr": bbr, "ours": timed(ours)}
            if not bbr or "SLOW_LINK_ALL" in os.environ:
                pair["peer"] = timed(peer)
            print(json.dumps(pair), flush=True)
        serving.terminate()
        serving.wait()
    print(json.dumps({"done": True}), flush=True)


# MARK: On the host

def prepare(work):
    (work / "certs").mkdir()
    subprocess.run([ROOT / "Certs/make-test-fleet.sh", work / "certs", "bench"], check=True, capture_output=True)
    bundle = (work / "certs/root.pem").read_text() + (work / "certs/issuing.pem").read_text()
    (work / "certs/bundle.pem").write_text(bundle)
    (work / "www").mkdir()
    (work / "www/file").write_bytes(os.urandom(LENGTH))
    (work / "nginx.conf").write_text(f"""
user root;
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; client_body_temp_path {work}/nb; proxy_temp_path {work}/np;
  fastcgi_temp_path {work}/nf; uwsgi_temp_path {work}/nu; scgi_temp_path {work}/ns;
  server {{
    listen 10.9.0.1:19443 ssl; root {work}/www;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_certificate {work}/certs/hub.chain.pem; ssl_certificate_key {work}/certs/hub.key;
    ssl_client_certificate {work}/certs/bundle.pem; ssl_verify_client on; ssl_verify_depth 3;
  }}
}}
""")
    init = work / "init.sh"
    init.write_text(f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin BENCH_RUNS={RUNS}
mount -t proc proc /proc
python3 {__file__} --guest {work} 2>{work}/guest.err
echo o >/proc/sysrq-trigger
sleep 5
""")
    init.chmod(0o755)
    return init


def boot(work, init):
    """The guest's answers, one JSON value a line; other lines are the kernel's."""
    machine = subprocess.Popen(
        ["linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", f"init={init}", "con=null",
         "con0=null,fd:1", "con1=null", "quiet", f"uml_dir={work}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True)
    end = time.monotonic() + LIMIT
    answers = []
    try:
        for line in machine.stdout:
            if time.monotonic() > end:
                raise RuntimeError("the guest takes too long")
            if line.startswith("{"):
                answers.append(json.loads(line))
                print(line.strip(), flush=True)
    finally:
        machine.kill()
        machine.wait()
    if not answers or "done" not in answers[-1]:
        raise RuntimeError(f"the guest failed: {(work / 'guest.err').read_text()[-2000:]}")
    return answers


def main():
    if sys.argv[1:2] == ["--guest"]:
        return guest(pathlib.Path(sys.argv[2]))
    work = pathlib.Path(tempfile.mkdtemp(prefix="axle-link-"))
    try:
        answers = boot(work, prepare(work))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    default = answers[0]["default"]
    peer = statistics.median(pair["peer"] for pair in answers if "peer" in pair)
    rows = []
    for bbr in (True, False):
        ours = statistics.median(pair["ours"] for pair in answers if pair.get("bbr") is bbr)
        # Alike means as fast: what differs is which packets were lost.
        target = 1.5 if bbr else 0.9
        rows.append({
            "name": f"first copy of 10 MB over 20 Mbit/s, 100 ms, 1 % loss, ours with {'bbr' if bbr else default}",
            "ours": ours, "peer": peer, "unit": "s", "ratio": round(peer / ours, 2), "target": f">= {target}",
            "met": peer / ours >= target,
            "commands": [f"axle-bench serve-stream, fetch-stream {LENGTH}", f"nginx to curl under {default}",
                         f"netem delay {DELAY} rate {RATE} loss {LOSS} each way, user-mode Linux"],
        })
    (ROOT / ".build").mkdir(exist_ok=True)
    (ROOT / ".build/bench-link.json").write_text(json.dumps(rows, indent=2) + "\n")
    for row in rows:
        print(f"{row['name']}\n    ours {row['ours']} s   curl {row['peer']} s   ratio {row['ratio']}   target "
              f"{row['target']}   {'met' if row['met'] else 'NOT MET'}")
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
