"""A vendor's web server that is wrong, slow, evil or away. The trusted state never moves."""

import json
import shutil
import time

from world import altered, altered_json, contains, require, test


def begin(world):
    """A hub that trusts a good catalog; the second release waits to be published."""
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    world.wait_event("packageImported", "1.0")
    return vendor, server


def attack(world, server, code, *words, rules=None, deadline=60, moves=()):
    """Puts the rules in place, refreshes, and wants the event; what the hub trusts stays byte for byte.

    `moves` names files that may be newer afterwards, since they are genuine themselves.
    """
    before, releases = world.trusted(), world.axle("catalog", "list", "--json")
    known = world.events()[-1]["sequence"]
    server.rules = rules or []
    world.axle("catalog", "refresh", check=False)
    event = world.wait_event(code, *words, deadline=deadline, after=known)
    require(event["severity"] in ("error", "warning"), f"too quiet: {event}")
    problem = world.axle("catalog", "show", "--json")["problem"]
    require(problem == event["text"], f"catalog show says {problem!r}, the log {event['text']!r}")
    after = world.trusted()
    moved = sorted(name for name in {*before, *after} if before.get(name) != after.get(name) and name not in moves)
    require(not moved, f"the trusted metadata changed: {moved}")
    require(world.axle("catalog", "list", "--json") == releases, "the list of releases changed")


def recover(world, vendor, server, release="9.0"):
    """The server is good again: the next refresh takes what is new."""
    server.rules = []
    if not any(release in str(p) for p in (vendor.catalog / "targets").rglob("*")):
        vendor.add(release)
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", release)
    require(not world.axle("catalog", "show", "--json").get("problem"), "the problem is still shown")


@test
def catalog_unsigned(world):
    vendor, server = begin(world)
    vendor.add("2.0")
    vendor.sign()
    attack(world, server, "catalogRefused", "signature", rules=[
        ("timestamp.json$", altered_json(lambda d: d.update(signatures=[])))])
    recover(world, vendor, server, "2.0")


@test
def catalog_altered(world):
    vendor, server = begin(world)
    vendor.add("2.0")
    vendor.sign()

    def later(document):
        document["signed"]["version"] += 1
    attack(world, server, "catalogRefused", "signature", rules=[("timestamp.json$", altered_json(later))])
    attack(world, server, "catalogRefused", "snapshot", rules=[
        ("snapshot.json$", altered(lambda b: b.replace(b"a", b"b", 1)))], moves=["timestamp.json"])
    recover(world, vendor, server, "2.0")


@test
def catalog_is_no_json(world):
    vendor, server = begin(world)
    attack(world, server, "catalogRefused", "timestamp", rules=[
        ("timestamp.json$", altered(lambda _: b"<html>Welcome to the hotel's network</html>"))])
    recover(world, vendor, server)


@test
def catalog_expired(world):
    vendor = world.vendor("1.0")
    vendor.sign("--timestamp-expires", "3s")
    time.sleep(3.2)
    world.hub()
    server = world.serve(vendor.catalog)
    world.axle("catalog", "set", "--url", server.url, "--root", vendor.root)
    world.wait_event("catalogRefused", "expired")
    require(world.axle("package", "list", "--json") == [], "packages of an expired catalog were taken")
    recover(world, vendor, server)


@test
def catalog_rolled_back(world):
    vendor, server = begin(world)
    old = world.work / "old"
    shutil.copytree(vendor.catalog, old)
    vendor.add("2.0")
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", "2.0")
    good = server.folder
    server.folder = old
    attack(world, server, "catalogRefused", "timestamp", "version")
    server.folder = good
    recover(world, vendor, server)


@test
def catalog_too_large(world):
    vendor, server = begin(world)
    attack(world, server, "catalogRefused", "timestamp", rules=[
        ("timestamp.json$", altered(lambda b: b + b" " * 20_000))])

    def endless(handler, _):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 65536)
    attack(world, server, "catalogRefused", rules=[("[0-9]+.root.json$", endless)])
    recover(world, vendor, server)


@test
def catalog_served_slowly(world):
    vendor, server = begin(world)

    def slowly(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        for byte in content:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.5)
    attack(world, server, "catalogUnreachable", "slow", rules=[("timestamp.json$", slowly)], deadline=90)
    recover(world, vendor, server)


@test
def catalog_not_served(world):
    vendor, server = begin(world)
    attack(world, server, "catalogUnreachable", "503", rules=[
        (".", lambda handler, _: handler.answer(b"busy\n", 503))])
    attack(world, server, "catalogUnreachable", "timestamp", "does not have it", rules=[
        ("timestamp.json$", lambda handler, _: handler.answer(None))])

    def hang_up(handler, _):
        handler.close_connection = True
    attack(world, server, "catalogUnreachable", rules=[(".", hang_up)])
    recover(world, vendor, server)
    server.close()
    attack(world, server, "catalogUnreachable", "refused")


@test
def catalog_redirects_elsewhere(world):
    vendor, server = begin(world)

    def send_to(address):
        def behaviour(handler, _):
            handler.send_response(302)
            handler.send_header("Location", address)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return behaviour
    attack(world, server, "catalogUnreachable", rules=[("timestamp.json$", send_to("file:///etc/passwd"))])
    attack(world, server, "catalogUnreachable", rules=[
        ("timestamp.json$", send_to(server.url + "metadata/timestamp.json"))])
    recover(world, vendor, server)


@test
def catalog_of_another_vendor(world):
    vendor, server = begin(world)
    other = type(vendor)(world, "other").make(("1.0",))
    good = server.folder
    server.folder = other.catalog
    attack(world, server, "catalogRefused")
    server.folder = good
    recover(world, vendor, server)


@test
def catalog_root_that_is_none(world):
    world.hub()
    wrong = world.work / "root.json"
    wrong.write_text(json.dumps({"signed": {}}))
    world.refused(
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token", "catalog", "set", "--url", "http://127.0.0.1:1/", "--root", wrong,
        words=["root metadata", "--root"])


@test
def package_with_a_wrong_hash(world):
    vendor, server = begin(world)
    vendor.add("2.0")
    vendor.sign()

    def flip(content):
        return content[:-1] + bytes([content[-1] ^ 1])
    server.rules = [(r"targets/.*/2\.0/", altered(flip))]
    world.axle("catalog", "refresh")
    event = world.wait_event("packageFailed", "hash")
    contains(event["subject"], "2.0")
    package = next(p for p in world.axle("package", "list", "--json") if p["release"] == "2.0")
    require(package["state"] != "imported", "a package with a wrong hash was imported")
    held = [p for p in (world.hub_state / "pool").rglob("*") if p.is_file() and package["sha256"] in p.name]
    require(not [p for p in held if "partial" not in str(p)], f"wrong bytes are in the pool: {held}")
    server.rules = []
    world.wait_event("packageImported", "2.0", deadline=60)


@test
def package_with_a_wrong_size(world):
    vendor, server = begin(world)
    vendor.add("2.0")
    vendor.add("3.0")
    vendor.sign()
    server.rules = [
        (r"targets/.*/2\.0/", altered(lambda b: b + b"more")), (r"targets/.*/3\.0/", altered(lambda b: b[:-100]))]
    world.axle("catalog", "refresh")
    for release in ("2.0", "3.0"):
        contains(world.wait_event("packageFailed", "length", f"/{release}/")["subject"], release)
    server.rules = []
    for release in ("2.0", "3.0"):
        world.wait_event("packageImported", release, deadline=60)
