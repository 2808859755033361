"""What someone can do who has no token, no certificate and no business here, and what a machine says of itself that is badly set up."""

import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from world import Skip, Vendor, contains, descendants, require, test, wait_for

ATTACKERS = pathlib.Path(__file__).with_name("attackers.py")


def attacker(*arguments):
    return [sys.executable, str(ATTACKERS), *map(str, arguments)]


# Joins


@test
def nonces_of_joins_cannot_be_used_up(world):
    """A hub remembered 4,096 nonces and then refused everyone, directly and through spokes."""
    world.hub()
    address = world.spoke()
    for target in (world.hub_address, address):
        got = int(world.run(*attacker("nonces", target, 4200)).stdout)
        # Fewer where the listener limits what one address may do.
        print(f"{got} nonces from {target}", flush=True)
        world.run(
            world.program("axle-spoke"), "join", "--state", world.work / f"after-{target}", "--hub", world.hub_address,
            "--token-file", "-", "--name", "late", stdin=world.token("spoke"))
        world.agent(f"box{target[-2:]}")
    require(len(world.axle("client", "list", "--json")) == 2, "a join is missing")


def pad_root(vendor, size):
    """Makes the catalog's root so many bytes long, by a member that clients do not know, and signs it again."""
    document = json.loads(vendor.root.read_bytes())
    key = load_pem_private_key((vendor.keys / "root.pem").read_bytes(), None)
    def encoded(padding):
        document["signed"]["x-padding"] = "x" * padding
        # Canonical JSON, as its keys are sorted and none needs an escape.
        body = json.dumps(document["signed"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        document["signatures"][0]["sig"] = key.sign(body).hex()
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    bytes_ = encoded(size - len(encoded(0)))
    require(len(bytes_) == size, f"a root of {len(bytes_)} bytes, not {size}")
    for name in ("1.root.json", "root.json"):
        path = vendor.catalog / "metadata" / name
        if path.exists() or name == "1.root.json":
            path.write_bytes(bytes_)


def root_of(world, size):
    vendor = Vendor(world).make(())
    pad_root(vendor, size)
    vendor.add("1.0")
    vendor.sign()
    world.hub()
    server = world.serve(vendor.catalog)
    world.axle("catalog", "set", "--url", server.url, "--root", vendor.root)
    world.wait_catalog(1)
    # Both take the vendor's root from the hub.
    world.spoke()
    world.wait_verified(1)
    world.agent()
    wait_for("the agent", lambda: any(c["connected"] for c in world.axle("client", "list", "--json")), 30)
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    require(world.tool_says() == "1.0", "the package is not installed")
    for log in world.work.glob("*.log"):
        require("Fatal error" not in log.read_text(errors="replace"), f"{log.name} has a trap")
    root = vendor.root.read_bytes()
    for member in ("spoke-site", "agent-box"):
        kept = (world.work / member / "catalog-root-from-hub.json").read_bytes()
        require(kept == root, f"{member} keeps another root")


@test
def pinned_root_of_57_kilobytes_serves_joins_and_installs(world):
    """Joiners refused the answer: a root over 48 KiB did not fit into a body."""
    root_of(world, 57_000)


@test
def pinned_root_of_512_kilobytes_serves_joins_and_installs(world):
    """The hub trapped at the first join: the answer did not fit into a frame."""
    root_of(world, 512_000)


@test
def pinned_root_over_its_limit_is_refused_with_the_limit(world):
    vendor = Vendor(world).make(())
    pad_root(vendor, 512_001)
    world.hub()
    world.refused_axle("catalog", "set", "--url", "http://127.0.0.1:1/", "--root", vendor.root, words=["512000"])


# Permissions


def change(path, mode=None, owner=None):
    before = path.stat()
    if mode is not None:
        path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, owner)
    return before


@test
def state_that_others_can_write_or_read_is_refused_at_the_start(world):
    if os.geteuid() != 0:
        raise Skip("only root can give a file to another user")
    world.small("1.0")
    states = {"hub": world.hub_state, "spoke": world.work / "spoke-site", "agent": world.work / "agent-box"}
    daemons = {"hub": "hub", "spoke": "spoke-site", "agent": "agent-box"}
    for name in ("agent-box", "spoke-site", "hub"):
        world.kill(name)
    cases = [
        ("hub", "", 0o777, None), ("hub", "admin.token", 0o666, None), ("hub", "identity/order.key", 0o644, None),
        ("hub", "hub.json5", 0o666, None), ("hub", "hub.db", 0o644, None),
        ("spoke", "", 0o770, None), ("spoke", "identity/key.pem", 0o604, None), ("spoke", "identity", 0o777, None),
        ("agent", "", None, 4711), ("agent", "identity/report-key.pem", 0o666, None),
        ("agent", "agent.json5", None, 4711), ("agent", "..", 0o777, None),
    ]
    for role, name, mode, owner in cases:
        path = (states[role] / name).resolve()
        before = change(path, mode, owner)
        said = world.refused(world.program(f"axle-{role}"), "run", "--state", states[role], words=[
            str(path), "run: ch", "--force-permissions"])
        command = re.search(r"; run: (.*?)(, or run this program as .*)?$", said, re.MULTILINE)[1]
        world.run("sh", "-c", command)
        after = path.stat()
        require(after.st_uid == 0 and after.st_mode & 0o022 == 0, f"{command!r} did not put {path} right")
        change(path, before.st_mode & 0o7777, before.st_uid)
    # Whoever must goes on, and is told.
    (states["agent"] / "agent.json5").chmod(0o666)
    states["hub"].chmod(0o777)
    world.commands["hub"].append("--force-permissions")
    world.commands["agent-box"].append("--force-permissions")
    for name in ("hub", "spoke-site", "agent-box"):
        world.start(name, world.commands[name])
    wait_for("the API", lambda: world.axle("status", check=False), 30)
    world.wait_log("hub", f"warning: {states['hub']} can be written by others")
    connected = lambda: all(c["connected"] for c in world.axle("client", "list", "--json"))
    wait_for("the agent to be connected", connected, 40)
    world.wait_log("agent-box", "agent.json5 can be written by others")


@test
def new_state_below_a_folder_that_others_can_write_costs_no_token(world):
    world.hub()
    shared = world.work / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    token = world.token("spoke")
    arguments = [
        world.program("axle-spoke"), "join", "--state", shared / "spoke", "--hub", world.hub_address, "--token-file",
        "-", "--name", "open"]
    world.refused(*arguments, stdin=token, words=[str(shared), "chmod go-w"])
    shared.chmod(0o1777)
    world.run(*arguments, stdin=token)


# The API


def certificate(address):
    """What the API's server shows."""
    host, port = address.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain) as secure:
        return x509.load_der_x509_certificate(secure.getpeercert(True))


def names_of(shown):
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


@test
def api_is_on_loopback_until_it_is_opened(world):
    closed = world.work / "closed"
    said = world.run(world.program("axle-hub"), "init", "--state", closed)
    require(json.loads((closed / "hub.json").read_text())["api"] == "127.0.0.1:8443", "the API is open by itself")
    contains(said.stderr, "--api 0.0.0.0:8443", "--api-name")
    world.refused(
        world.program("axle-hub"), "init", "--state", world.work / "odd", "--api-name", "*.example", status=2,
        words=["host name"])
    world.start_hub(
        "test", "test", "--api-name", "Hub.Example", "--api-name", "192.0.2.7", "--api-name", "2001:db8:0::7",
        api="0.0.0.0:0")
    port = world.api.rsplit(":", 1)[1]
    names = names_of(certificate(f"127.0.0.1:{port}"))
    wanted = {"localhost", "127.0.0.1", "::1", "hub.example", "192.0.2.7", "2001:db8::7"}
    require(wanted <= names, f"the certificate has {names}")


@test
def api_names_are_changed_while_the_hub_runs(world):
    world.start_hub("test", "test", api="0.0.0.0:0")
    port = world.api.rsplit(":", 1)[1]
    world.api = f"https://127.0.0.2:{port}"
    said = world.refused_axle("status", words=["axle-hub names add 127.0.0.2"])
    command = re.search(r"axle-hub (names add \S+) --state", said)[1].split()
    hub = [world.program("axle-hub"), *command, "--state", world.hub_state]
    world.run(*hub)
    wait_for("the certificate to have the name", lambda: world.axle("status", check=False), 30)
    world.run(hub[0], "names", "add", "a.example", "b.example", "--state", world.hub_state)
    world.run(hub[0], "names", "remove", "a.example", "--state", world.hub_state)
    listed = set(world.run(hub[0], "names", "list", "--state", world.hub_state).stdout.split())
    require({"localhost", "127.0.0.2", "b.example"} <= listed and "a.example" not in listed, f"the names are {listed}")
    wait_for("the certificate to follow", lambda: names_of(certificate(f"127.0.0.1:{port}")) == listed, 30)
    world.refused(hub[0], "names", "add", "not a name", "--state", world.hub_state, status=2, words=["host name"])
    # A name given at the start stays.
    world.kill("hub")
    world.start("hub", [*world.commands["hub"], "--api-name", "c.example"])
    wait_for("the new name", lambda: world.axle("status", check=False), 30)
    require("c.example" in names_of(certificate(f"127.0.0.1:{port}")), "a name of run is not in the certificate")


@test
def wrong_tokens_leave_a_bounded_line_with_the_address(world):
    world.hub()
    host, port = world.api.removeprefix("https://").rsplit(":", 1)
    context = ssl._create_unverified_context()
    secret = "wrong" + base64.b16encode(os.urandom(8)).decode()
    for number in range(60):
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
        connection.request(
            "GET", "/v1/status" + "x" * 500, headers={"Authorization": f"Bearer {secret}"} if number % 2 else {})
        require(connection.getresponse().status == 401, "a wrong token was taken")
        connection.close()
    lines = [line for line in world.log_of("hub").splitlines() if "API: refused" in line]
    require(5 <= len(lines) <= 45, f"{len(lines)} lines for 60 attempts")
    require(all("127.0.0.1" in line and len(line) < 500 for line in lines), f"the lines are {lines[:2]}")
    require(any("wrong token" in line for line in lines) and any("no token" in line for line in lines), f"{lines[:2]}")
    require(secret not in world.log_of("hub"), "the log shows what was sent as token")


@test
def own_root_has_key_identifiers(world):
    world.hub()
    root = x509.load_pem_x509_certificate((world.hub_state / "ca.pem").read_bytes())
    subject = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    authority = root.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    require(subject == authority and len(subject) == 20, f"subject {subject.hex()}, authority {authority}")
    leaf = certificate(world.api.removeprefix("https://"))
    names = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    require(names and names != subject, "the leaf does not name its issuer's key")


# Crashes


@test
def crashes_put_no_registers_or_memory_into_the_log(world):
    """Swift's runtime wrote a backtrace with registers and the memory around them to standard error, which is the journal."""
    world.small("1.0")
    folder = world.work / "cores"
    folder.mkdir()
    for name in ("agent-box", "spoke-site", "hub"):
        world.kill(name)
        # As systemd starts it: no word about backtraces, and cores allowed.
        world.start(name, [
            "env", "-u", "SWIFT_BACKTRACE", "-C", str(folder), "sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh",
            *world.commands[name]])
    wait_for("the API", lambda: world.axle("status", check=False), 30)
    connected = lambda: all(c["connected"] for c in world.axle("client", "list", "--json"))
    wait_for("the agent", connected, 40)
    for name in ("agent-box", "spoke-site", "hub"):
        process = world.processes[name]
        target = process.pid
        if name == "agent-box":
            # The agent proper is the supervisor's child.
            target = min(set(descendants(target)) - {target})
        before = len(world.log_of(name))
        os.kill(target, signal.SIGSEGV)
        if target == process.pid:
            process.wait(60)
        else:
            wait_for("the agent proper to end", lambda: not pathlib.Path(f"/proc/{target}").exists(), 60)
        said = world.log_of(name)[before:]
        for word in ("Registers", "rax", "Crash", "Backtrace", "Thread 0", "Images"):
            require(word not in said, f"{name} wrote {said[:400]!r}")
    require(list(folder.iterdir()) == [], f"there are cores: {list(folder.iterdir())}")


# Confinement


@test
def missing_confinement_is_said_in_status_and_by_an_event(world):
    world.small("1.0")
    for name in ("agent-box", "spoke-site", "hub"):
        world.kill(name)
    cases = {"hub": "landlock", "spoke-site": "seccomp", "agent-box": "seccomp,landlock"}
    commands = dict(world.commands)
    for name in ("hub", "spoke-site", "agent-box"):
        world.start(name, [*attacker("without", cases[name]), *commands[name]])
    wait_for("the API", lambda: world.axle("status", check=False), 40)
    words = "children with fewer limits"
    for said in ("Landlock", "seccomp to", "seccomp and Landlock"):
        world.wait_event("confinementMissing", said, words)
    for name in cases:
        world.wait_log(name, words)
    contains(world.axle("status", check=False), "does not offer Landlock")
    status = world.run(
        world.program("axle-agent"), "status", "--state", world.work / "agent-box", check=False).stdout
    contains(status, "does not offer seccomp and Landlock")
    # Work goes on.
    world.wait_rollout(world.roll_out("tool", "1.0"), {"box": "succeeded"})
    # With a kernel that has all of it nobody says anything.
    for name in ("agent-box", "spoke-site", "hub"):
        world.kill(name)
    for name in ("hub", "spoke-site", "agent-box"):
        world.start(name, commands[name])
    wait_for("the API", lambda: world.axle("status", check=False), 40)
    require("does not offer" not in world.axle("status", check=False), "status still warns")


# Redirects


@test
def tuf_client_follows_no_redirect_to_a_private_address(world):
    vendor = Vendor(world).make(("1.0",))
    server = world.serve(vendor.catalog)
    hidden = world.serve(vendor.catalog)
    tuf = [world.program("axle-tuf"), "--metadata-dir", world.work / "trusted"]
    world.run(*tuf, "init", vendor.root)

    def to(base):
        def redirect(handler, _):
            handler.send_response(302)
            handler.send_header("Location", base + handler.path.lstrip("/").replace("away/", ""))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        return redirect

    server.rules = [("^away/", to(hidden.url))]
    world.refused(
        *tuf, "--metadata-url", f"{server.url}away/metadata", "refresh", words=["redirect", "not permitted"])
    require(hidden.requests == [], f"the other server was asked for {hidden.requests}")
    # Back to the server that its user has named it may lead.
    server.rules = [("^away/", to(server.url))]
    world.run(*tuf, "--metadata-url", f"{server.url}away/metadata", "refresh")
