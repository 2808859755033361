"""Downloads by the hub: private addresses, proxies, files that change while they are fetched, servers that are busy."""

import os
import contextlib
import gzip
import http.server
import socket
import subprocess
import time

from space import big
from world import QuietServer, Vendor, contains, require, test, wait_for


def redirect_to(address):
    def behaviour(handler, _):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return behaviour


class Proxy:
    """An HTTP proxy that finds every name on this machine, wants a password, and remembers what it was asked for."""

    credentials = "fleet:pr0xy-s3cret"

    def __init__(self):
        self.asked = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                import base64
                wanted = "Basic " + base64.b64encode(proxy.credentials.encode()).decode()
                known = self.headers.get("Proxy-Authorization") == wanted
                proxy.asked.append((self.path, known))
                if not known:
                    self.send_response(407)
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                _, _, place, path = self.path.split("/", 3)
                with contextlib.suppress(OSError), socket.create_connection(
                        ("127.0.0.1", int(place.split(":")[1]))) as server:
                    server.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode())
                    self.close_connection = True
                    while data := server.recv(65536):
                        self.wfile.write(data)
                return None

        self.server = QuietServer(Handler)
        self.port = self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def downloads(world, options):
    """The hub's settings for downloads, taken up by a restart."""
    (world.hub_state / "hub.json5").write_text(f"{{ downloads: {options} }}\n")
    world.run(world.program("axle-hub"), "check-config", "--state", world.hub_state)
    if "hub" in world.processes:
        world.restart("hub")
        wait_for("the hub's API", lambda: world.axle("status", check=False), 30)


@test
def download_from_a_private_address_is_refused_unless_permitted(world):
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    downloads(world, "{}")
    # In numbers it is refused at once, by name when it is connected to.
    world.refused_axle(
        "catalog", "set", "--url", server.url, "--root", vendor.root, words=["not permitted", "hub.json5", "allow"])
    named = server.url.replace("127.0.0.1", "localhost")
    world.refused_axle("catalog", "set", "--url", named, "--root", vendor.root, words=["not permitted"])
    require(server.requests == [], f"the hub connected all the same: {server.requests}")
    downloads(world, "{ allow: ['127.0.0.0/8'] }")
    world.set_catalog(vendor, server)
    world.wait_event("packageImported", "1.0")


@test
def download_redirected_to_a_private_address(world):
    vendor = world.vendor("1.0")
    world.hub()
    server, inner = world.serve(vendor.catalog), world.serve(vendor.catalog)
    # The catalog's own server is allowed, its neighbour (another loopback address) is not.
    downloads(world, "{ allow: ['127.0.0.1'] }")
    world.set_catalog(vendor, server)
    world.wait_event("packageImported", "1.0")
    port = inner.url.rstrip("/").rsplit(":", 1)[1]
    for place in (f"127.0.0.2:{port}", "169.254.169.254", f"[::ffff:127.0.0.2]:{port}", "10.0.0.1"):
        known = world.events()[-1]["sequence"]
        server.rules = [("timestamp.json$", redirect_to(f"http://{place}/metadata/timestamp.json"))]
        world.axle("catalog", "refresh", check=False)
        world.wait_event("catalogUnreachable", "not permitted", after=known)
    vendor.add("2.0")
    vendor.sign()
    server.rules = [(r"targets/.*/2\.0/", redirect_to(f"http://127.0.0.2:{port}/secret"))]
    world.axle("catalog", "refresh")
    world.wait_event("packageFailed", "not permitted", "hub.json5")
    require(inner.requests == [], f"the redirect was followed: {inner.requests}")
    server.rules = []
    world.wait_event("packageImported", "2.0", deadline=60)


@test
def download_through_a_proxy(world):
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    proxy = Proxy()
    world.servers.append(proxy)
    world.secrets.append(proxy.credentials.split(":")[1])
    secret = world.work / "proxy-credentials"
    secret.write_text("fleet:wrong\n")
    options = f"{{ proxy: 'http://127.0.0.1:{proxy.port}', proxyCredentialsFile: '{secret}' }}"
    (world.hub_state / "hub.json5").write_text(f"{{ downloads: {options} }}\n")
    check = [world.program("axle-hub"), "check-config", "--state", world.hub_state]
    for mode, owner, words in ((0o644, 0, ["others", "chmod 600"]), (0o600, 4711, ["belongs to user 4711"])):
        secret.chmod(mode)
        if owner and os.geteuid() != 0:
            continue
        os.chown(secret, owner or -1, -1)
        world.refused(*check, words=["proxyCredentialsFile", str(secret), *words])
    if os.geteuid() == 0:
        os.chown(secret, 0, -1)
    secret.chmod(0o600)
    downloads(world, options)
    url = f"http://vendor.example:{server.url.rstrip('/').rsplit(':', 1)[1]}/"
    world.axle("catalog", "set", "--url", url, "--root", vendor.root)
    world.wait_event("catalogUnreachable", "the proxy", "user and password")
    secret.write_text(proxy.credentials + "\n")
    downloads(world, options)
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", "1.0")
    good = [path for path, known in proxy.asked if known]
    require(good and all(path.startswith(url) for path in good), f"asked through the proxy: {good}")
    events = str(world.events())
    require(proxy.credentials.split(":")[1] not in events, "the password is in the activity log")
    # By the environment too, where the file says nothing; and `none` turns that off.
    world.kill("hub")
    downloads(world, "{}")
    before = len(proxy.asked)
    command = ["env", f"http_proxy=http://{proxy.credentials}@127.0.0.1:{proxy.port}", *world.commands["hub"]]
    world.start("hub", command)
    wait_for("the hub's API", lambda: world.axle("status", check=False), 30)
    vendor.add("2.0")
    vendor.sign()
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", "2.0")
    require(len(proxy.asked) > before, "the environment's proxy was not asked")
    # The environment of a process is not its command line; the runner's watch must not find it there.
    world.secrets.remove(proxy.credentials.split(":")[1])


@test
def download_whose_file_changes_before_it_is_resumed(world):
    vendor = Vendor(world).make(())
    world.hub()
    server = world.serve(vendor.catalog)
    world.set_catalog(vendor, server)
    vendor.add("1.0", big("1.0", 3_000_000))
    vendor.sign()
    good = vendor.package_file("1.0").read_bytes()
    other = bytes(byte ^ 1 for byte in good)
    asked = []

    def serve(content, tag, cut=None):
        def behaviour(handler, _):
            wish, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
            asked.append((wish, condition))
            start = int(wish[6:].rstrip("-")) if wish and condition in (None, tag) else 0
            handler.send_response(206 if start else 200)
            handler.send_header("ETag", tag)
            if start:
                handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            handler.send_header("Content-Length", str(len(content) - start))
            handler.end_headers()
            handler.wfile.write(content[start:cut])
            handler.close_connection = True
        return behaviour
    # The first bytes are of a file that is gone when the hub comes back for the rest.
    server.rules = [(r"targets/.*/1\.0/", serve(other, '"old"', cut=1_000_000))]
    world.axle("catalog", "refresh")
    world.wait_event("packageFailed", "ended before")
    server.rules = [(r"targets/.*/1\.0/", serve(good, '"new"'))]
    world.wait_event("packageImported", "1.0", deadline=60)
    later = asked[-1]
    require(later[0] and later[0] != "bytes=0-" and later[1] == '"old"', f"not asked for the rest of the old file: {asked}")
    mixed = [event for event in world.events() if event["code"] == "packageFailed" and "hash" in event["text"]]
    require(not mixed, f"two files were glued together: {mixed}")


@test
def download_from_a_server_that_is_busy(world):
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)

    def busy(handler, _):
        handler.send_response(503)
        handler.send_header("Retry-After", "3600")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    server.rules = [("metadata/", busy)]
    world.axle("catalog", "set", "--url", server.url, "--root", vendor.root)
    world.wait_event("catalogUnreachable", "503")
    count = len(server.requests)
    # Our own first retry would come within 8 s.
    time.sleep(9)
    require(len(server.requests) == count, f"the hub did not wait: {server.requests}")
    server.rules = []
    world.axle("catalog", "refresh")
    world.wait_event("packageImported", "1.0")


@test
def a_server_that_wants_a_password_is_named_with_what_to_do(world):
    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)

    def refuse(status):
        def rule(handler, _):
            handler.send_response(status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return rule
    for status, word in ((401, "it wants a user and password"), (403, "if it wants a user and password")):
        server.rules = [("timestamp.json", refuse(status))]
        if status == 401:
            world.axle("catalog", "set", "--url", server.url, "--root", vendor.root)
        else:
            world.axle("catalog", "refresh", check=False)
        world.wait_event(
            "catalogUnreachable", f"{server.url}metadata/timestamp.json answered {status}", word, "https address")
    # A package that is elsewhere: the server that refuses is named, and not the one that sends there.
    other = world.serve(vendor.catalog)
    other.rules = [("targets/", refuse(401))]
    server.rules = [("targets/", redirect_to(other.url + "targets/elsewhere"))]
    world.axle("catalog", "refresh")
    world.wait_event("packageFailed", f"{other.url}targets/elsewhere", "answered 401", "it wants a user and password")


@test
def download_settings_that_are_wrong(world):
    world.hub()
    world.kill("hub")
    file = world.hub_state / "hub.json5"
    check = [world.program("axle-hub"), "check-config", "--state", world.hub_state]
    for text, words in (
            ("{ downloads: { alow: [] } }", ["alow", "did you mean allow?"]),
            ("{ downloads: { allow: ['10.0.0.1/8'] } }", ["10.0.0.1/8", "prefix"]),
            ("{ downloads: { proxy: 'http://u:p4ssw0rd@p:1' } }", ["proxyCredentialsFile"]),
            ("{ downloads: { authorities: '/nowhere/ca.pem' } }", ["/nowhere/ca.pem"]),
            ("{ downloads: { proxy: 'p:1', proxyCredentialsFile: '/nowhere/secret' } }", ["/nowhere/secret"]),
            ("{", ["hub.json5: line 1, column 2"]),
            ("{ downloads: {},\n  downloads: {} }", ["line 2, column 3", "same name twice"])):
        file.write_text(text)
        said = world.refused(*check, words=words)
        require("p4ssw0rd" not in said, f"a password is shown: {said}")
    file.write_text("{ downloads: { alow: [] } }")
    world.refused(world.program("axle-hub"), "run", "--state", world.hub_state, words=["did you mean allow?"])
    file.write_text("{ downloads: {} }")
    contains(world.run(*check).stdout, "is good")
    file.unlink()
    contains(world.run(*check).stdout, "is not there")


def coded(coding, change=lambda content: content, length=True):
    """Sends a file with a Content-Encoding, packed in truth by `change` or only called so."""
    def behaviour(handler, content):
        if content is None:
            return handler.answer(None)
        body = change(content)
        handler.send_response(200)
        if coding is not None:
            handler.send_header("Content-Encoding", coding)
        if length:
            handler.send_header("Content-Length", str(len(body)))
        else:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        handler.wfile.write(body)
    return behaviour


def zstd(content):
    return subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout


@test
def a_content_coding_that_nobody_asked_for_decides_nothing(world):
    """The signed hash does: bytes that are only called packed are taken as they are, those that are packed are unpacked."""
    cases = {
        "1": coded("aws-chunked"), "2": coded(""), "3": coded("none"), "4": coded("UTF-8"), "5": coded("gzip"),
        "6": coded("gzip", gzip.compress), "7": coded("gzip", gzip.compress, length=False), "8": coded("zstd", zstd),
        "9": coded("aws-chunked, gzip", gzip.compress), "10": coded("zstd"),
    }
    vendor = Vendor(world).make(())
    for release in cases:
        vendor.add(release, packed=release in ("5", "9", "10"))
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    server.rules = [(f"targets/tool/{release}/", behaviour) for release, behaviour in cases.items()]
    # The metadata comes packed, too: called so, not called so, and called so in vain.
    server.rules += [
        ("timestamp.json", coded("gzip", gzip.compress)), ("snapshot.json", coded(None, gzip.compress)),
        ("targets.json", coded("gzip")), ("metadata/", coded("zstd", zstd))]
    world.set_catalog(vendor, server)
    world.wait_imported(len(cases), 60)
    # What is neither the signed bytes nor holds them is the server's fault or worse, and never taken.
    vendor.add("11")
    vendor.sign()
    server.rules.insert(0, ("targets/tool/11/", coded("gzip", lambda content: gzip.compress(content[::-1]))))
    world.axle("catalog", "refresh")
    world.wait_event("packageFailed", "another hash than the catalog signs")
    states = {package["release"]: package["state"] for package in world.axle("package", "list", "--json")}
    require(states["11"] != "imported", f"the states are {states}")


@test
def long_headers_accuse_the_server_and_not_the_vendor(world):
    def headed(fields):
        def behaviour(handler, content):
            if content is None:
                return handler.answer(None)
            handler.send_response(200)
            for name, value in fields:
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        return behaviour

    vendor = world.vendor("1.0", "2.0")
    world.hub()
    server = world.serve(vendor.catalog)
    server.rules = [
        ("targets/tool/2.0/", headed([("X-Policy", "x" * 40000)])),
        ("targets/", headed([("Content-Security-Policy", "x" * 30000)])),
        ("metadata/", headed([(f"X-{number}", "1") for number in range(200)]))]
    world.set_catalog(vendor, server)
    world.wait_imported(1)

    def problem():
        return next(
            (package.get("problem") for package in world.axle("package", "list", "--json") if package["release"] == "2.0"), None)
    text = wait_for("the second package's problem", problem, 30)
    contains(text, "127.0.0.1", "X-Policy", "32768")
    require("signs" not in text, f"the vendor is accused: {text}")


@test
def a_page_in_the_place_of_metadata_is_named(world):
    def page(handler, _):
        body = b"<!DOCTYPE html><title>Please log in</title>"
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    vendor = world.vendor("1.0")
    world.hub()
    server = world.serve(vendor.catalog)
    server.rules = [("timestamp.json", page)]
    world.set_catalog(vendor, server, wait=False)
    world.wait_event("catalogRefused", f"{server.url}metadata/timestamp.json", "text/html", "page")
    # Other text is refused with its address and type.
    server.rules = [("timestamp.json", lambda handler, _: handler.answer(b"not found\n"))]
    world.axle("catalog", "refresh", check=False)
    world.wait_event("catalogRefused", f"{server.url}metadata/timestamp.json", "no type")
    # `catalog refresh` shows what came of it.
    server.rules = []
    contains(world.axle("catalog", "refresh"), "Timestamp:")


@test
def a_token_that_cannot_be_printed_is_none(world):
    world.hub()
    environment = {
        "AXLE_API": world.api, "AXLE_TOKEN_FILE": str(world.hub_state / "admin.token"), "AXLE_CA": str(world.hub_state / "ca.pem")}
    for more in ([], ["--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [world.program("axle"), "token", "create", "--role", "spoke", *more], stdout=full, stderr=subprocess.PIPE,
                text=True, env=environment)
        require(done.returncode == 1, f"exit status {done.returncode}")
        contains(done.stderr, "No space left", "revoked")
    require(world.axle("token", "list", "--json") == [], "a token is left")
    world.wait_event("tokenRevoked", "revoked")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [world.program("axle"), "status"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    require(done.returncode == 1, "a status that could not be printed is no failure")
    contains(done.stderr, "standard output")
    kept = world.axle("token", "create", "--role", "spoke", "--json")
    world.axle("token", "revoke", kept["id"])
    require(world.axle("token", "list", "--json") == [], "a revoked token is listed")
