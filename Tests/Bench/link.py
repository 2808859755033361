"""A slow, lossy link between two network namespaces: packets of one tun device come out of the other, later, not all of them.

What netem does where a kernel has it. No privilege beside that of making a namespace is needed, and what runs at the ends runs at full speed.
As netem does it: a packet is lost with the given chance, else waits its turn at the link's rate in a queue of 1,000, and then the delay.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
QUEUE = 1000


class Link:
    """The link, from this process's namespace to a new one; fast until `slow` is called."""

    here, there = "10.9.0.1", "10.9.0.2"

    def __init__(self, megabits=20, delay=0.05, loss=0.01, seed=1):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.carrier = None
        try:
            self.connect(megabits, delay, loss, seed)
        except BaseException:
            self.stop()
            raise

    def connect(self, megabits, delay, loss, seed):
        end = time.monotonic() + 10
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            if time.monotonic() > end:
                raise RuntimeError("no network namespace was made")
            time.sleep(0.01)
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        self.carrier = subprocess.Popen(
            [sys.executable, __file__, str(os.getpid()), str(self.holder.pid), str(megabits), str(delay), str(loss),
             str(seed)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.carrier.stdout.readline().strip() != "ready":
            raise RuntimeError("the link was not made")
        for prefix, address in (([], self.here), (self.inside, self.there)):
            for words in (["link", "set", "lo", "up"], ["address", "add", f"{address}/24", "dev", "axle0"],
                          ["link", "set", "axle0", "up"]):
                subprocess.run([*prefix, "ip", *words], check=True)
            # What most kernels have; a session asks for what it wants by itself.
            subprocess.run(
                [*prefix, "sysctl", "-q", "-w", "net.ipv4.tcp_congestion_control=cubic"], check=True)

    def slow(self):
        self.carrier.send_signal(signal.SIGUSR1)
        time.sleep(0.2)

    def stop(self):
        for process in filter(None, (self.carrier, self.holder)):
            process.kill()
            process.wait()


class Direction:
    """Packets one way: when each comes out."""

    def __init__(self, target, chance):
        self.target, self.chance = target, chance
        self.waiting = collections.deque()
        self.free_at = 0.0
        self.rate, self.delay, self.loss = None, 0.0, 0.0

    def take(self, packet, now):
        if self.loss and self.chance.random() < self.loss or len(self.waiting) >= QUEUE:
            return
        self.free_at = max(now, self.free_at) + (len(packet) / self.rate if self.rate else 0)
        self.waiting.append((self.free_at + self.delay, packet))

    def give(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            try:
                os.write(self.target, self.waiting.popleft()[1])
            except OSError:
                pass  # as a wire that nobody listens to

    def due(self):
        return self.waiting[0][0] if self.waiting else None


def tun(pid):
    """A tun device in the namespace of a process."""
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if LIBC.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the namespace")
    os.close(namespace)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"axle0", IFF_TUN | IFF_NO_PI))
    return device


def carry(here, there, megabits, delay, loss, seed):
    ends = tun(here), tun(there)
    chance = random.Random(seed)
    ways = {ends[0]: Direction(ends[1], chance), ends[1]: Direction(ends[0], chance)}

    def slow(*_):
        for way in ways.values():
            way.rate, way.delay, way.loss = megabits * 1e6 / 8, delay, loss

    signal.signal(signal.SIGUSR1, slow)
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        due = min((at for way in ways.values() if (at := way.due()) is not None), default=None)
        readable, _, _ = select.select(ends, [], [], None if due is None else max(0.0, due - now))
        now = time.monotonic()
        for end in readable:
            # Some at a time, so that those that are due do not wait.
            for _ in range(64):
                try:
                    ways[end].take(os.read(end, 65536), now)
                except BlockingIOError:
                    break
        for way in ways.values():
            way.give(now)


if __name__ == "__main__":
    carry(int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:6]), int(sys.argv[6]))
