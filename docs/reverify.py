"""Checks a bundle of evidence and the signed verdict that names it, without secgate: reverify.py BUNDLE.tar [SIGNED.jsonl]

Written after the page "Evidence" alone, with Python's standard library. It checks every file against the list of checksums, the
verdict against the statement, and the statement against the list. The signature itself is for `secgate verify`, cosign or any
other verifier of DSSE; so is what the verdict should have been, which `secgate verify --recompute` derives again.
"""

import base64
import hashlib
import json
import sys
import tarfile

LIST = "checksums.sha256"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def files_of(path):
    with tarfile.open(path, "r:") as bundle:
        members = bundle.getmembers()
        names = [member.name for member in members]
        if len(set(names)) != len(names) or not all(member.isfile() for member in members):
            sys.exit("a name stands twice, or something is no file")
        return {member.name: bundle.extractfile(member).read() for member in members}


def check_list(files):
    listed = {}
    for line in files[LIST].decode().splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    if set(listed) != set(files) - {LIST}:
        sys.exit("the list and the files differ")
    for name, digest in listed.items():
        if sha256(files[name]) != digest:
            sys.exit(f"{name}: was changed")


def statements(path):
    for line in open(path, encoding="utf-8"):
        envelope = json.loads(line)
        if envelope["payloadType"] == "application/vnd.in-toto+json":
            yield json.loads(base64.b64decode(envelope["payload"]))


def main():
    files = files_of(sys.argv[1])
    check_list(files)
    verdict, manifest = files["verdict.json"], json.loads(files["bundle.json"])
    said = json.loads(verdict)
    if manifest["schema"] != "secgate/bundle/v1" or manifest["gate"] != said["gate"]:
        sys.exit("the bundle is of another schema or gate")
    print(f"{len(files)} files fit; {said['gate']}: {said['verdict']} at {said['evaluated_at']}, secgate {manifest['secgate']}")
    for path in sys.argv[2:]:
        predicates = [s["predicate"] for s in statements(path) if s["predicateType"] == "secgate:verdict/v1"]
        ours = [p for p in predicates if p["verdict_sha256"] == sha256(verdict)]
        if not ours:
            sys.exit(f"{path}: no statement is about this verdict")
        if not any(p.get("bundle_sha256") == sha256(files[LIST]) for p in ours):
            sys.exit(f"{path}: the statement names another bundle")
        print(f"{path}: names this verdict and this bundle")


main()
