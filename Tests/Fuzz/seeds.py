"""Writes a small seed corpus for each fuzzer from the golden samples: seeds.py GOLDEN_FOLDER OUTPUT_FOLDER."""

import gzip
import lzma
import pathlib
import subprocess
import sys

golden, output = map(pathlib.Path, sys.argv[1:])
samples = {path.stem: bytes.fromhex(path.read_text()) for path in sorted(golden.glob("*.hex"))}
assert samples, f"no samples in {golden}"


def write(target, name, data):
    folder = output / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(4, "big") + bytes([kind, flags, 0, 0]) + stream.to_bytes(4, "big") + payload


for name, data in samples.items():
    if name.startswith("message-"):
        write("cbor", name, data)
        whole = frame(2, 3, 1, data)
    else:
        whole = data
    write("frames", name, bytes([5]) + whole)
    write("frames", name + "-twice", bytes([13]) + whole + whole)
    if len(whole) < 256:
        # Command byte, length, bytes; first byte: listener or dialler, greeted or not.
        for first in range(4):
            write("session", f"{name}-{first}", bytes([first, 0x0F, len(whole)]) + whole + bytes([0x23, 0, 0x0F, 0]))
request = frame(2, 1, 1, samples["message-10-fetchMetadata"])
write("session", "content", bytes([1, 0x0F, len(request)]) + request + bytes([0x22, 0, 0x24, 0, 0xF4, 0, 0x0B, 0, 0x26, 0, 0x0F, 0]))
cose = bytes.fromhex("d28443a10126a104423131") + b"\x43abc" + b"\x58\x40" + bytes(64)
write("cbor", "cose", cose)
for name, text in {"float": "fb3ff199999999999a", "half": "f93e00", "indefinite": "9f01820203820405ff", "nested": "8301820203820405",
                   "tag": "c11a514b67b0", "simple": "f8ff", "chunks": "7f657374726561646d696e67ff"}.items():
    write("cbor", name, bytes.fromhex(text))

text = bytes(range(256)) * 8
zstd = subprocess.run(["zstd", "-qc"], input=text, capture_output=True, check=True).stdout
for kind, packed in enumerate([zstd, lzma.compress(text), gzip.compress(text, mtime=0)]):
    for piece in (0, 20, 84):
        write("packed", f"{kind}-{piece}", bytes([kind + 3 * piece]) + packed)


def archive(*members):
    """An ar archive, member by member."""
    whole = b"!<arch>\n"
    for name, data in members:
        whole += f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return whole


version = ("debian-binary", b"2.0\n")
for name, members in {
    "plain": [version, ("control.tar", b"c"), ("data.tar", text)],
    "xz": [version, ("control.tar.xz", lzma.compress(b"c")), ("data.tar.xz", lzma.compress(text))],
    "gzip": [version, ("_x", b"1"), ("control.tar.gz", gzip.compress(b"c", mtime=0)), ("data.tar.zst", zstd), ("later", b"1")],
}.items():
    write("packed", f"deb-{name}", b"\0" + archive(*members))
write("patch", "frame", bytes([32]) + zstd)
write("patch", "header", b"axlepat1" + bytes([1, 31]) + bytes(6 + 80))
