"""Attackers that are processes of their own: `attackers.py nonces HOST:PORT COUNT`, `attackers.py without CALL[,CALL] COMMAND…`.

`nonces` asks for COUNT nonces at a join listener, as anyone can who reaches it, and prints how many it got. `without` starts a command as on a
kernel that lacks system calls.
"""

import concurrent.futures
import contextlib
import ctypes
import os
import platform
import socket
import ssl
import struct
import sys
import time

import cbor2

# The numbers of system calls that differ between architectures.
CALLS = {
    "seccomp": {"x86_64": 317, "aarch64": 277},
    "landlock": {"x86_64": 444, "aarch64": 444},
}


class Joiner:
    """A connection of a machine that has no certificate, and no wish for one."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["axle-join/1"])
        self.socket = context.wrap_socket(socket.create_connection((host, int(port)), 20))
        self.socket.settimeout(20)
        self.stream = -1
        hello = {1: [1, 1], 2: [], 3: int(time.time() * 1000), 4: 3, 5: "attacker"}
        self.send(1, 0, 0, hello)
        self.receive()

    def send(self, kind, flags, stream, value):
        payload = cbor2.dumps(value, canonical=True)
        self.socket.sendall(struct.pack(">IBBBBI", len(payload), kind, flags, 0, 0, stream) + payload)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise OSError("the peer closed")
            data += piece
        return data

    def receive(self):
        """The next frame: its kind and payload."""
        length, kind, _, _, _, _ = struct.unpack(">IBBBBI", self.exactly(12))
        return kind, self.exactly(length)

    def ask(self, message):
        """One request and its answer."""
        self.stream += 2
        self.send(2, 3, self.stream, message)
        while True:
            kind, payload = self.receive()
            if kind == 2:
                return cbor2.loads(payload)
            if kind == 7:
                raise OSError("the peer said goodbye")

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


def take_nonces(address, count):
    """Gives how many nonces came; connects again whenever it is cut off."""
    got, joiner = 0, None
    end = time.monotonic() + 50
    while got < count and time.monotonic() < end:
        try:
            joiner = joiner or Joiner(address)
            answer = joiner.ask({0: 30, 1: os.urandom(16)})
            if answer[0] == 31:
                got += 1
            else:
                # Refused: whoever is here gets no more.
                break
        except OSError:
            if joiner:
                joiner.close()
            joiner = None
            time.sleep(0.05)
    if joiner:
        joiner.close()
    return got


def nonces(address, count):
    workers = 6
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        print(sum(pool.map(lambda _: take_nonces(address, -(-count // workers)), range(workers))))


def without(names, command):
    """Replaces this process by the command, for which these calls fail as on a kernel that does not have them."""
    numbers = [CALLS[name][platform.machine()] for name in names]
    code = [(0x20, 0, 0, 0)]
    for number in numbers:
        code += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38)]
    code.append((0x06, 0, 0, 0x7FFF0000))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    header = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    if sys.argv[1] == "nonces":
        nonces(sys.argv[2], int(sys.argv[3]))
    else:
        without(sys.argv[2].split(","), sys.argv[3:])
