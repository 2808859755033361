"""End-to-end tests: real processes, small packages, bad input. `run.py [--seed N] [--keep] [--list] [NAME…]`.

One line per test, then "N passed, N failed". Exit status 0 when none failed. Each test has a fleet and a folder of its
own; processes and folders are gone at the end, however the run ends.
"""

import argparse
import concurrent.futures
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from world import ROOT, TESTS, Skip, World

import bundles  # noqa: F401  (each registers its tests)
import catalogs  # noqa: F401
import clocks  # noqa: F401
import cuts  # noqa: F401
import downloads  # noqa: F401
import folders  # noqa: F401
import golden  # noqa: F401
import identity  # noqa: F401
import machine  # noqa: F401
import members  # noqa: F401
import modes  # noqa: F401
import naming  # noqa: F401
import pools  # noqa: F401
import readme  # noqa: F401
import repositories  # noqa: F401
import results  # noqa: F401
import rollouts  # noqa: F401
import replication  # noqa: F401
import shares  # noqa: F401
import space  # noqa: F401
import connections  # noqa: F401
import strangers  # noqa: F401

# The slow ones begin first.
FIRST = ("catalog_served_slowly", "kill_nine_at_any_moment", "catalog_not_served", "full_disk_of_the_spoke")


class CommandLineWatch:
    """Looks at the command line of every process for secrets, all the time."""

    def __init__(self):
        self.secrets = set()
        self.found = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.wait(0.05):
            for entry in pathlib.Path("/proc").iterdir():
                if not entry.name.isdigit():
                    continue
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"axle" in command and (b"axle1." in command or any(s.encode() in command for s in list(self.secrets))):
                    self.found.append(command.replace(b"\0", b" ").decode(errors="replace")[:200])

    def stop(self):
        self.stopped.set()
        self.thread.join()


WORLDS = []


def run_one(name, base, arguments, watch):
    """Gives (name, verdict, seconds, text); the verdict is passed, failed or skipped."""
    work = base / name
    work.mkdir()
    world = World(work, arguments.binaries, f"{arguments.seed}/{name}")
    WORLDS.append(world)
    began = time.monotonic()
    verdict, text = "passed", ""
    try:
        TESTS[name](world)
        watch.secrets.update(world.secrets)
        world.check_secrets()
    except Skip as skip:
        verdict, text = "skipped", str(skip)
    except Exception as failure:  # noqa: BLE001  (whatever breaks in one test, the others are run)
        verdict, text = "failed", f"{type(failure).__name__}: {failure}"
        for log in sorted(work.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-6:]
            text += "".join(f"\n    {log.name}: {line[:300]}" for line in tail)
    finally:
        world.clean()
        if not arguments.keep:
            shutil.rmtree(work, ignore_errors=True)
    return name, verdict, time.monotonic() - began, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="tests to run; all when none is named")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--jobs", type=int, default=6, help="tests at a time")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / ".build/debug")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(TESTS))
        return 0
    unknown = [name for name in arguments.names if name not in TESTS]
    if unknown:
        parser.error(f"no such test: {', '.join(unknown)}; --list shows them")
    names = arguments.names or sorted(TESTS, key=lambda name: (name not in FIRST, name))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    base = pathlib.Path(tempfile.mkdtemp(prefix="axle-e2e-"))
    print(f"seed {arguments.seed}", flush=True)
    watch = CommandLineWatch()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures = []
    try:
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            futures = [pool.submit(run_one, name, base, arguments, watch) for name in names]
            try:
                for future in concurrent.futures.as_completed(futures):
                    name, verdict, seconds, text = future.result()
                    counts[verdict] += 1
                    line = f"{verdict:7} {name} ({seconds:.1f} s){': ' + text if text else ''}"
                    print(line, flush=True)
                    if verdict == "failed":
                        failures.append(line)
            except BaseException:
                # Interrupted: what waits is not begun, and what runs is left without its processes.
                pool.shutdown(wait=False, cancel_futures=True)
                for world in WORLDS:
                    world.clean()
                raise
    finally:
        watch.stop()
        if arguments.keep:
            print(f"folders: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)
    if watch.found:
        counts["failed"] += 1
        print(f"failed  secrets in command lines: {watch.found[:3]}")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    if counts["failed"]:
        # Once more, where whoever reads only the end of a long log finds them.
        print("\n".join(failures))
        print(f"again with: run.py --seed {arguments.seed}")
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}", flush=True)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
