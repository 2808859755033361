"""Staying a member: the CA changed under a running fleet, a CA of the operator's own, revocation that reaches everybody."""

import subprocess
import time

from world import contains, require, test, wait_for


def authority(world):
    return world.axle("ca", "show", "--json")


def connected(world):
    return {s["name"]: s["connected"] for s in world.axle("spoke", "list", "--all", "--json")}


@test
def ca_changed_in_a_running_fleet(world):
    """New root, told to all, used by all, old one gone; an agent that was away for all of it comes back by itself."""
    world.hub()
    world.spoke()
    for name in ("box", "away"):
        world.agent(name)
    world.wait_connected(2)
    old = authority(world)["roots"][0]["pin"]
    world.kill("agent-away")
    world.axle("ca", "rotate")
    said = world.refused_axle("ca", "retire", words=["not in use yet"])
    contains(said, "axle ca show")
    wait_for("all that are there to believe the new root",
             lambda: authority(world)["waiting"] == ["client/away"], 60)
    world.refused_axle("ca", "issue", words=["client/away"])
    world.refused(
        world.program("axle"), "--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token", "ca", "issue", "--force", status=2, words=["--confirm issue"])
    world.axle("ca", "issue", "--force", "--confirm", "issue")
    wait_for("all that are there to renew", lambda: authority(world)["renewing"] == ["client/away"], 90)
    world.refused_axle("ca", "retire", words=["client/away"])
    world.axle("ca", "retire", "--force", "--confirm", "retire")
    require([r["pin"] != old and r["issuing"] for r in authority(world)["roots"]] == [True], "the old root is still there")
    # Whoever was away believes nobody's certificate and nobody his; the hub's signature brings him back.
    world.start("agent-away", world.commands["agent-away"])
    world.wait_connected(2, 90)
    wait_for("everybody to be under the new root", lambda: not authority(world)["renewing"], 60)
    # A newcomer and a restarted hub work with the new root alone.
    world.restart("hub")
    wait_for("the hub to be back", lambda: world.axle("spoke", "list", "--all", "--json", check=False), 30)
    wait_for("the spoke to be back", lambda: connected(world) == {"site": True}, 60)
    world.agent("newcomer")
    world.wait_connected(3, 60)
    world.wait_event("authorityChanged", "no longer believed")
    world.check_log()


@test
def revocation_ends_sessions_at_once_and_is_named_in_the_log(world):
    world.hub()
    world.spoke("north")
    world.spoke("south")
    world.agent("box", spoke="north")
    world.wait_connected(1)
    begin = time.monotonic()
    world.axle("client", "revoke", "box", "--confirm", "box")
    wait_for("the agent's session to end", lambda: "revoked" in world.log_of("agent-box"), 30, interval=0.05)
    world.axle("spoke", "revoke", "north", "--confirm", "north")
    wait_for("the spoke's session to end", lambda: "revoked" in world.log_of("spoke-north"), 30, interval=0.05)
    print(f"both sessions had ended after {time.monotonic() - begin:.1f} s, four commands included", flush=True)
    # A session that TLS resumes and a renewal over the join connection are refused too.
    wait_for("the way back to be refused", lambda: "the hub refuses: this spoke has been revoked" in world.log_of("spoke-north"), 90)
    for subject in ("client/box", "spoke/north"):
        require(
            any(e["code"] == "peerRevoked" and e["subject"] == subject for e in world.events()),
            f"the log does not name {subject}")
    world.wait_event("renewalRefused", "revoked")
    require(connected(world) == {"north": False, "south": True}, "the wrong spoke was cut off")


def openssl(world, *arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=world.work)


@test
def ca_of_the_operators_own(world):
    """The issuing CA is a request that the operator's PKI signs with openssl; the root's key never comes near the hub."""
    hub = world.program("axle-hub")
    world.run(hub, "ca-request", "--key", world.work / "issuing.key", "--out", world.work / "issuing.csr")
    openssl(world, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "pki.key")
    openssl(world, "req", "-x509", "-new", "-key", "pki.key", "-sha384", "-days", "3650", "-subj", "/CN=House root", "-out",
            "pki.pem", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def sign(name, days, extension):
        (world.work / "ext").write_text(extension + "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        openssl(world, "x509", "-req", "-in", "issuing.csr", "-CA", "pki.pem", "-CAkey", "pki.key", "-CAcreateserial", "-days",
                days, "-sha384", "-subj", "/CN=Axle issuing", "-extfile", "ext", "-out", f"{name}.pem")
        chain = world.work / f"{name}.chain.pem"
        chain.write_bytes((world.work / f"{name}.pem").read_bytes() + (world.work / "pki.pem").read_bytes())
        return chain

    authority_extensions = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign"
    good = sign("good", 1825, authority_extensions)
    refused = [
        (sign("leaf", 1825, "basicConstraints=critical,CA:FALSE"), "not an authority"),
        (sign("short", 100, authority_extensions), "180 days"),
        (sign("named", 1825, authority_extensions + "\nnameConstraints=critical,permitted;URI:.example.org"), "not be accepted"),
        (world.work / "good.pem", "root last"),
    ]
    for number, (chain, words) in enumerate(refused):
        world.refused(
            hub, "init", "--state", world.work / f"no{number}", "--ca", chain, "--ca-key", world.work / "issuing.key",
            words=[words])
    openssl(world, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "other.key")
    for key, words in (("other.key", "key is not"), ("pki.key", "not on P-256")):
        world.refused(
            hub, "init", "--state", world.work / "no9", "--ca", good, "--ca-key", world.work / key, words=[words])
    world.start_hub("hub", "test", "--ca", good, "--ca-key", world.work / "issuing.key")
    world.spoke()
    world.agent()
    world.wait_connected(1)
    # openssl agrees with what the members show.
    for state in ("spoke-site", "agent-box"):
        chain = world.work / state / "identity/chain.pem"
        openssl(world, "verify", "-CAfile", "pki.pem", "-untrusted", chain, chain)
    require((world.hub_state / "ca.pem").read_bytes().strip() == (world.work / "pki.pem").read_bytes().strip(), "ca.pem is not the house root")
    require(not list(world.hub_state.rglob("root.key")), "the hub has a root's key")
