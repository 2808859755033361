"""Reads the golden records with tools that nobody here wrote: cbor2, pycddl and cryptography.

    validate.py     checks every sample of Tests/Golden/orders against its CDDL in docs/formats, and the signatures; exits 1 if one fails
"""

import pathlib
import sys

import cbor2
import pycddl
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMATS = ROOT / "docs" / "formats"
GOLDEN = ROOT / "Tests" / "Golden" / "orders"

# Sample, schema, external_aad of what is signed.
SIGNED = [
    ("install.order", "order", b"axle-order-1"),
    ("cancel.order", "order", b"axle-order-1"),
    ("succeeded.report", "report", b"axle-report-1"),
    ("refused.report", "report", b"axle-report-1"),
    ("revocations", "revocations", b"axle-revocations-1"),
]
BODIES = [("join-request.body", "join-request"), ("join-answer.body", "join-answer")]


def schema(name):
    return pycddl.Schema((FORMATS / f"{name}.cddl").read_text())


def check_signed(name, kind, aad, key):
    raw = (GOLDEN / name).read_bytes()
    schema("cose").validate_cbor(raw)
    message = cbor2.loads(raw)
    assert message.tag == 18, "no COSE_Sign1"
    protected, unprotected, payload, signature = message.value
    assert cbor2.loads(protected) == {1: -7}, "another protected header"
    assert set(unprotected) == {4}, "another unprotected header"
    schema(kind).validate_cbor(payload)
    signed = cbor2.dumps(["Signature1", protected, aad, payload], canonical=True)
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    assert cbor2.dumps(cbor2.loads(payload), canonical=True) == payload, "the payload is not deterministic"
    # The schema really decides: a payload without its first field, or with a wrong one, is refused.
    for broken in ({k: v for k, v in cbor2.loads(payload).items() if k != 1}, {**cbor2.loads(payload), 1: 1.5}):
        try:
            schema(kind).validate_cbor(cbor2.dumps(broken, canonical=True))
        except pycddl.ValidationError:
            continue
        raise AssertionError("the schema takes a broken payload")


def main():
    key = serialization.load_der_public_key((GOLDEN / "signer.spki").read_bytes())
    failures = 0
    checks = [(name, lambda n=name, k=kind, a=aad: check_signed(n, k, a, key)) for name, kind, aad in SIGNED]
    checks += [
        (name, lambda n=name, k=kind: schema(k).validate_cbor((GOLDEN / n).read_bytes())) for name, kind in BODIES]
    for name, check in checks:
        try:
            check()
            print(f"{name}: valid")
        except (AssertionError, InvalidSignature, ValueError, pycddl.ValidationError) as error:
            print(f"{name}: {type(error).__name__} {error}")
            failures += 1
    return 1 if failures else 0


sys.exit(main())
