"""Rows of `make bench` for a fleet under attack: while strangers try what they can, others are served.

Hub, spoke, agent and operator are the release's real processes, and each attack is one too (`Tests/EndToEnd/attacker.py`). For
each attack a row says how long the slowest of a hundred calls of the API took; it is met if that is at most a second, no session
was lost, and a new spoke could join meanwhile. A first row without an attack is there to compare with.
"""

import contextlib
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from connections import Operator, Stranger  # noqa: E402  (the path is set just above)
from world import World, wait_for  # noqa: E402

SECONDS = 10
BOUND = 1.0
JOIN = ("--protocol", "axle-join/1")


def attacks(world):
    """Name, and the attackers: attack, address, options."""
    api, hub, spoke = world.api.removeprefix("https://"), world.hub_address, world.addresses["site"]
    again = ("--again", "--pause", "0.2")

    def everywhere(attack, wire, web):
        return [(attack, hub, "--connections", wire, *JOIN, *again), (attack, spoke, "--connections", wire, *JOIN, *again),
                (attack, api, "--connections", web, *again)]

    return [
        ("no attack", []),
        ("key updates without end", everywhere("keyupdates", 8, 8)),
        ("records of one byte", everywhere("onebyte", 8, 8)),
        ("300 idle connections of one address", everywhere("idle", 300, 300)),
        ("300 idle connections of 300 addresses",
         [(*attack, "--spread") for attack in everywhere("idle", 300, 300)]),
        ("300 handshakes without a request", everywhere("shaken", 300, 300)),
        ("270 silent joins", everywhere("join", 270, 0)[:2]),
        ("a flood of questions for nonces", everywhere("nonces", 8, 0)[:2]),
    ]


def lost(world):
    """Sessions that have ended so far, by the hub's log; those of the spokes that joined and were stopped again do not count."""
    codes = ("spokeDisconnected", "agentDisconnected")
    return sum(event["code"] in codes and "other-" not in event["text"] for event in world.events())


def members(world):
    spokes = {spoke["name"]: spoke["connected"] for spoke in world.axle("spoke", "list", "--json")}
    clients = world.axle("client", "list", "--json")
    return spokes.get("site", False) and all(client["connected"] for client in clients)


def percentile(times, part):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * part))]


def row(world, operator, name, strangers, number):
    before = lost(world)
    times, joined, served = [], True, True
    with contextlib.ExitStack() as stack:
        for attack in strangers:
            stack.enter_context(Stranger(*attack))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or len(times) < 100:
            started = time.monotonic()
            try:
                operator.call()
            except OSError:
                served = False
            times.append(time.monotonic() - started)
            time.sleep(0.02)
        try:
            world.spoke(f"other-{number}")
        except Exception as failure:  # noqa: BLE001  (whatever it is, nobody joined)
            print(f"    {name}: no join: {failure}", file=sys.stderr)
            joined = False
        served = served and members(world)
    after = lost(world)
    slow = percentile(times, 0.99)
    with contextlib.suppress(KeyError):
        world.kill(f"spoke-other-{number}")
    time.sleep(1)
    verdict = f"{after - before} sessions lost, {'a' if joined else 'no'} join, {'all' if served else 'not all'} served"
    return {
        "name": f"API under attack, p99 of {len(times)} calls: {name} ({verdict})", "ours": round(slow * 1000, 1), "peer": None,
        "unit": "ms", "ratio": None, "target": "<= 1000, none lost, a join", "met":
        slow <= BOUND and after == before and joined and served,
        "commands": ["attacker.py " + " ".join(map(str, attack)) for attack in strangers],
    }


def under_attack(work, binaries=ROOT / ".build/release"):
    world = World(work, binaries, "bench")
    try:
        world.hub()
        world.spoke("site")
        world.agent("box", "site")
        wait_for("the agent", lambda: [c["connected"] for c in world.axle("client", "list", "--json")] == [True])
        operator = Operator(world)
        operator.call()
        return [
            row(world, operator, name, strangers, number)
            for number, (name, strangers) in enumerate(attacks(world))]
    finally:
        world.clean()


if __name__ == "__main__":
    import tempfile

    from bench import report
    with tempfile.TemporaryDirectory(prefix="axle-attack-") as folder:
        binaries = map(pathlib.Path, sys.argv[1:])  # a folder of other programs to measure, such as an older release's
        sys.exit(report(under_attack(pathlib.Path(folder), *binaries), "attack.json"))
