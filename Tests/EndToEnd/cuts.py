"""kill -9 of hub, spoke and agents at random moments of a whole job, which completes all the same."""

import collections
import contextlib
import os
import random
import re
import signal
import threading
import time

from world import Failure, Vendor, descendants, free_port, require, test, wait_for

CUTS = 12


class Reaper:
    """Kills a daemon now and then and starts it again after a moment. The job tells it which are there to be killed."""

    def __init__(self, world):
        self.world = world
        self.random = random.Random(world.seed)
        self.lock = threading.Lock()
        self.alive = []
        self.cuts = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.reap, daemon=True)
        self.began = time.monotonic()

    def reap(self):
        while len(self.cuts) < CUTS and not self.stopped.wait(self.random.uniform(0.2, 2.4)):
            away = self.random.uniform(0.05, 1.0)
            choice = self.random.random()
            with self.lock:
                if not self.alive:
                    continue
                victim = self.alive[int(choice * len(self.alive))]
                if victim.startswith("agent") and self.random.random() < 0.5:
                    self.kill_served(victim)
                    continue
                self.world.kill(victim)
                self.cuts.append(f"{time.monotonic() - self.began:.2f}s {victim}")
            time.sleep(away)
            with self.lock:
                self.world.start(victim, self.world.commands[victim])

    def kill_served(self, victim):
        """Kills what the agent's supervisor watches over, and leaves the supervisor to it."""
        for pid in descendants(self.world.processes[victim].pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.cuts.append(f"{time.monotonic() - self.began:.2f}s {victim} below its supervisor")

    def started(self, name):
        with self.lock:
            self.alive.append(name)

    def finish(self):
        """Waits for the last of the cuts, so that every run has all of them."""
        self.thread.join(60)
        self.stopped.set()
        require(not self.thread.is_alive(), "the cuts do not end")


def insist(what, attempt, deadline=90):
    """Repeats what a cut may spoil, as a person would."""
    last = []

    def probe():
        try:
            return attempt()
        except (Failure, ValueError, KeyError, StopIteration) as failure:
            last[:] = [str(failure)]
            return None
    try:
        return wait_for(what, probe, deadline, interval=0.3)
    except Failure as failure:
        raise Failure(f"{failure}; last: {last}") from None


def join(world, reaper, role, name, upstream, *more):
    """Joins with a new token until it holds, then starts the daemon."""
    state = world.work / f"{role}-{name}"

    def attempt():
        if (state / "format").exists():
            return True
        option = "--hub" if role == "spoke" else "--spoke"
        token = world.token(role, spoke="site" if role == "agent" else None)
        world.run(
            world.program(f"axle-{role}"), "join", "--state", state, option, upstream, "--token-file", "-", "--name",
            name, *more, stdin=token)
        return True
    insist(f"{name} to join", attempt)
    command = [world.program(f"axle-{role}"), "run", "--state", str(state)]
    with reaper.lock:
        world.start(f"{role}-{name}", command)
    reaper.started(f"{role}-{name}")


def rollout(world, name, release):
    """Makes and starts a rollout once, whatever is lost on the way."""
    def create():
        known = [r for r in world.axle("rollout", "list", "--json") if r["file"]["name"] == name]
        if not known:
            file = world.work / f"{name}.json5"
            file.write_text(
                f"{{ name: '{name}', product: 'tool', release: '{release}', select: {{ names: ['box-1', 'box-2'] }},"
                f" window: {world.window(-60, 3600)} }}\n")
            world.axle("rollout", "create", file)
            return None
        if known[0]["state"] == "draft":
            world.axle("rollout", "start", known[0]["id"])
        return known[0]["id"]
    return insist(f"rollout {name} to be made", create)


def finish(world, identity):
    def ended():
        actions = world.actions_of(identity)
        return len(actions) == 2 and all(a["state"] == "succeeded" for a in actions.values())
    insist(f"rollout {identity} to succeed", ended)


@test
def kill_nine_at_any_moment(world):
    vendor = Vendor(world).make()
    api, wire, site = (f"127.0.0.1:{free_port()}" for _ in range(3))
    world.run(
        world.program("axle-hub"), "init", "--state", world.hub_state, "--name", "hub", "--fleet", "test", "--listen",
        wire, "--api", api)
    (world.hub_state / "hub.json5").write_text(world.hub_options)
    world.api, world.hub_address = f"https://{api}", wire
    world.secrets.append((world.hub_state / "admin.token").read_text().strip())
    reaper = Reaper(world)
    world.start("hub", [world.program("axle-hub"), "run", "--state", str(world.hub_state)])
    reaper.started("hub")
    reaper.thread.start()
    watch = Mixtures(world, ("box-1", "box-2"))
    try:
        server = world.serve(vendor.catalog)
        insist("the catalog to be set", lambda: world.axle(
            "catalog", "set", "--url", server.url, "--root", vendor.root, "--json"))
        join(world, reaper, "spoke", "site", wire, "--listen", site)
        for name in ("box-1", "box-2"):
            join(world, reaper, "agent", name, site)
        for name, release in (("first", "1.0"), ("second", "2.0")):
            finish(world, rollout(world, name, release))
        reaper.finish()
        insist("everyone to be connected in the end", lambda: all(
            c["connected"] for c in world.axle("client", "list", "--json") if c["name"] in ("box-1", "box-2")))
    except Failure as failure:
        raise Failure(f"{failure}\n    cuts: {', '.join(reaper.cuts)}") from None
    finally:
        reaper.stopped.set()
        watch.stop()
    require(not watch.found, f"a mixture was seen: {watch.found[:3]}; cuts: {reaper.cuts}")
    for name in ("box-1", "box-2"):
        require(world.tool_says(name) == "2.0", f"{name} says {world.tool_says(name)}")
    world.check_log()
    check_transitions(world.events())
    clients = {c["name"]: c for c in world.axle("client", "list", "--json")}
    for name in ("box-1", "box-2"):
        installed = clients[name]["facts"]["installed"]
        require([p["release"] for p in installed if p["product"] == "tool"] == ["2.0"], f"the hub thinks {installed}")
    queued = [
        f"{c}: {world.run(world.program('axle-agent'), 'status', '--state', world.work / f'agent-{c}', '--json').stdout}"
        for c in ("box-1", "box-2")]
    require(all('"queuedReports":0' in q.replace(" ", "") for q in queued), f"reports are left: {queued}")
    world.stop_all()
    world.processes.clear()
    world.check_databases()


def check_transitions(events):
    """Each report was applied once: no action enters a state twice in the activity log."""
    seen = collections.Counter()
    for event in events:
        if event["code"] == "actionChanged":
            seen[event["subject"], event["text"]] += 1
    twice = [what for what, count in seen.items() if count > 1]
    require(not twice, f"applied more than once: {twice}")
    require(not [e for e in events if e["code"] == "reportRefused"], "a report was refused")


class Mixtures:
    """Runs the installed program of each agent again and again; both of its files must be of one release."""

    def __init__(self, world, agents):
        self.world, self.agents, self.found = world, agents, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.wait(0.1):
            for agent in self.agents:
                current = self.world.work / f"agent-{agent}/products/tool/current"
                with contextlib.suppress(OSError):
                    # One folder is looked at, as a program that was started would do.
                    release = current.resolve(strict=True)
                    words = self.world.run(release / "bin/tool", check=False).stdout.split()
                    if release == current.resolve(strict=True) and (
                            len(words) != 2 or words[0] != words[1] or words[0] != release.name):
                        self.found.append((agent, release.name, words))

    def stop(self):
        self.stopped.set()
        self.thread.join()


@test
def kill_nine_during_joining(world):
    """A join that was cut off leaves a folder that the same command, with a new token, fills."""
    chance = random.Random(world.seed)
    world.hub()
    address = world.spoke()
    for role, upstream, option in (("spoke", world.hub_address, "--hub"), ("agent", address, "--spoke")):
        for number in range(4):
            name = f"cut-{role}-{number}"
            state = world.work / name
            command = [
                world.program(f"axle-{role}"), "join", "--state", str(state), option, upstream, "--token-file",
                str(world.work / f"{name}.token"), "--name", name]
            (world.work / f"{name}.token").write_text(world.token(role))
            world.start(name, command)
            time.sleep(chance.uniform(0.0, 0.25))
            world.kill(name)
            if not (state / "format").exists():
                (world.work / f"{name}.token").write_text(world.token(role))
                world.run(*command)
            require((state / "format").read_text().startswith(f"axle {role} "), f"{name} has not joined")
            require(not (state / "incomplete").exists(), f"{name} is marked as incomplete")
    world.check_log()


@test
def restarts_lose_no_pool(world):
    """A transfer that a cut interrupts goes on, and what was there is not fetched again."""
    world.hub()
    vendor = Vendor(world).make(())
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    filler = random.Random(world.seed).randbytes(3_000_000)
    vendor.add("1.0", {"bin/tool": (b"#!/bin/sh\nexit 0\n", 0o755), "share/filler": (filler, 0o644)})
    vendor.sign()
    sent = []

    def slowly(handler, content):
        """Serves ranges at about 2 MB/s, so that there is something to interrupt."""
        asked = re.match(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        begin = int(asked.group(1)) if asked else 0
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - begin))
        handler.end_headers()
        sent.append(begin)
        for offset in range(begin, len(content), 65536):
            handler.wfile.write(content[offset:offset + 65536])
            time.sleep(0.03)
    server.rules = [("targets/", slowly)]
    world.axle("catalog", "refresh")
    wait_for("the download to begin", lambda: sent, 30)
    time.sleep(0.6)
    world.restart("hub")
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    world.wait_event("packageImported", "1.0", deadline=60)
    require(len(sent) > 1 and sent[-1] > 0, f"downloads began at {sent}: what was there was fetched again")
    world.spoke()
    for _ in range(3):
        time.sleep(0.3)
        world.restart("spoke-site")
    world.wait_verified(1)
    pools = world.axle("pool", "list", "--json")
    require(all(p["reserved"] in (0, "0") for p in pools), f"reservations were left: {pools}")
