"""A stranger with a TLS 1.3 stack of its own, which sends what no library would: `attacker.py ATTACK HOST:PORT [options]`.

A program, so that an attack is a real process; the end-to-end tests and `make bench` start it. It checks no certificate. It
prints `ready` when its connections stand, goes on until its standard input ends, and then prints one line of JSON: how many
connections it has opened, how many the peer has ended, and what it has sent.
"""

import argparse
import hashlib
import hmac
import json
import os
import selectors
import socket
import struct
import sys
import threading
import time

import cbor2
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HANDSHAKE, APPLICATION = 22, 23
KEY_UPDATE = bytes([24, 0, 0, 1, 0])


def vector(size, content):
    return len(content).to_bytes(size, "big") + content


def expand(secret, label, context, length):
    """HKDF-Expand-Label of RFC 8446 §7.1; one block of SHA-256 is enough here."""
    info = struct.pack(">H", length) + vector(1, b"tls13 " + label) + vector(1, context)
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()[:length]


def extract(salt, key):
    return hmac.new(salt, key, hashlib.sha256).digest()


class Keys:
    """One direction's keys (RFC 8446 §7.3)."""

    def __init__(self, secret):
        self.secret = secret
        self.cipher = AESGCM(expand(secret, b"key", b"", 16))
        self.iv = int.from_bytes(expand(secret, b"iv", b"", 12), "big")
        self.number = 0

    def nonce(self):
        nonce = (self.iv ^ self.number).to_bytes(12, "big")
        self.number += 1
        return nonce

    def seal(self, content, kind=APPLICATION):
        header = bytes([APPLICATION, 3, 3]) + struct.pack(">H", len(content) + 17)
        return header + self.cipher.encrypt(self.nonce(), content + bytes([kind]), header)

    def open(self, header, sealed):
        plain = self.cipher.decrypt(self.nonce(), sealed, header).rstrip(b"\0")
        return plain[-1], plain[:-1]

    def updated(self):
        return Keys(expand(self.secret, b"traffic upd", b"", 32))


class Stranger:
    """One connection. `records` makes bytes, `send` writes them; nothing else is hidden."""

    def __init__(self, address, protocol, source=None, receive=None):
        self.socket = socket.socket()
        self.socket.settimeout(20)
        if receive:
            # Before connecting, so that the peer is never told of more room.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.protocol = protocol

    def handshake(self):
        key = X25519PrivateKey.generate()
        share = key.public_key().public_bytes_raw()
        extensions = (
            struct.pack(">HH", 43, 3) + vector(1, b"\x03\x04")
            + struct.pack(">HH", 10, 4) + vector(2, b"\x00\x1d")
            + struct.pack(">H", 13) + vector(2, vector(2, bytes.fromhex("0403050308040401")))
            + struct.pack(">H", 51) + vector(2, vector(2, b"\x00\x1d" + vector(2, share)))
            + struct.pack(">H", 16) + vector(2, vector(2, vector(1, self.protocol.encode())))
            + struct.pack(">H", 0) + vector(2, vector(2, b"\0" + vector(2, b"localhost"))))
        hello = b"\x03\x03" + os.urandom(32) + b"\0" + vector(2, b"\x13\x01") + b"\x01\x00" + vector(2, extensions)
        hello = b"\x01" + vector(3, hello)
        self.socket.sendall(bytes([HANDSHAKE, 3, 1]) + vector(2, hello))
        transcript = hello + self.plain_handshake()
        server = self.server_share(transcript[len(hello):])
        early = extract(b"\0" * 32, b"\0" * 32)
        empty = hashlib.sha256(b"").digest()
        secret = extract(expand(early, b"derived", empty, 32), key.exchange(X25519PublicKey.from_public_bytes(server)))
        digest = hashlib.sha256(transcript).digest()
        write = Keys(expand(secret, b"c hs traffic", digest, 32))
        self.read_keys = Keys(expand(secret, b"s hs traffic", digest, 32))
        flight = b""
        while not self.has_finished(flight):
            kind, content = self.read_record()
            if kind == HANDSHAKE:
                flight += content
        transcript += flight
        digest = hashlib.sha256(transcript).digest()
        proof = hmac.new(expand(write.secret, b"finished", b"", 32), digest, hashlib.sha256).digest()
        self.socket.sendall(write.seal(b"\x14" + vector(3, proof), HANDSHAKE))
        master = extract(expand(secret, b"derived", empty, 32), b"\0" * 32)
        self.keys = Keys(expand(master, b"c ap traffic", digest, 32))
        self.read_keys = Keys(expand(master, b"s ap traffic", digest, 32))
        return self

    def exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the peer has ended the connection")
            data += part
        return data

    def plain_handshake(self):
        kind, _, length = struct.unpack(">BHH", self.exactly(5))
        content = self.exactly(length)
        if kind != HANDSHAKE:
            raise ConnectionError(f"no server hello: {content!r}")
        return content

    def read_record(self):
        while True:
            header = self.exactly(5)
            content = self.exactly(struct.unpack(">H", header[3:])[0])
            if header[0] == APPLICATION:
                return self.read_keys.open(header, content)

    @staticmethod
    def server_share(hello):
        position = 4 + 2 + 32
        position += 1 + hello[position] + 3
        end = position + 2 + int.from_bytes(hello[position:position + 2], "big")
        position += 2
        while position < end:
            kind, length = struct.unpack(">HH", hello[position:position + 4])
            if kind == 51:
                return hello[position + 8:position + 4 + length]
            position += 4 + length
        raise ConnectionError("the server sent no key")

    @staticmethod
    def has_finished(flight):
        position = 0
        while position + 4 <= len(flight):
            length = int.from_bytes(flight[position + 1:position + 4], "big")
            if flight[position] == 20 and position + 4 + length <= len(flight):
                return True
            position += 4 + length
        return False

    # What is sent

    def key_updates(self, count):
        pieces = []
        for _ in range(count):
            pieces.append(self.keys.seal(KEY_UPDATE, HANDSHAKE))
            self.keys = self.keys.updated()
        return b"".join(pieces)

    def one_byte_records(self, content):
        return b"".join(self.keys.seal(content[i:i + 1]) for i in range(len(content)))

    def records(self, content):
        return b"".join(self.keys.seal(content[i:i + 16384]) for i in range(0, len(content), 16384))

    def frame(self, kind, payload, stream=0, flags=0):
        """A frame of `axle/1`, see docs/protocol.md."""
        return struct.pack(">IBBBBI", len(payload), kind, flags, 0, 0, stream) + payload


HEAD = b"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\n"


class Attack:
    """Connections of one kind. `prepare` makes each, `go` is run for it, in threads of its own, until the end."""

    def __init__(self, arguments):
        self.arguments = arguments
        host, _, port = arguments.address.rpartition(":")
        self.address = (host, int(port))
        self.counts = {"opened": 0, "refused": 0, "ended": 0, "bytes": 0}
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def count(self, name, more=1):
        with self.lock:
            self.counts[name] += more

    def source(self, index):
        """The address that a connection comes from: one, or one of many of 127.0.0.0/8."""
        if not self.arguments.spread:
            return self.arguments.source
        return f"127.66.{index // 250 % 250 + 1}.{index % 250 + 1}"

    def open(self, index, handshake=True):
        receive = 4096 if self.arguments.attack in ("malformed", "backlog") else None
        stranger = Stranger(self.address, self.arguments.protocol, self.source(index), receive)
        stranger.index = index
        return stranger.handshake() if handshake else stranger

    # Each attack: what is sent first, and then again and again.

    def idle(self, stranger):
        """A TCP connection and nothing else."""

    def hello(self, stranger):
        """Part of a handshake, and nothing else: a record that promises more than comes."""
        stranger.socket.sendall(bytes([HANDSHAKE, 3, 1, 0x40, 0]) + b"\x01\x00\x3f\xfc" + b"\0" * 8000)

    def shaken(self, stranger):
        """A handshake that is done, and nothing else."""

    def head(self, stranger):
        stranger.socket.sendall(stranger.records(HEAD + b"X: " + b"x" * 8000 + b"\r\nY: " + b"y" * 8000))

    def body(self, stranger):
        stranger.socket.sendall(stranger.records(HEAD + b"Content-Length: 1000000\r\n\r\n" + b" " * 999_000))

    def malformed(self, stranger):
        """Answers that are not read, more of them on each connection, then a request that is refused and bytes without end."""
        requests = 800 + 100 * (stranger.index % 4)
        stranger.socket.sendall(stranger.records(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * requests))
        # All of them are answered first: it is while the answers wait that the rest is to come.
        self.stopped.wait(6)
        stranger.socket.sendall(stranger.records(b"\x01\r\n\r\n"))
        while not self.stopped.is_set():
            block = stranger.records(b"x" * 160_000)
            stranger.socket.sendall(block)
            self.count("bytes", len(block))

    def backlog(self, stranger):
        """Requests whose answers are never read."""
        while not self.stopped.is_set():
            stranger.socket.sendall(stranger.records(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 500))

    def keyupdates(self, stranger):
        stranger.socket.settimeout(None)
        while not self.stopped.is_set():
            block = stranger.key_updates(self.arguments.records)
            stranger.socket.sendall(block)
            self.count("bytes", len(block))
            if self.drain(stranger):
                return

    def onebyte(self, stranger):
        """A request in records of one byte, again and again."""
        request = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 400 + b"\r\n\r\n"
        if self.arguments.protocol != "http/1.1":
            request = stranger.frame(1, b"\xa1" + b"\0" * 400)
        while not self.stopped.is_set():
            block = stranger.one_byte_records(request)
            stranger.socket.sendall(block)
            self.count("bytes", len(block))
            self.drain(stranger)

    def session(self, stranger):
        """Most of a hello frame, and nothing else."""
        stranger.socket.sendall(stranger.records(stranger.frame(1, b"\xa1" * 4000)[:-1]))

    def join(self, stranger):
        """A join's hello in order, and then silence."""
        stranger.socket.sendall(stranger.records(stranger.frame(1, hello_payload())))

    def asked(self, stranger):
        """A join's hello, and then most of the largest message."""
        message = stranger.frame(2, b"\xa1" * 65536, 1, flags=3)[:-1]
        stranger.socket.sendall(stranger.records(stranger.frame(1, hello_payload()) + message))

    def nonces(self, stranger):
        """A join's hello, and then questions for a nonce without end."""
        stranger.socket.sendall(stranger.records(stranger.frame(1, hello_payload())))
        stream = 1
        while not self.stopped.is_set():
            block = b"".join(stranger.frame(2, begin_payload(), stream + 2 * i, flags=3) for i in range(64))
            stream += 128
            stranger.socket.sendall(stranger.records(block))
            self.count("bytes", len(block))
            self.drain(stranger)

    @staticmethod
    def drain(stranger):
        """Takes what the peer has sent; whether that has ended."""
        timeout = stranger.socket.gettimeout()
        stranger.socket.setblocking(False)
        try:
            while stranger.socket.recv(65536):
                pass
            return True
        except BlockingIOError:
            return False
        finally:
            stranger.socket.settimeout(timeout)

    def run_one(self, index):
        handshake = self.arguments.attack not in ("idle", "hello")
        while not self.stopped.is_set():
            try:
                stranger = self.open(index, handshake)
            except OSError:
                self.count("refused")
                self.begun(index)
                self.stopped.wait(self.arguments.pause)
                continue
            self.count("opened")
            try:
                getattr(self, self.arguments.attack)(stranger)
                self.begun(index)
                self.hold(stranger)
            except OSError:
                self.begun(index)
            self.count("ended")
            stranger.socket.close()
            if not self.arguments.again:
                return
            self.stopped.wait(self.arguments.pause)

    def begun(self, index):
        with self.lock:
            self.waiting.discard(index)

    def hold(self, stranger):
        """Keeps the connection, unread, until the peer has ended it."""
        with selectors.DefaultSelector() as selector:
            selector.register(stranger.socket, selectors.EVENT_READ)
            while not self.stopped.is_set():
                if selector.select(0.5) and self.has_ended(stranger):
                    return

    @staticmethod
    def has_ended(stranger):
        """Whether the peer's end is here; answers stay unread, but for what a look at the end takes."""
        time.sleep(0.05)
        return not stranger.socket.recv(65536)

    def run(self):
        count = self.arguments.connections
        self.waiting = set(range(count))
        threading.stack_size(256 * 1024)
        threads = [threading.Thread(target=self.run_one, args=(i,), daemon=True) for i in range(count)]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        endless = self.arguments.attack in ("malformed", "backlog", "keyupdates", "onebyte", "nonces")
        while self.waiting and not endless and time.monotonic() < begun + 60:
            time.sleep(0.02)
        print("ready", flush=True)
        sys.stdin.read()
        self.stopped.set()
        with self.lock:
            print(json.dumps(self.counts), flush=True)
        os._exit(0)


def hello_payload():
    """A spoke's hello in version 1 of `axle/1`."""
    moment = int(time.time() * 1000)
    return cbor2.dumps({1: [1, 1], 2: [], 3: moment, 4: 2, 5: "stranger"}, canonical=True)


def begin_payload():
    return cbor2.dumps({0: 30, 1: os.urandom(16)}, canonical=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attack", choices=sorted(name for name in vars(Attack) if not name.startswith("_")))
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--protocol", default="http/1.1", help="application protocol: http/1.1, axle-join/1")
    parser.add_argument("--source", default="127.0.0.66", help="the address that connections come from")
    parser.add_argument("--spread", action="store_true", help="each connection comes from another address")
    parser.add_argument("--records", type=int, default=2000, help="key updates in one piece")
    parser.add_argument("--again", action="store_true", help="open a connection anew when the peer has ended it")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds before that")
    Attack(parser.parse_args()).run()


if __name__ == "__main__":
    main()
