"""Strangers at the door, each a real process with a TLS stack of its own (`attacker.py`): what they send costs nobody else.

docs/limits.md states the bounds that are measured here.
"""

import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import time
import urllib.request

from world import ROOT, Failure, require, test, wait_for

MIB = 1 << 20
# docs/limits.md, "Memory": what 256 hostile connections may cost a hub or a spoke, in all phases one after the other.
MEMORY_BOUND = 64 * MIB
CONNECTIONS = 256


class Stranger:
    """An attack that runs until `stop`, which gives what it counted."""

    def __init__(self, attack, address, *options):
        # Behind the programs that it attacks: in the field a stranger has processors of its own.
        command = ["nice", "-n", "15", ROOT / ".venv/bin/python3", ROOT / "Tests/EndToEnd/attacker.py", attack, address, *options]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        if line != "ready":
            raise Failure(f"the attacker says {line!r}")

    def stop(self):
        try:
            output, _ = self.process.communicate("", timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return json.loads(output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def memory_of(process):
    """Memory that is the process's own, in bytes: anonymous pages."""
    for line in pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise Failure("no Anonymous line in smaps_rollup")


def open_many(world, door):
    """The most permissive door: places for all 256 of one address, so that memory is measured and not the places."""
    places = "{ handshakes: 4096, handshakesPerAddress: 4096, %s: 4096, %sPerAddress: 4096%s }"
    connections = places % ("joins", "joins", ", firstByteSeconds: 120, handshakeSeconds: 120")
    api = places % ("strangers", "strangers", ", firstByteSeconds: 120, handshakeSeconds: 120, strangerSeconds: 120")
    if door == "spoke":
        return f"{{ connections: {connections} }}\n"
    return f"{{ downloads: {{ allow: ['127.0.0.0/8'] }}, connections: {connections}, api: {api} }}\n"


def measure(name, process, attack, address, *options):
    """The most memory that a process has while the attack runs with 256 connections."""
    highest = 0
    with Stranger(attack, address, "--connections", CONNECTIONS, *options) as stranger:
        # Those that go on without end begin in earnest only when all is answered that they ask first.
        end = time.monotonic() + (15 if attack in ("malformed", "backlog") else 4)
        while time.monotonic() < end:
            highest = max(highest, memory_of(process))
            time.sleep(0.1)
        counts = stranger.stop()
    require(counts["opened"] >= CONNECTIONS, f"{name} {attack}: only {counts['opened']} connections were opened")
    require(process.poll() is None, f"{name} has ended during {attack}")
    return highest


def bounded(before, highest):
    """Fails unless no phase took more than the bound; memory that an earlier phase has left counts too."""
    grown = {phase: round((bytes - before) / MIB, 1) for phase, bytes in highest.items()}
    print(f"    MiB: {grown}", flush=True)
    over = {phase: more for phase, more in grown.items() if more > MEMORY_BOUND / MIB}
    require(not over, f"more than {MEMORY_BOUND / MIB:.0f} MiB: {over}")


WIRE = ["idle", "hello", "session", "join", "asked"]
API = ["idle", "hello", "shaken", "head", "body", "malformed", "backlog", "onebyte"]
JOIN = ("--protocol", "axle-join/1")


@test
def memory_of_a_hub_under_256_hostile_connections(world):
    world.hub_options = open_many(world, "hub")
    world.hub()
    hub = world.processes["hub"]
    before, highest = memory_of(hub), {}
    for attack in WIRE:
        highest[f"wire {attack}"] = measure("hub", hub, attack, world.hub_address, *JOIN)
    for attack in API:
        highest[f"API {attack}"] = measure("hub", hub, attack, world.api.removeprefix("https://"))
    bounded(before, highest)


@test
def memory_of_a_spoke_under_256_hostile_connections(world):
    world.hub()
    world.spoke("site")
    world.kill("spoke-site")
    (world.work / "spoke-site/spoke.json5").write_text(open_many(world, "spoke"))
    world.start("spoke-site", world.commands["spoke-site"])
    wait_for("the spoke to listen", lambda: listens(world.addresses["site"]))
    spoke = world.processes["spoke-site"]
    before = memory_of(spoke)
    bounded(before, {
        attack: measure("spoke", spoke, attack, world.addresses["site"], *JOIN) for attack in WIRE})


def listens(address):
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@test
def closing_connections_cost_the_hub_no_memory(world):
    """The default limits: answers that are not read, a refused request, and then bytes without end."""
    world.hub()
    hub = world.processes["hub"]
    before = memory_of(hub)
    highest = before
    with Stranger("malformed", world.api.removeprefix("https://"), "--connections", 4) as stranger:
        end = time.monotonic() + 12
        while time.monotonic() < end:
            highest = max(highest, memory_of(hub))
            time.sleep(0.1)
        stranger.stop()
    require(highest - before < 8 * MIB, f"4 connections made the hub take {(highest - before) / MIB:.0f} MiB")


class Operator:
    """One kept connection of an operator to the API, and how long its calls take."""

    def __init__(self, world):
        self.context = ssl.create_default_context(cafile=str(world.hub_state / "ca.pem"))
        self.token = (world.hub_state / "admin.token").read_text().strip()
        self.url = world.api + "/v1/status"

    def call(self):
        request = urllib.request.Request(self.url, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            return json.load(answer)


def key_updates_are_ended(address, protocol):
    """Sends key updates without end over two connections, and wants both ended after a bounded number of them."""
    with Stranger("keyupdates", address, "--connections", 2, "--protocol", protocol) as stranger:
        # Endless by itself: it ends only because its peer has ended its connections.
        wait_for(f"both connections to {address} to be ended", lambda: ended(stranger), 60)
        sent = stranger.stop()["bytes"]
    # Not by a timer: 32 updates have 900 bytes, and one block of them is sent before the end is seen.
    require(sent < MIB, f"{address}, {protocol}: {sent} bytes of key updates were taken")


@test
def a_stream_of_key_updates_is_ended_by_the_hub(world):
    world.hub()
    key_updates_are_ended(world.api.removeprefix("https://"), "http/1.1")
    key_updates_are_ended(world.hub_address, "axle-join/1")


@test
def a_stream_of_key_updates_is_ended_by_a_spoke(world):
    world.hub()
    world.spoke("site")
    key_updates_are_ended(world.addresses["site"], "axle-join/1")
    # Nobody else has lost anything by it.
    world.agent("box", "site")
    wait_for("the agent to be there", lambda: world.axle("client", "list", "--json")[0]["connected"], 30)


@test
def six_connections_of_one_byte_records_do_not_stall_the_api(world):
    """A record of one byte costs as much as one of 16 KiB: calls are answered all the same while they come without end."""
    world.hub()
    operator = Operator(world)
    address = world.api.removeprefix("https://")
    with Stranger("onebyte", address, "--connections", 6, "--again", "--pause", "0") as stranger:
        for _ in range(100):
            operator.call()
        world.spoke("site")
        require(stranger.process.poll() is None, "the attacker has ended")
        counts = stranger.stop()
    # The attack went on: six connections at the least, and each of them sent requests.
    require(counts["opened"] >= 6 and counts["bytes"] > 6 * 11_000, f"there was no attack: {counts}")


def ended(stranger):
    """Whether the attacker's process has no open socket left."""
    folder = pathlib.Path(f"/proc/{stranger.process.pid}/fd")
    sockets = 0
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):
            sockets += entry.readlink().name.startswith("socket:")
    return sockets == 0


@test
def idle_connections_of_one_address_shut_nobody_out(world):
    """300 idle TCP connections at each port, 270 silent joins, 300 handshakes on the API: members, operators and joins get in."""
    world.hub()
    world.spoke("site")
    api = world.api.removeprefix("https://")
    attacks = [
        ("idle", world.hub_address, 300, "axle-join/1"), ("join", world.hub_address, 270, "axle-join/1"),
        ("join", world.addresses["site"], 270, "axle-join/1"), ("idle", world.addresses["site"], 600, "axle-join/1"),
        ("idle", api, 300, "http/1.1"), ("shaken", api, 300, "http/1.1")]
    operator = Operator(world)
    with contextlib.ExitStack() as stack:
        for attack, address, count, protocol in attacks:
            stack.enter_context(Stranger(
                attack, address, "--connections", count, "--protocol", protocol, "--again", "--pause", "0.5"))
        for _ in range(20):
            operator.call()
        world.restart("spoke-site")
        wait_for("the spoke to be back", lambda: world.axle("spoke", "list", "--json")[0]["connected"], 30)
        world.spoke("second")
        world.agent("box", "site")
        wait_for("the agent to be there", lambda: len(world.axle("client", "list", "--json")) == 1, 30)


@test
def idle_connections_of_many_addresses_shut_no_known_peer_out(world):
    """Each of the idle connections comes from another address, so that no limit of an address helps."""
    world.hub()
    world.spoke("site")
    operator = Operator(world)
    operator.call()
    with contextlib.ExitStack() as stack:
        for address, protocol in ((world.hub_address, "axle-join/1"), (world.api.removeprefix("https://"), "http/1.1")):
            stack.enter_context(Stranger(
                "idle", address, "--connections", 400, "--protocol", protocol, "--spread", "--again", "--pause", "0.5"))
        for _ in range(20):
            operator.call()
        world.restart("spoke-site")
        wait_for("the spoke to be back", lambda: world.axle("spoke", "list", "--json")[0]["connected"], 30)
        world.spoke("second")
