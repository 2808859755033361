"""Permissions: what a program makes for others they can read, whatever the umask of who started it."""

import os
import stat

from world import PRODUCT, Vendor, require, test, wait_for


def all_readable(folder):
    """Every folder below can be entered and every file be read by everybody."""
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            wanted = 0o755 if os.path.isdir(path) else 0o644
            require(os.path.islink(path) or mode & wanted == wanted, f"{path} has the mode {mode & 0o777:o}")


@test
def what_is_installed_shared_and_published_under_umask_077_is_everybodys(world):
    os.chmod(world.work, 0o755)
    strict = world.work / "bin"
    strict.mkdir()
    for program in ("axle", "axle-hub", "axle-spoke", "axle-agent"):
        (strict / program).write_text(f'#!/bin/sh\numask 077\nexec {world.program(program)} "$@"\n')
        (strict / program).chmod(0o755)
    world.binaries = strict
    folder, products = world.work / "share", world.work / "opt/products"
    folder.mkdir()
    world.small("1.0", agents=())
    world.agent("box", config=f"{{ products: '{products}' }}")
    world.run(
        world.program("axle-spoke"), "share", "add", "apps", "--state", world.work / "spoke-site", "--product", PRODUCT,
        "--folder", folder)
    rollout = world.roll_out(PRODUCT, "1.0")
    world.wait_rollout(rollout, {"box": "succeeded"})
    wait_for("the share", lambda: (folder / "current/bin/tool").exists(), 30)
    all_readable(Vendor(world).catalog)
    for private in (Vendor(world).keys, world.hub_state, world.work / "spoke-site"):
        require(os.stat(private).st_mode & 0o077 == 0, f"{private} is open to others")
    all_readable(products / PRODUCT / "1.0")
    require(os.stat(products.parent).st_mode & 0o755 == 0o755, "the folder above the products is closed")
    all_readable(folder / "current/")
    for program in (products / PRODUCT / "current/bin/tool", folder / "current/bin/tool"):
        require(os.stat(program).st_mode & 0o777 == 0o755, f"{program} cannot be run by others")


@test
def locks_can_be_read_and_not_written_by_others_whatever_the_umask(world):
    """Who holds a lock is told to everybody; a lock that others can write would let them say who holds it."""
    spoke = world.program("axle-spoke")
    world.small("1.0", agents=())
    for umask in ("077", "000"):
        state = world.work / f"hub-{umask}"
        spare, folder = world.work / f"pool-{umask}", world.work / f"share-{umask}"
        spare.mkdir(mode=0o755)
        folder.mkdir(mode=0o755)
        shell = ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
        world.run(
            *shell, world.program("axle-hub"), "init", "--state", state, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0")
        world.run(*shell, world.program("axle-hub"), "add-pool", "next", "--state", state, "--pool-folder", spare, "--quota", "1GB")
        world.run(
            *shell, spoke, "share", "add", f"apps-{umask}", "--state", world.work / "spoke-site", "--product", PRODUCT,
            "--folder", folder)
        locks = [state / "lock", *spare.rglob(".axle-lock"), *(world.work / "spoke-site").glob("*.lock")]
        require(len(locks) >= 3, f"there are other locks than expected: {locks}")
        for lock in locks:
            mode = stat.S_IMODE(os.stat(lock).st_mode)
            require(mode == 0o644, f"umask {umask}: {lock} has the mode {mode:o}")
            # The next umask has to make it anew.
            if lock.parent == world.work / "spoke-site":
                lock.unlink()
