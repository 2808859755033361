"""Cuts the power of a machine while a pool works on it: powercut.py [--cuts N] [--seed S] [--program AXLE_CRASH]

The machine is user-mode Linux with a disk of its own; killing its process with SIGKILL loses all that its kernel had not written, as a power cut
does. After each cut it is started again to check the pool: what was acknowledged is there, the quota held, every byte read. Writes nothing outside a
temporary folder; needs no privilege.
"""

import argparse
import os
import pathlib
import random
import select
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build/release/axle-crash"
# A pool of each kind, and a file pool before a container pool.
KINDS = ("container", "file", "diskChain")
BOOT_LIMIT = 120

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t ext4 /dev/ubda /mnt || {{ echo "guest: no disk"; halt -f -p; }}
echo "guest: up"
{command}
echo "guest: ended $?"
umount /mnt
echo o >/proc/sysrq-trigger
sleep 5
"""


class Machine:
    """One boot of the guest; its console lines come through a pipe."""

    def __init__(self, folder, command):
        init = folder / "init.sh"
        init.write_text(INIT.format(command=command))
        init.chmod(0o755)
        self.process = subprocess.Popen(
            ["linux.uml", "mem=256M", f"ubda={folder}/disk.img", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
             f"init={init}", "con=null", "con0=null,fd:1", "con1=null", "quiet", f"uml_dir={folder}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.rest = b""

    def lines(self, until):
        """Whole lines until the guest ends or the time comes; a line that the cut tore is no line."""
        while time.monotonic() < until:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, min(1, until - time.monotonic())))
            if not ready:
                continue
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return
            *whole, self.rest = (self.rest + data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").strip()

    def cut(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # What it had said before is said; the rest of a line is not.
        *whole, _ = (self.rest + self.process.stdout.read()).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in whole]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=30)
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM, help="axle-crash, built for release")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"powercut: seed {arguments.seed}", flush=True)
    program = arguments.program.resolve()
    chance = random.Random(arguments.seed)
    failures = 0
    said = 0
    cuts = 0
    for kind in KINDS:
        with tempfile.TemporaryDirectory(prefix="axle-powercut-") as name:
            folder = pathlib.Path(name)
            with open(folder / "disk.img", "wb") as disk:
                disk.truncate(96 << 20)
            subprocess.run(["mkfs.ext4", "-q", "-F", folder / "disk.img"], check=True)
            words = []
            for number in range(-(-arguments.cuts // len(KINDS))):
                machine = Machine(folder, f"{program} load /mnt/pool {kind} {arguments.seed}")
                end = time.monotonic() + BOOT_LIMIT
                for line in machine.lines(end):
                    if line == "guest: up":
                        end = time.monotonic() + chance.uniform(0.3, 4)
                        break
                    if line.startswith("guest:"):
                        sys.exit(f"powercut: {line}")
                words += list(machine.lines(end)) + machine.cut()
                cuts += 1
                (folder / "words").write_text("\n".join(words) + "\n")
                verdict = None
                machine = Machine(folder, f"{program} check /mnt/pool {kind} {arguments.seed} {folder}/words")
                for line in machine.lines(time.monotonic() + BOOT_LIMIT):
                    if line.startswith("check: ") and "words" in line:
                        verdict = line
                    elif line.startswith(("check:", "guest: no")):
                        print(f"powercut: {kind} cut {number}: {line}", flush=True)
                    if line.startswith("guest: ended"):
                        break
                machine.cut()
                if verdict is None or not verdict.endswith(" 0 problems"):
                    failures += 1
                    print(f"powercut: {kind} cut {number}: {verdict or 'no answer'}", flush=True)
            said += len([word for word in words if word.startswith("published")])
    print(f"powercut: {cuts} cuts, {said} packages acknowledged, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
