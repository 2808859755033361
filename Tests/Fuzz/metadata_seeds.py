"""Writes seeds for the metadata fuzzer: metadata_seeds.py GOLDEN_FOLDER OUTPUT_FOLDER.

The first byte says which role the rest is read as. Key ids and hashes are zeros, as the fuzzer's own digester makes them."""

import json
import pathlib
import re
import sys

golden, output = map(pathlib.Path, sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
ZEROS = "0" * 64
KEYS = {ZEROS: {"keytype": "ed25519", "keyval": {"public": ZEROS}, "scheme": "ed25519"}}
SIGNERS = {"keyids": [ZEROS], "threshold": 1}


def write(first, name, kind, version=1, **fields):
    signed = {"_type": kind, "expires": "2030-01-01T00:00:00Z", "spec_version": "1.0.31", "version": version, **fields}
    file = {"signatures": [{"keyid": ZEROS, "sig": ZEROS * 2}], "signed": signed}
    data = json.dumps(file, separators=(",", ":"), sort_keys=True).encode()
    (output / name).write_bytes(bytes([first]) + data)
    (output / f"{name}-indented").write_bytes(bytes([first]) + json.dumps(file, indent=1).encode())


roots = {"consistent_snapshot": True, "keys": KEYS, "roles": {r: SIGNERS for r in ("root", "timestamp", "snapshot", "targets")}}
target = {"length": 1, "hashes": {"sha256": ZEROS, "sha512": ZEROS * 2}}
listed = {"paths": ["a/*", "?"], "name": "a", "terminating": True, **SIGNERS}
hashed = {"path_hash_prefixes": ["00"], "name": "b", "terminating": False, **SIGNERS}
write(0, "root", "root", **roots)
write(1, "next-root", "root", 2, **roots)
write(2, "timestamp", "timestamp", 2, meta={"snapshot.json": {"version": 2, "length": 9, "hashes": target["hashes"]}})
write(3, "snapshot", "snapshot", meta={"targets.json": {"version": 1}, "a.json": {"version": 2}, "é/.json": {"version": 1}})
for first, name in ((4, "targets"), (5, "delegated")):
    write(first, name, "targets", targets={"a/b": target, "": target}, delegations={"keys": KEYS, "roles": [listed, hashed]})
    write(first, f"{name}-bins", "targets", targets={}, delegations={
        "keys": KEYS, "succinct_roles": {"bit_length": 1, "name_prefix": "bin", **SIGNERS}})
# What real packages say of themselves.
for path in golden.glob("*.json"):
    text = re.sub(r"\b[0-9a-f]{64}\b", ZEROS, path.read_text())
    for first in (4, 5) if "targets" in json.loads(text)["signed"]["_type"] else (0,):
        (output / f"golden-{first}-{path.name}").write_bytes(bytes([first]) + text.encode())
(output / "floors").write_bytes(b"\x00" + b'{"roles":{"a":1},"root":1,"snapshot":2,"timestamp":3}')
