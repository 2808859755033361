"""State folders that are not what a daemon wants, and command lines that are not what a program knows."""

import fcntl
import os

from world import free_port, require, test, wait_for


@test
def folder_exists_already(world):
    world.hub()
    world.refused(
        world.program("axle-hub"), "init", "--state", world.hub_state, words=["already holds hub state", "axle-hub run"])
    world.spoke()
    world.refused(
        world.program("axle-spoke"), "join", "--state", world.work / "spoke-site", "--hub", world.hub_address,
        "--token-file", "-", stdin=world.token("spoke"), words=["already holds spoke state", "axle-spoke run"])
    require((world.hub_state / "admin.token").exists(), "init spoilt the folder")


@test
def folder_is_not_ours(world):
    strange = world.work / "strange"
    strange.mkdir()
    (strange / "letter.txt").write_text("keep me\n")
    for program, command in (("axle-hub", "init"), ("axle-hub", "run"), ("axle-spoke", "run"), ("axle-agent", "run")):
        world.refused(world.program(program), command, "--state", strange, words=["not", "letter.txt"])
    world.hub()
    world.refused(
        world.program("axle-spoke"), "join", "--state", strange, "--hub", world.hub_address, "--token-file", "-",
        stdin=world.token("spoke"), words=["not", "letter.txt"])
    require(sorted(p.name for p in strange.iterdir()) == ["letter.txt"], "a strange folder was changed")
    missing = world.work / "missing"
    for program in ("axle-hub", "axle-spoke", "axle-agent"):
        world.refused(world.program(program), "run", "--state", missing, words=["make it first", program])


@test
def folder_of_another_daemon(world):
    world.hub()
    world.spoke()
    world.agent()
    states = {"hub": world.hub_state, "spoke": world.work / "spoke-site", "agent": world.work / "agent-box"}
    for daemon in states:
        for kind, state in states.items():
            if kind != daemon:
                world.refused(
                    world.program(f"axle-{daemon}"), "run", "--state", state,
                    words=[f"holds {kind} state, not {daemon} state", "--state"])


@test
def folder_is_locked_by_another_process(world):
    world.hub()
    world.spoke()
    world.agent()
    world.wait_connected(1)
    for daemon, state in (
            ("hub", world.hub_state), ("spoke", world.work / "spoke-site"), ("agent", world.work / "agent-box")):
        world.refused(
            world.program(f"axle-{daemon}"), "run", "--state", state, words=["is in use by process", "stop it first"])


@test
def spoke_started_during_an_import_waits(world):
    world.hub()
    world.spoke()
    world.kill("spoke-site")
    with (world.work / "spoke-site/lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        lock.write(f"{os.getpid()} import\n")
        lock.flush()
        world.start("spoke-site", world.commands["spoke-site"])
        world.wait_log("spoke-site", f"in use by process {os.getpid()} (import); waiting until it is done")
        world.axle("spoke", "list")
        require(world.processes["spoke-site"].poll() is None, "the spoke did not wait")
    wait_for("the spoke", lambda: (world.work / "spoke-site.log").read_text().count("listening on") == 2)


@test
def folder_of_a_newer_release_or_damaged(world):
    world.hub()
    world.kill("hub")
    form = world.hub_state / "format"
    good = form.read_text()
    form.write_text("axle hub 99\n")
    world.refused(world.program("axle-hub"), "run", "--state", world.hub_state, words=["newer release"])
    form.write_text("\0\xff")
    world.refused(world.program("axle-hub"), "run", "--state", world.hub_state, words=["damaged"])
    form.write_text(good)
    world.start("hub", world.commands["hub"])
    world.wait_log("hub", "listening on")


@test
def address_in_use(world):
    world.hub()
    other = world.work / "second"
    world.run(
        world.program("axle-hub"), "init", "--state", other, "--listen", world.hub_address, "--api", "127.0.0.1:0")
    world.refused(world.program("axle-hub"), "run", "--state", other, words=["in use", world.hub_address])


@test
def usage_errors(world):
    hub, spoke, agent, axle = (world.program(p) for p in ("axle-hub", "axle-spoke", "axle-agent", "axle"))
    state = world.work / "none"
    for command in (
            [hub], [hub, "sing"], [hub, "init"], [hub, "init", "--state"], [hub, "init", "--state", state, "--nmae", "x"],
            [hub, "init", "--state", state, "--listen", "nowhere"], [hub, "run", "--state", state, "more"],
            [spoke, "join", "--state", state], [spoke, "join", "--state", state, "--hub", "x", "--token-file", "-"],
            [agent, "join", "--state", state, "--spoke", "no port", "--token-file", "-"], [agent, "run", "--verbose"],
            [axle, "rolout", "list"], [axle, "rollout", "create"], [axle, "token", "create"],
            [axle, "token", "create", "--role", "king"], [axle, "publish", "add", state]):
        said = world.refused(*command, status=2, stdin="")
        require(said.strip(), f"{command} was refused without a word")
    world.refused(axle, "rolout", "list", status=2, words=["rollout"])
    for program in (hub, spoke, agent, axle):
        require(world.run(program, "--version").stdout.strip(), "no version")
        require("--help" in world.run(program, "--help").stdout, "no help")
    require(not state.exists(), "a usage error made a folder")
    world.hub()
    for arguments in (
            ["token", "create", "--role", "spoke", "--ttl", "soon"], ["pool", "set", "main", "--quota", "much"],
            ["token", "create", "--role", "spoke", "--uses", "0"]):
        environment = ["--api", world.api, "--ca", world.hub_state / "ca.pem", "--token-file",
                       world.hub_state / "admin.token"]
        world.refused(axle, *environment, *arguments, status=2)
    world.refused(
        axle, "--api", f"https://127.0.0.1:{free_port()}", "--ca", world.hub_state / "ca.pem", "--token-file",
        world.hub_state / "admin.token", "status", words=["127.0.0.1"])
