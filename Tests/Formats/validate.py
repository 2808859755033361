"""Reads the golden records with tools that nobody here wrote: cbor2, pycddl, cryptography and pycose; and makes some with pycose.

    validate.py           checks every sample of Tests/Golden/orders against its CDDL in docs/formats, and the signatures, with
                          cryptography and again with pycose; exits 1 if one fails
    validate.py make DIR  signs each sample's payload again with pycose and a new key: DIR/NAME, and the key as DIR/signer.spki
"""

import hashlib
import pathlib
import sys

import cbor2
import pycddl
import pycose.algorithms
import pycose.headers
import pycose.keys
import pycose.messages
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMATS = ROOT / "docs" / "formats"
GOLDEN = ROOT / "Tests" / "Golden" / "orders"

# Sample, schema, external_aad of what is signed, and the signer where it is not signer.spki.
SIGNED = [
    ("install.order", "order", b"axle-order-1"),
    ("approved.order", "order", b"axle-order-1", "signer-2.spki"),
    ("anew.order", "order", b"axle-order-1", "signer-2.spki"),
    ("approval", "approval", b"axle-approval-1", "operator.spki"),
    ("stale.report", "report", b"axle-report-1", "signer-2.spki"),
    ("cancel.order", "order", b"axle-order-1"),
    ("succeeded.report", "report", b"axle-report-1"),
    ("refused.report", "report", b"axle-report-1"),
    ("revocations", "revocations", b"axle-revocations-1"),
    ("revocations-2", "revocations", b"axle-revocations-1", "signer-3.spki"),
]
IDENTITY = [
    ("anchors", "anchors", b"axle-anchors-1"),
    ("renewal.request", "renewal-request", b"axle-renewal-request-1"),
    ("renewal.answer", "renewal-answer", b"axle-renewal-answer-1"),
]
BODIES = [("join-request.body", "join-request"), ("join-answer.body", "join-answer")]


def schema(name):
    return pycddl.Schema((FORMATS / f"{name}.cddl").read_text())


def cose_key(public, private=None):
    numbers = public.public_numbers()
    secret = private.private_numbers().private_value.to_bytes(32, "big") if private else b""
    return pycose.keys.EC2Key(
        crv=pycose.keys.curves.P256, x=numbers.x.to_bytes(32, "big"), y=numbers.y.to_bytes(32, "big"), d=secret)


def make(folder):
    private = ec.generate_private_key(ec.SECP256R1())
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "signer.spki").write_bytes(spki)
    for name, _, aad, *_ in SIGNED:
        payload = cbor2.loads((GOLDEN / name).read_bytes()).value[2]
        message = pycose.messages.Sign1Message(
            phdr={pycose.headers.Algorithm: pycose.algorithms.Es256},
            uhdr={pycose.headers.KID: hashlib.sha256(spki).digest()}, payload=payload, external_aad=aad)
        message.key = cose_key(private.public_key(), private)
        (folder / name).write_bytes(message.encode())
    return 0


def check_signed(name, kind, aad, signer="signer.spki"):
    key = serialization.load_der_public_key((GOLDEN / signer).read_bytes())
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
    # Not decode(raw): pycose wants the lists that cbor2 gave before its release 6.
    judged = pycose.messages.Sign1Message.from_cose_obj([protected, dict(unprotected), payload, signature], False)
    judged.external_aad = aad
    judged.key = cose_key(key)
    assert judged.verify_signature(), "pycose does not believe the signature"
    judged.external_aad = aad + b"0"
    assert not judged.verify_signature(), "pycose believes it as a record of another kind"
    assert cbor2.dumps(cbor2.loads(payload), canonical=True) == payload, "the payload is not deterministic"
    # The schema really decides: a payload without its first field, or with a wrong one, is refused.
    for broken in ({k: v for k, v in cbor2.loads(payload).items() if k != 1}, {**cbor2.loads(payload), 1: 1.5}):
        try:
            schema(kind).validate_cbor(cbor2.dumps(broken, canonical=True))
        except pycddl.ValidationError:
            continue
        raise AssertionError("the schema takes a broken payload")


def main():
    failures = 0
    checks = [(sample[0], lambda sample=sample: check_signed(*sample)) for sample in SIGNED]
    checks += [(sample[0], lambda sample=sample: check_signed(*sample, "identity.spki")) for sample in IDENTITY]
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


sys.exit(make(pathlib.Path(sys.argv[2])) if sys.argv[1:2] == ["make"] else main())
