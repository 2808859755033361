#!/usr/bin/env python3
"""Compares the traces of simulated seeds of two checkouts, line by line where they differ.

A restructuring changes no trace; a commit that does says why. Usage: sim_compare.py BASE [--runs N] [--seed N]
BASE is a commit. Its checkout and build are kept in .build/sim-compare, so that a second comparison is quick.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / ".build" / "sim-compare"


def run(*command, cwd=ROOT):
    """Runs a command that must succeed, and gives what it printed."""
    return subprocess.run(
        command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def build(folder, *scratch):
    """Builds the simulation of a checkout, and gives its program."""
    command = ["swift", "build", "-c", "release", "--product", "axle-sim", *scratch]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (
        pathlib.Path(run(*command, "--show-bin-path", cwd=folder).strip()) / "axle-sim"
    )


def base_program(base):
    """The program of the commit to compare with, built if it is not there."""
    commit = run("git", "rev-parse", "--verify", f"{base}^{{commit}}").strip()
    kept = PLACE / commit / "axle-sim"
    if not kept.exists():
        tree = PLACE / "tree"
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        if not tree.exists():
            run("git", "worktree", "add", "--detach", "--force", str(tree), commit)
        run("git", "checkout", "--quiet", "--detach", commit, cwd=tree)
        program = build(tree, "--scratch-path", str(PLACE / "build"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(program.read_bytes())
        kept.chmod(0o755)
    return kept


def digests(program, seed, runs):
    """The digest of the trace of each seed."""
    output = subprocess.run(
        [program, "--seed", str(seed), "--runs", str(runs), "--json"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    results = [json.loads(line) for line in output.splitlines()]
    return {result["seed"]: result["digest"] for result in results}


def trace(program, seed):
    """The lines of the trace of one seed."""
    command = [program, "--seed", str(seed), "--trace"]
    return subprocess.run(
        command, check=False, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()


def show_difference(one, other, seed):
    """Prints where the traces of a seed part."""
    before, after = trace(one, seed), trace(other, seed)
    for number, pair in enumerate(zip(before, after, strict=False)):
        if pair[0] != pair[1]:
            for line in before[max(0, number - 3) : number]:
                print(f"   {line}")
            print(f" - {pair[0]}\n + {pair[1]}")
            return
    print(f"   one trace has {len(before)} lines, the other {len(after)}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument(
        "--runs", type=int, default=40, help="seeds to compare (default 40)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the first seed (default 1)"
    )
    options = parser.parse_args()
    base = base_program(options.base)
    current = build(ROOT)
    before, after = (
        digests(program, options.seed, options.runs) for program in (base, current)
    )
    missing = [
        seed
        for seed in range(options.seed, options.seed + options.runs)
        if seed not in before or seed not in after
    ]
    if missing:
        sys.exit(
            f"sim-compare: {len(missing)} seeds did not end with a result, the first is {missing[0]}"
        )
    changed = [seed for seed, digest in before.items() if after[seed] != digest]
    for seed in changed[:3]:
        print(f"seed {seed}:")
        show_difference(base, current, seed)
    print(f"{len(before) - len(changed)} of {len(before)} traces are the same")
    sys.exit(1 if changed else 0)


if __name__ == "__main__":
    main()
