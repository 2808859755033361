"""python-tuf (PyPI `tuf`) as the other side of Axle's TUF client and publisher; JSON comes in on stdin, JSON goes out.

    tuf_peer.py accept   in: {"files": {name: text}, "targets": {path: content}}   a repository
                         out: {path: content}                                      what ngclient downloaded and verified
    tuf_peer.py make     in: {"consistent": bool}
                         out: {"files": {name: text}, "targets": [path]}           a repository with every kind of key
    tuf_peer.py schema   in: {"schema": schema, "values": [value]}
                         out: [bool]                                               whether jsonschema accepts each value
    tuf_peer.py canonical in: {"texts": [text]}
                         out: [hex]                                                 securesystemslib's canonical form
"""

import copy
import hashlib
import json
import os
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone

import jsonschema
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Role, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer
from tuf.ngclient import FetcherInterface, Updater


class Memory(FetcherInterface):
    def __init__(self, metadata, targets):
        self.metadata = metadata
        self.targets = targets
        super().__init__()

    def _fetch(self, url):
        kind, name = url.removeprefix("https://repo/").split("/", 1)
        if kind == "targets":
            folder, _, file = urllib.parse.unquote(name).rpartition("/")
            plain = f"{folder}/{file.split('.', 1)[1]}".lstrip("/")
            found = self.targets.get(plain)
            if found is not None and file.split(".", 1)[0] != hashlib.sha256(found.encode()).hexdigest():
                found = None
        else:
            found = self.metadata.get(name)
        if found is None:
            raise DownloadHTTPError("not found", 404)
        yield found.encode()


def accept(given):
    fetcher = Memory(given["files"], given["targets"])
    got = {}
    with tempfile.TemporaryDirectory() as folder:
        kept = os.path.join(folder, "metadata")
        updater = Updater(
            kept, "https://repo/metadata/", folder, "https://repo/targets/", fetcher,
            bootstrap=given["files"]["1.root.json"].encode())
        updater.refresh()
        for path in given["targets"]:
            info = updater.get_targetinfo(path)
            if info is not None:
                with open(updater.download_target(info), encoding="utf-8") as file:
                    got[path] = file.read()
    return got


def make(given):
    consistent = given["consistent"]
    expires = (datetime.now(timezone.utc) + timedelta(days=3650)).replace(microsecond=0)
    # Every scheme of TRUST.md signs a role.
    signers = {
        "root": [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa()],
        "timestamp": [CryptoSigner.generate_ed25519()],
        "snapshot": [CryptoSigner.generate_ecdsa()],
        "targets": [CryptoSigner.generate_rsa()],
    }
    delegated = {name: CryptoSigner.generate_ed25519() for name in ["ruff", "by hash/é", "nested", "bins"]}
    root = Root(expires=expires, consistent_snapshot=consistent)
    for role, keys in signers.items():
        root.roles[role] = Role([], 2 if role == "root" else 1)
        for key in keys:
            root.add_key(key.public_key, role)

    def entry(path):
        return TargetFile.from_data(path, f"content of {path}".encode(), ["sha256", "sha512"])

    paths = ["top.txt", "ruff/1/any/f", "ruff/sub/any/g", "hashed/é", "ruff/binned/any/h"]
    targets = Targets(expires=expires)
    targets.targets["top.txt"] = entry("top.txt")
    by_hash = hashlib.sha256("hashed/é".encode()).hexdigest()[:4]
    targets.delegations = Delegations({}, {
        "ruff": DelegatedRole("ruff", [], 1, False, paths=["ruff/*/*/*"]),
        "by hash/é": DelegatedRole("by hash/é", [], 1, True, path_hash_prefixes=[by_hash]),
    })
    ruff = Targets(expires=expires, version=7)
    ruff.targets["ruff/1/any/f"] = entry("ruff/1/any/f")
    ruff.delegations = Delegations({}, {"nested": DelegatedRole("nested", [], 1, False, paths=["ruff/*/any/?"])})
    hashed = Targets(expires=expires)
    hashed.targets["hashed/é"] = entry("hashed/é")
    nested = Targets(expires=expires)
    nested.targets["ruff/sub/any/g"] = entry("ruff/sub/any/g")
    succinct = SuccinctRoles([], 1, 5, "bin")
    nested.delegations = Delegations({}, succinct_roles=succinct)
    targets.add_key(delegated["ruff"].public_key, "ruff")
    targets.add_key(delegated["by hash/é"].public_key, "by hash/é")
    ruff.add_key(delegated["nested"].public_key, "nested")
    nested.add_key(delegated["bins"].public_key)
    roles = {"targets": targets, "ruff": ruff, "by hash/é": hashed, "nested": nested}
    by_role = {"targets": signers["targets"], "ruff": [delegated["ruff"]], "by hash/é": [delegated["by hash/é"]],
               "nested": [delegated["nested"]]}
    for name in succinct.get_roles():
        roles[name] = Targets(expires=expires)
        by_role[name] = [delegated["bins"]]
    roles[succinct.get_role_for_target("ruff/binned/any/h")].targets["ruff/binned/any/h"] = entry("ruff/binned/any/h")

    files = {}

    def put(role, signed, keys):
        metadata = Metadata(signed)
        for key in keys:
            metadata.sign(key, append=True)
        data = metadata.to_bytes(JSONSerializer(compact=False))
        name = f"{urllib.parse.quote(role, safe='')}.json"
        if role == "root" or (consistent and role != "timestamp"):
            name = f"{signed.version}.{name}"
        files[name] = data.decode()
        return data

    put("root", root, signers["root"])
    second = copy.deepcopy(root)
    second.version = 2
    put("root", second, signers["root"][:2])
    snapshot = Snapshot(expires=expires, version=3)
    for role, signed in roles.items():
        data = put(role, signed, by_role[role])
        snapshot.meta[f"{role}.json"] = MetaFile.from_data(signed.version, data, ["sha256", "sha512"])
    data = put("snapshot", snapshot, signers["snapshot"])
    timestamp = Timestamp(expires=expires, snapshot_meta=MetaFile.from_data(3, data, ["sha256"]))
    put("timestamp", timestamp, signers["timestamp"])
    return {"files": files, "targets": paths}


def canonical(given):
    return [encode_canonical(json.loads(text)).encode().hex() for text in given["texts"]]


def schema(given):
    jsonschema.Draft202012Validator.check_schema(given["schema"])
    validator = jsonschema.Draft202012Validator(given["schema"])
    return [validator.is_valid(value) for value in given["values"]]


if __name__ == "__main__":
    command = {"accept": accept, "make": make, "canonical": canonical, "schema": schema}[sys.argv[1]]
    json.dump(command(json.load(sys.stdin)), sys.stdout)
