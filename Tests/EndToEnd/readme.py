"""README's and the quickstart's commands, word for word: each sh block of the document, in order, in one shell and a clean folder.

They run in namespaces of their own: a network whose names are those of the documents, an empty /var/lib and /opt, and
processes that end with the test. So what is written there needs nothing but what it says.
"""

import os
import re
import shlex
import shutil
import subprocess

from world import ROOT, Skip, contains, require, test

HOSTS = {"hub.example": "9.9.9.1", "vendor.example": "9.9.9.2", "north.example": "9.9.9.3"}
DEADLINE = 300

HARNESS = r"""
set -eu
ip link set lo up
{names}
mount --bind {work}/hosts /etc/hosts
mount -t tmpfs none /var/lib
mkdir -p {work}/opt
for entry in /opt/*; do
    [ "$entry" = /opt/axle ] || [ ! -d "$entry" ] || {{ mkdir "{work}$entry"; mount --rbind "$entry" "{work}$entry"; }}
done
mount --rbind {work}/opt /opt
cd {work}/clean
export PATH={binaries}:$PATH NO_COLOR=1
bash -eu -o pipefail -x ../commands.sh
{then}
"""


def commands(path, heading):
    """The sh blocks of a document from a heading on."""
    text = (ROOT / path).read_text()
    require(heading in text, f"{path} has no heading {heading!r}")
    blocks = re.findall(r"^```sh\n(.*?)^```", text[text.index(heading):], re.MULTILINE | re.DOTALL)
    require(blocks, f"{path} has no commands")
    return "\n".join(blocks)


def run(world, text, then=""):
    """Runs commands; what they printed."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        raise Skip("unshare or ip is missing")
    work = world.work
    (work / "clean").mkdir()
    work.chmod(0o755)
    (work / "commands.sh").write_text(text)
    (work / "hosts").write_text("".join(
        f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **HOSTS}.items()))
    names = "\n".join(f"ip address add {address}/32 dev lo" for address in HOSTS.values())
    (work / "harness.sh").write_text(HARNESS.format(
        work=shlex.quote(str(work)), binaries=shlex.quote(str(world.binaries)), names=names, then=then))
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    probe = subprocess.run(["unshare", *user, "--mount", "--net", "true"], capture_output=True)
    if probe.returncode != 0:
        raise Skip("this machine allows no namespaces")
    done = subprocess.run(
        ["unshare", *user, "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", str(work / "harness.sh")],
        stdin=subprocess.DEVNULL, stdout=(work / "output.log").open("wb"), stderr=subprocess.STDOUT, timeout=DEADLINE)
    output = (work / "output.log").read_text(errors="replace")
    require(done.returncode == 0, f"exit {done.returncode}: {output[-3000:]}")
    return output


@test
def readme_word_for_word(world):
    # What is installed is there for every user of the machine.
    other = "setpriv --reuid 65534 --regid 65534 --clear-groups" if os.geteuid() == 0 else ""
    output = run(world, commands("README.md", "## The main job"), then=f"echo said: $({other} /opt/axle/bin/hello)")
    contains(output, "said: hello 1.0", "succeeded 1", "alreadyInstalled")


@test
def quickstart_word_for_word(world):
    output = run(world, commands("docs/quickstart.md", "## 1. "))
    contains(output, "succeeded 2", "watch ended with status 3", "rejectedRelease", "status ended with 1", "rolledBack")
    # The programs as they were called: 1.0 after the first rollout, and 1.0 again after the broken one.
    require(len(re.findall(r"^hello 1\.0$", output, re.MULTILINE)) == 2, f"1.0 did not stay: {output[-3000:]}")
