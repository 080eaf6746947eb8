"""The other side of tests/cli/interop.rs: Python's securesystemslib, in-toto, in-toto-attestation and cryptography.

peer.py verify PUBLIC.pem FILE          every envelope of FILE; prints a predicate type a line
peer.py sign ed25519|p256 PAYLOAD DIR   a new key and an envelope around PAYLOAD: DIR/key.pem, DIR/key.pub, DIR/signed.json
peer.py provenance PRIVATE.pem SHA256 COMMIT FILE   SLSA provenance of an artifact, made by in-toto-attestation
peer.py resign PRIVATE.pem PAYLOAD FILE an envelope around PAYLOAD by a key that secgate made
"""

import base64
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from google.protobuf.json_format import MessageToJson, ParseDict
from in_toto.models.metadata import Envelope as InTotoEnvelope
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

IN_TOTO = "application/vnd.in-toto+json"


def by_hand(public, line):
    """The signature by cryptography alone, over the encoding as the DSSE protocol writes it down."""
    payload, kind = base64.b64decode(line["payload"], validate=True), line["payloadType"].encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    for signature in line["signatures"]:
        raw = base64.b64decode(signature["sig"], validate=True)
        try:
            if isinstance(public, ed25519.Ed25519PublicKey):
                public.verify(raw, message)
            else:
                public.verify(raw, message, ec.ECDSA(hashes.SHA256()))
            return payload
        except InvalidSignature:
            continue
    sys.exit("cryptography: no signature of this key")


def verify(pem, path):
    public = serialization.load_pem_public_key(pathlib.Path(pem).read_bytes())
    # The key id is the library's own default: an envelope names its key as in-toto's tools expect it.
    key = SSlibKey.from_crypto(public)
    for text in pathlib.Path(path).read_text().splitlines():
        line = json.loads(text)
        payload = by_hand(public, line)
        Envelope.from_dict(json.loads(text)).verify([key], 1)
        InTotoEnvelope.from_dict(json.loads(text)).verify_signature({"keyid": key.keyid, **key.to_dict()})
        statement = json.loads(payload)
        Statement.copy_from_pb(ParseDict(statement, statement_pb2.Statement())).validate()
        print(statement["predicateType"])


def envelope(signer, payload, path):
    signed = Envelope(payload, IN_TOTO, {})
    signed.sign(signer)
    pathlib.Path(path).write_text(json.dumps(signed.to_dict(), indent=1))


def sign(kind, payload, folder):
    folder = pathlib.Path(folder)
    signer = CryptoSigner.generate_ed25519() if kind == "ed25519" else CryptoSigner.generate_ecdsa()
    (folder / "key.pem").write_bytes(signer.private_bytes)
    public = signer.public_key._crypto_key()
    spki = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(spki)
    envelope(signer, pathlib.Path(payload).read_bytes(), folder / "signed.json")


def signer_of(pem):
    return CryptoSigner(serialization.load_pem_private_key(pathlib.Path(pem).read_bytes(), None))


def resign(pem, payload, path):
    envelope(signer_of(pem), pathlib.Path(payload).read_bytes(), path)


def provenance(pem, sha256, commit, path):
    source = ResourceDescriptor(uri="git+https://gitlab.shop.invalid/shop/web@refs/heads/main", digest={"gitCommit": commit})
    predicate = {
        "buildDefinition": {
            "buildType": "https://shop.invalid/build/v1",
            "externalParameters": {"repository": "https://gitlab.shop.invalid/shop/web", "ref": "refs/heads/main"},
            "resolvedDependencies": [json.loads(MessageToJson(source.pb))],
        },
        "runDetails": {"builder": {"id": "https://gitlab.shop.invalid/-/runners/7"}},
    }
    subject = ResourceDescriptor(name="web", digest={"sha256": sha256})
    statement = Statement([subject.pb], "https://slsa.dev/provenance/v1", predicate)
    statement.validate()
    envelope(signer_of(pem), MessageToJson(statement.pb).encode(), path)


if __name__ == "__main__":
    {"verify": verify, "sign": sign, "resign": resign, "provenance": provenance}[sys.argv[1]](*sys.argv[2:])
