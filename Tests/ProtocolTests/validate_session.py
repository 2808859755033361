"""Decodes and validates a recorded axle/1 session with tools that nobody here wrote.

    validate_session.py RECORDING AXLE_CDDL

RECORDING has one line per write: "D" (dialler) or "L" (listener), a blank, hexadecimal bytes. The script knows the frame header and the
rules of docs/protocol.md and nothing of the Swift code; CBOR is decoded by cbor2 and every hello, go-away and message validated
against axle.cddl by pycddl. Exit status 0 if the session is right and shows every message and frame type at least once.
"""

import collections
import re
import struct
import sys

import cbor2
import pycddl

HELLO, MESSAGE, DATA, CREDIT, PING, PONG, GO_AWAY, RESET = range(1, 9)
LENGTHS = {HELLO: (1, 4096), MESSAGE: (1, 65536), DATA: (0, 131072), CREDIT: (4, 4), PING: (8, 8), PONG: (8, 8),
           GO_AWAY: (1, 4096), RESET: (4, 4)}
FLAGS = {MESSAGE: 3, DATA: 2}
ON_STREAM = {MESSAGE, DATA, RESET}
OPEN, END = 1, 2
STREAM_CREDIT, CONNECTION_CREDIT = 4 << 20, 8 << 20


class Cddl:
    """The rules of axle.cddl, one schema per rule."""

    def __init__(self, text):
        # RFC 8610 regular expressions match the whole text; this validator's do not unless told so.
        self.text = re.sub(r'\.regexp "([^"]*)"', r'.regexp "^(\1)$"', text)
        self.messages = {int(number): name for name, number in re.findall(r"^([a-z-]+) = \{ 0: (\d+)", text, re.MULTILINE)}
        self.schemas = {}

    def validate(self, rule, data):
        if rule not in self.schemas:
            self.schemas[rule] = pycddl.Schema(f"start = {rule}\n{self.text}")
        self.schemas[rule].validate_cbor(data)


def decode(data):
    """The one item of the bytes, which must be its only deterministic encoding."""
    item = cbor2.loads(data)
    assert cbor2.dumps(item, canonical=True) == data, "not deterministic"
    return item


class Session:
    """Both directions of a session, frame by frame in the order of the recording."""

    def __init__(self, cddl):
        self.cddl = cddl
        self.buffers = {"D": b"", "L": b""}
        self.seen_frames = collections.Counter()
        self.seen_messages = collections.Counter()
        self.greeted = set()
        self.last_opened = {"D": 0, "L": 0}
        self.credit = collections.defaultdict(lambda: STREAM_CREDIT)
        self.credit.update({("D", 0): CONNECTION_CREDIT, ("L", 0): CONNECTION_CREDIT})
        self.said = set()
        self.ended = set()
        self.was_reset = set()

    def feed(self, side, data):
        self.buffers[side] += data
        while len(self.buffers[side]) >= 12:
            buffer = self.buffers[side]
            length, kind, flags, priority, reserved, stream = struct.unpack(">IBBBBI", buffer[:12])
            assert kind in LENGTHS, f"frame type {kind}"
            least, most = LENGTHS[kind]
            assert least <= length <= most, f"{length} bytes in a frame of type {kind}"
            assert flags & ~FLAGS.get(kind, 0) == 0 and reserved == 0, "flags or reserved byte"
            assert kind == CREDIT or (stream != 0) == (kind in ON_STREAM), f"type {kind} on stream {stream}"
            if len(buffer) < 12 + length:
                return
            self.buffers[side] = buffer[12 + length:]
            self.frame(side, kind, flags, stream, buffer[12:12 + length])

    def frame(self, side, kind, flags, stream, payload):
        other = "L" if side == "D" else "D"
        self.seen_frames[kind] += 1
        if kind == HELLO:
            assert side not in self.greeted and (side == "D" or "D" in self.greeted), "order of hellos"
            self.greeted.add(side)
            decode(payload)
            self.cddl.validate("hello", payload)
            return
        assert self.greeted == {"D", "L"}, "a frame before both hellos"
        if kind == MESSAGE:
            self.message(side, flags, stream, payload)
        elif kind == DATA:
            assert (side, stream) in self.said and (side, stream) not in self.ended, "data before its message or after the end"
            assert payload or flags & END, "empty data"
            for key in ((side, stream), (side, 0)):
                self.credit[key] -= len(payload)
                assert self.credit[key] >= 0, f"over credit {key}"
            if flags & END:
                self.ended.add((side, stream))
        elif kind == CREDIT:
            amount, = struct.unpack(">I", payload)
            assert amount > 0
            self.credit[other, stream] += amount
            assert self.credit[other, stream] <= 0x7FFFFFFF
        elif kind == GO_AWAY:
            decode(payload)
            self.cddl.validate("go-away", payload)
        elif kind == RESET:
            self.was_reset.add(stream)
            self.ended.add((side, stream))

    def message(self, side, flags, stream, payload):
        number = decode(payload)[0]
        if flags & OPEN:
            assert stream % 2 == (side == "D"), "parity"
            assert stream > self.last_opened[side], "streams go up"
            self.last_opened[side] = stream
        else:
            assert stream <= self.last_opened["D" if stream % 2 else "L"], "a message on a stream that was not opened"
        assert (side, stream) not in self.said and (side, stream) not in self.ended, "a second message"
        self.said.add((side, stream))
        if flags & END:
            self.ended.add((side, stream))
        self.seen_messages[number] += 1
        self.cddl.validate(self.cddl.messages[number], payload)
        self.cddl.validate("message", payload)

    def finish(self):
        assert not any(self.buffers.values()), "a cut frame at the end"
        for side, stream in self.said:
            assert stream in self.was_reset or (side, stream) in self.ended, f"stream {stream} of {side} was never ended"
        missing = set(self.cddl.messages) - set(self.seen_messages)
        assert not missing, f"messages never seen: {missing}"
        missing = set(LENGTHS) - set(self.seen_frames)
        assert not missing, f"frame types never seen: {missing}"


def main():
    recording, cddl = sys.argv[1:]
    with open(cddl) as file:
        session = Session(Cddl(file.read()))
    with open(recording) as file:
        for line in file:
            side, data = line.split()
            session.feed(side, bytes.fromhex(data))
    session.finish()
    print(f"{sum(session.seen_frames.values())} frames, {sum(session.seen_messages.values())} messages are right")


main()
