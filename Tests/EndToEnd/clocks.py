"""Wrong clocks, rot in a pool, names, and folders that users meet: what must mend itself, and what must be said."""

import os
import shutil
import subprocess

from world import PRODUCT, contains, require, test, wait_for

SHIFT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) { char *text = getenv("SHIFT"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, time);
    if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += shift();
    return status;
}
int gettimeofday(struct timeval *time, void *zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int status = real(time, zone);
    if (!status) time->tv_sec += shift();
    return status;
}
time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
"""
DAY = 86_400


def shifted(world, days, command):
    """The command with a clock that is so many days ahead."""
    library = world.work / "shift.so"
    if not library.exists():
        source = world.work / "shift.c"
        source.write_text(SHIFT)
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return ["env", f"LD_PRELOAD={library}", f"SHIFT={days * DAY}", *map(str, command)]


def is_right(world):
    """The hub answers, and spoke and agent are there."""
    spokes = world.axle("spoke", "list", "--all", "--json", check=False)
    clients = world.axle("client", "list", "--all", "--json", check=False)
    return spokes and clients and all(s["connected"] for s in spokes) and all(c["connected"] for c in clients)


def hub_was_ahead(world, days):
    world.small("1.0", "2.0")
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    right = world.commands["hub"]
    world.kill("hub")
    world.start("hub", shifted(world, days, right))
    def met():
        said = world.log_of("spoke-site") + world.log_of("agent-box")
        return any(word in said for word in ("is wrong", "ended on", "expired"))
    wait_for("the fleet to meet the wrong clock", met, 90)
    world.kill("hub")
    world.start("hub", right)
    wait_for("the fleet to be back", lambda: is_right(world), 120)
    world.wait_event("clockWrong", "was ahead")
    wait_for("the catalog to be in date", lambda: not world.axle("catalog", "show", "--json").get("error"), 60)
    world.wait_rollout(world.roll_out(PRODUCT, "2.0"), {"box": "succeeded"})
    require(world.tool_says() == "2.0", "the new release does not run")
    for name in ("spoke-site", "agent-box"):
        world.restart(name)
    wait_for("the fleet to be back after its restart", lambda: is_right(world), 90)
    world.check_log()


@test
def hub_whose_clock_was_weeks_ahead_once(world):
    hub_was_ahead(world, 50)


@test
def hub_whose_clock_was_years_ahead_once(world):
    hub_was_ahead(world, 3650)


@test
def join_with_a_wrong_clock_names_the_clock(world):
    world.hub()
    state = world.work / "spoke-late"
    for days, word in ((-9000, "not yet valid"), (36500, "expired")):
        said = world.refused(
            *shifted(world, days, [world.program("axle-spoke")]), "join", "--state", state, "--hub", world.hub_address,
            "--token-file", "-", "--name", "late", "--listen",
            "127.0.0.1:0", words=[word, "clock shows"], stdin=world.token("spoke"))
        contains(said, "join again")


@test
def rot_in_a_file_pool_is_repaired_when_an_agent_refuses_it(world):
    world.small("1.0")
    pool = world.work / "spoke-site/pool/packages"
    file = next(path for path in pool.rglob("*") if path.is_file())
    os.chmod(file, 0o600)
    with open(file, "r+b") as rotten:
        rotten.seek(600)
        byte = rotten.read(1)
        rotten.seek(600)
        rotten.write(bytes([byte[0] ^ 1]))
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    world.wait_event("replicaCorrupt")
    world.wait_event("replicaRepaired")
    world.wait_event("bytesRefused", "box")
    require(not any(event["code"] == "attackSeen" for event in world.events()), "a damaged disk was called an attack")


@test
def trusted_metadata_that_is_removed_comes_back(world):
    world.small("1.0", "2.0")
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    shutil.rmtree(world.work / "agent-box/trust")
    world.wait_rollout(world.roll_out(PRODUCT, "2.0"), {"box": "succeeded"})
    require((world.work / "agent-box/trust/root.json").exists(), "the trusted metadata is not back")


@test
def installed_programs_are_for_those_who_run_them(world):
    world.small("1.0", agents=())
    world.agent("box", config='{bin: "%s"}' % (world.work / "bin"))
    world.wait_connected(1)
    world.wait_rollout(world.roll_out(PRODUCT, "1.0"), {"box": "succeeded"})
    products = world.work / "agent-box-products"
    require(os.readlink(world.work / "agent-box/products") == str(products), "products are not outside the state folder")
    for folder in (products, products / PRODUCT, products / PRODUCT / "1.0"):
        require(os.stat(folder).st_mode & 0o777 == 0o755, f"{folder} is closed")
    link = world.work / "bin/tool"
    require(os.readlink(link) == str(products / PRODUCT / "current/bin/tool"), "the link does not point at the program")
    contains(world.run(link).stdout, "1.0")
