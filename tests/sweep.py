#!/usr/bin/env python3
"""Sweeps a folder of reports: for each tool, how many files are read, advised, refused, and what is wrong.

    python3 tests/sweep.py target/debug/secgate FOLDER [--tool-of parent] [--wrong-inputs] [--list]

A folder below FOLDER is a tool (as in public collections of sample reports). A file counts as
  read      secgate findings understands it
  advised   it is refused, and the message names the tool or what to write instead
  refused   it is refused by its shape
  empty     it has no bytes, or nothing but blanks
  wrong     it is read as complete with no findings, though its text names severities, CVEs or rules as findings do
            (a guess for a person to look at: --list shows them)
With --wrong-inputs every file is also read as every format that it is not; what is then complete with no findings,
though the right reader finds some, is an error.
"""

import argparse, collections, json, pathlib, re, subprocess, sys

LOOKS_LIKE_FINDINGS = re.compile(rb'CVE-\d{4}-\d{4,}|CWE-\d+|"(?:severity|level|risk|criticality)"\s*:\s*"(?:critical|high|medium|low|error|warning|warn)"', re.I)
PLAIN = ("it looks like a JSON object with the keys", "it looks like a JSON array", "it does not begin like JSON",
         "it looks like XML", "is empty", "is not valid", "it is an empty JSON", "it is the bare word")
TEXT = {".json", ".jsonl", ".xml", ".sarif", ".nessus", ".spdx", ".ndjson"}


def findings(secgate, path, input_format=None):
    source = f"{input_format}={path}" if input_format else str(path)
    command = [secgate, "findings", "--no-env", "--format", "json"] + (["--input", source] if input_format else [source])
    ran = subprocess.run(command, capture_output=True)
    try:
        evidence = json.loads(ran.stdout)["evidence"][0]
    except (ValueError, KeyError, IndexError):
        return {"status": "refused", "message": ran.stderr.decode(errors="replace").strip(), "count": 0, "format": None}
    return {"status": evidence["status"], "message": evidence.get("message") or "", "format": evidence.get("format"),
            "count": (evidence.get("findings") or {}).get("total", 0),
            "suppressed": (evidence.get("findings") or {}).get("suppressed", 0)}


def kind(path, told):
    if told["status"] not in ("unreadable", "refused"):
        empty = told["count"] == 0 and told["suppressed"] == 0 and told["status"] == "complete"
        return "wrong?" if empty and LOOKS_LIKE_FINDINGS.search(path.read_bytes()[:4 << 20]) else "read"
    if not path.read_bytes().strip():
        return "empty"
    return "refused" if any(words in told["message"] for words in PLAIN) else "advised"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("secgate")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--wrong-inputs", action="store_true")
    parser.add_argument("--list", action="store_true", help="a line for each file")
    parser.add_argument("--all", action="store_true", help="files of every ending, not only JSON, XML, SARIF and SPDX")
    given = parser.parse_args()
    tools, formats, faults = collections.defaultdict(collections.Counter), collections.defaultdict(set), 0
    listed = subprocess.run([given.secgate, "formats"], capture_output=True, text=True).stdout
    ids = [line.split()[0] for block in listed.split("\n\n")[:2] for line in block.splitlines()[1:] if line.startswith("  ")]
    for path in sorted(p for p in given.folder.rglob("*") if p.is_file()):
        if not given.all and path.suffix.lower() not in TEXT:
            continue
        tool = path.relative_to(given.folder).parts[0]
        told = findings(given.secgate, path)
        what = kind(path, told)
        tools[tool][what] += 1
        if what in ("read", "wrong?"):
            formats[tool].add(told["format"])
        if given.list:
            print(f"{what:8} {path.relative_to(given.folder)}: {told['format'] or ''} {told['status']} {told['count']} {told['message'][:150]}")
        if given.wrong_inputs and told["count"] > 0:
            for other in ids:
                if other != told["format"]:
                    misread = findings(given.secgate, path, other)
                    if misread["status"] == "complete" and misread["count"] == 0:
                        faults += 1
                        print(f"FAULT    {path.relative_to(given.folder)}: complete and without findings as {other}")
    columns = ["read", "advised", "refused", "empty", "wrong?"]
    print(f"{'tool':42}" + "".join(f"{c:>9}" for c in columns) + "  formats")
    for tool, counts in sorted(tools.items()):
        print(f"{tool:42}" + "".join(f"{counts[c] or '':>9}" for c in columns) + "  " + ", ".join(sorted(f or "" for f in formats[tool])))
    totals = sum(tools.values(), collections.Counter())
    print(f"{'files':42}" + "".join(f"{totals[c]:>9}" for c in columns))
    some = {c: sum(1 for counts in tools.values() if counts[c]) for c in columns}
    print(f"{'tools with any':42}" + "".join(f"{some[c]:>9}" for c in columns) + f"  of {len(tools)}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
