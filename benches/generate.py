#!/usr/bin/env python3
"""Makes large reports for benchmarks: trivy-image.json, semgrep.json, secrets.json (a gitleaks 8 array), and one each of
report.sarif (rules first, as most tools write them), report-rules-last.sarif, and gl-sast-report.json (`scan` last).

    benches/generate.py --size small|medium|large DIR

small: 50 findings a file; medium: 10 MiB a file; large: 200 MiB a file. The same bytes on every machine. Field sets and
layout are those the tools write, at about 4.1, 2.3 and 0.9 KB a finding. Every value is invented.
"""

import argparse, hashlib, itertools, json, pathlib, random

BYTES = {"medium": 10 << 20, "large": 200 << 20}
WORDS = """the a of in is to when which may request header buffer parser length check value field memory attacker remote local
crafted packet stream token session certificate signature package version release before after handles validates reads writes
overflow underflow loop pointer file archive name path default option service client server process thread lock cache""".split()
TRIVY_SEVERITY = ["LOW"] * 40 + ["MEDIUM"] * 34 + ["HIGH"] * 18 + ["CRITICAL"] * 6 + ["UNKNOWN"] * 2
SEMGREP_SEVERITY = ["INFO"] * 20 + ["WARNING"] * 44 + ["ERROR"] * 20 + ["LOW"] * 5 + ["MEDIUM"] * 5 + ["HIGH"] * 4 + ["CRITICAL"] * 2


class Dice:
    """Only random() is promised to give the same numbers in every version of Python."""

    def __init__(self, seed):
        self.roll = random.Random(seed).random

    def below(self, n):
        return int(self.roll() * n)

    def pick(self, values):
        return values[int(self.roll() * len(values))]

    def words(self, n):
        return " ".join(self.pick(WORDS) for _ in range(n))

    def hexes(self, n):
        return f"{int(self.roll() * (1 << 52)):013x}" * (n // 13 + 1)

    def digest(self):
        return "sha256:" + hashlib.sha256(self.hexes(13).encode()).hexdigest()


def trivy_finding(dice, n):
    year, package = 2015 + dice.below(11), f"lib{dice.pick(WORDS)}{dice.below(400)}"
    cve, version = f"CVE-{year}-{1000 + n}", f"{dice.below(9)}.{dice.below(30)}.{dice.below(20)}-{dice.below(9)}+deb12u{dice.below(7)}"
    severity, fixed = dice.pick(TRIVY_SEVERITY), dice.below(3) > 0
    score = round(1 + dice.roll() * 9, 1)
    finding = {"VulnerabilityID": cve, "PkgID": f"{package}@{version}", "PkgName": package,
               "PkgIdentifier": {"PURL": f"pkg:deb/debian/{package}@{version}?arch=amd64&distro=debian-12.7", "UID": dice.hexes(16)[:16]},
               "InstalledVersion": version}
    if fixed:
        finding["FixedVersion"] = version + ".1"
    finding |= {"Status": "fixed" if fixed else dice.pick(["affected", "will_not_fix", "fix_deferred"]),
                "Layer": {"Digest": dice.digest(), "DiffID": dice.digest()}}
    if severity != "UNKNOWN":
        finding["SeveritySource"] = "nvd"
    finding |= {"PrimaryURL": f"https://avd.aquasec.com/nvd/{cve.lower()}",
                "DataSource": {"ID": "debian", "Name": "Debian Security Tracker", "URL": "https://salsa.debian.org/security-tracker-team/security-tracker"},
                "Fingerprint": dice.digest(), "Title": f"{package}: {dice.words(7)}",
                "Description": "\n\n".join(dice.words(50) + ' (the so-called "' + dice.pick(WORDS) + '" case).' for _ in range(1 + dice.below(4))),
                "Severity": severity, "CweIDs": [f"CWE-{20 + dice.below(900)}" for _ in range(1 + dice.below(2))],
                "VendorSeverity": {name: 1 + dice.below(4) for name in ("amazon", "debian", "nvd", "oracle-oval", "photon", "redhat", "ubuntu")},
                "CVSS": {name: {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:L/A:N", "V3Score": score} for name in ("nvd", "redhat")},
                "References": [f"https://{dice.pick(WORDS)}.example.org/{dice.pick(WORDS)}/{cve.lower()}?id={dice.hexes(13)[:12]}&view=all" for _ in range(8 + dice.below(12))],
                "PublishedDate": f"{year}-0{1 + dice.below(9)}-1{dice.below(9)}T17:15:00Z", "LastModifiedDate": "2026-10-20T22:15:00.157Z"}
    return finding


def go_text(value, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def trivy(out, target):
    dice, name = Dice("trivy"), "registry.example.org/team/service:2.7.1"
    head = {"SchemaVersion": 2, "Trivy": {"Version": "0.74.0"}, "ReportID": "019a9e10-7e40-7000-8000-000000000001", "CreatedAt": "2026-11-20T09:30:00.000000005Z",
            "ArtifactID": dice.digest(), "ArtifactName": name, "ArtifactType": "container_image",
            "Metadata": {"Size": 187_000_000, "OS": {"Family": "debian", "Name": "12.7"}, "ImageID": dice.digest(), "DiffIDs": [dice.digest()],
                         "RepoTags": [name], "RepoDigests": [f"registry.example.org/team/service@{dice.digest()}"], "Reference": name}}
    out(go_text(head, 2)[:-2] + f',\n  "Results": [\n    {{\n      "Target": "{name} (debian 12.7)",\n      "Class": "os-pkgs",\n      "Type": "debian",\n      "Vulnerabilities": [')
    for n in itertools.count():
        text = "\n" + go_text(trivy_finding(dice, n), 2)
        size = out(("," if n else "") + text.replace("\n", "\n        "))
        if target(n + 1, size):
            break
    out('\n      ]\n    },\n    {\n      "Target": "Python",\n      "Class": "lang-pkgs",\n      "Type": "python-pkg"\n    }\n  ]\n}\n')


def semgrep_finding(dice, n):
    topic, line, path = dice.pick(WORDS), 1 + dice.below(3000), f"src/{dice.pick(WORDS)}/{dice.pick(WORDS)}_{dice.below(4000)}.py"
    return {"check_id": f"rules.python.{topic}.security.{dice.pick(WORDS)}-{dice.below(90)}.{topic}", "path": path,
            "start": {"line": line, "col": 5, "offset": line * 41}, "end": {"line": line + dice.below(4), "col": 60, "offset": line * 41 + 120},
            "extra": {"message": dice.words(70 + dice.below(60)) + ".", "metadata": {
                "category": "security", "confidence": dice.pick(["LOW", "MEDIUM", "HIGH"]), "impact": dice.pick(["LOW", "MEDIUM", "HIGH"]),
                "likelihood": dice.pick(["LOW", "MEDIUM", "HIGH"]), "cwe": [f"CWE-{20 + dice.below(900)}: {dice.words(8)}"],
                "cwe2022-top25": True, "owasp": ["A03:2021 - Injection", "A05:2025 - Injection"], "technology": [dice.pick(WORDS), dice.pick(WORDS)],
                "subcategory": ["vuln"], "vulnerability_class": [dice.words(2)], "license": "Example rule licence 1.0",
                "references": [f"https://docs.example.org/{dice.pick(WORDS)}/{dice.hexes(13)[:12]}" for _ in range(3)],
                "source": f"https://rules.example.org/r/python.{topic}.{dice.below(900)}", "shortlink": f"https://rules.example.org/{dice.hexes(13)[:4]}",
                "notes": dice.words(30)},
                "severity": dice.pick(SEMGREP_SEVERITY), "fingerprint": dice.hexes(128)[:128] + "_0",
                "lines": "    value = " + dice.words(12) + '\n    return "' + dice.words(10) + '"', "is_ignored": False,
                "validation_state": "NO_VALIDATOR", "engine_kind": "OSS"}}


def semgrep(out, target):
    dice = Dice("semgrep")
    out('{"version":"1.182.0","results":[')
    for n in itertools.count():
        size = out(("," if n else "") + json.dumps(semgrep_finding(dice, n), separators=(",", ":")))
        if target(n + 1, size):
            break
    scanned = json.dumps([f"src/{a}/{b}.py" for a in WORDS[:20] for b in WORDS[:5]], separators=(",", ":"))
    out(f'],"errors":[],"paths":{{"scanned":{scanned}}},"engine_requested":"OSS","skipped_rules":[],"profiling_results":[]}}\n')


def gitleaks_finding(dice, n):
    rule, line, secret = dice.pick(["generic-api-key", "aws-access-token", "github-pat", "private-key", "jwt"]), 1 + dice.below(900), "FAKE" + dice.hexes(36)[:36]
    path, commit = f"services/{dice.pick(WORDS)}/config/{dice.pick(WORDS)}-{dice.below(900)}.yaml", dice.hexes(40)[:40]
    return {"RuleID": rule, "Description": dice.words(14).capitalize() + ".", "StartLine": line, "EndLine": line, "StartColumn": 12, "EndColumn": 60,
            "Match": f'{dice.pick(WORDS)}_token: "{secret}"', "Secret": secret, "File": path, "SymlinkFile": "", "Commit": commit,
            "Link": f"https://git.example.org/team/service/-/blob/{commit}/{path}#L{line}", "Entropy": round(3 + dice.roll() * 2, 6),
            "Author": dice.words(2).title(), "Email": f"{dice.pick(WORDS)}@example.org", "Date": "2026-10-01T12:00:00Z", "Message": dice.words(12), "Tags": [],
            "Fingerprint": f"{commit}:{path}:{rule}:{line}"}


def gitleaks(out, target):
    dice = Dice("gitleaks")
    out("[")
    for n in itertools.count():
        size = out(("," if n else "") + ("\n" + go_text(gitleaks_finding(dice, n), 1)).replace("\n", "\n "))
        if target(n + 1, size):
            break
    out("\n]\n")


def sarif_rule(dice, n):
    return {"id": f"py/{WORDS[n % len(WORDS)]}-{n}", "name": dice.words(3), "shortDescription": {"text": dice.words(8)},
            "fullDescription": {"text": dice.words(30)}, "help": {"text": dice.words(60), "markdown": dice.words(80)},
            "defaultConfiguration": {"level": dice.pick(["error", "warning", "note"])},
            "properties": {"tags": ["security", f"external/cwe/cwe-{20 + dice.below(900):03d}"], "precision": dice.pick(["high", "very-high", "medium"]),
                           "security-severity": f"{1 + dice.below(9)}.{dice.below(10)}"}}


def sarif_result(dice, n, rules):
    index, line = dice.below(rules), 1 + dice.below(3000)
    path = f"src/{dice.pick(WORDS)}/{dice.pick(WORDS)}_{dice.below(4000)}.py"
    place = {"artifactLocation": {"uri": path, "uriBaseId": "%SRCROOT%", "index": dice.below(4000)}, "region": {"startLine": line, "startColumn": 5, "endLine": line + 1, "endColumn": 60}}
    return {"ruleId": f"py/{WORDS[index % len(WORDS)]}-{index}", "ruleIndex": index, "rule": {"id": f"py/{WORDS[index % len(WORDS)]}-{index}", "index": index},
            "message": {"text": dice.words(45) + "."}, "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"primaryLocationLineHash": dice.hexes(16)[:16] + ":1", "primaryLocationStartColumnFingerprint": "4"},
            "relatedLocations": [{"id": i, "physicalLocation": place, "message": {"text": dice.words(6)}} for i in range(1 + dice.below(2))]}


def sarif(rules_last):
    def make(out, target):
        dice, rules = Dice("sarif"), 300
        driver = {"name": "CodeQL", "organization": "Example", "semanticVersion": "2.20.0", "rules": [sarif_rule(dice, n) for n in range(rules)]}
        compact = lambda value: json.dumps(value, separators=(",", ":"))
        tool = f'"tool":{{"driver":{compact(driver)}}}'
        out('{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{')
        out("" if rules_last else tool + ",")
        out('"results":[')
        for n in itertools.count():
            size = out(("," if n else "") + compact(sarif_result(dice, n, rules)))
            if target(n + 1, size):
                break
        out("]" + ("," + tool if rules_last else "") + ',"columnKind":"utf16CodeUnits"}]}\n')
    return make


def gitlab_finding(dice, n):
    rule, line, path = dice.pick(WORDS), 1 + dice.below(3000), f"src/{dice.pick(WORDS)}/{dice.pick(WORDS)}_{dice.below(4000)}.py"
    return {"id": dice.hexes(64)[:64], "category": "sast", "name": dice.words(6), "description": dice.words(70), "cve": f"semgrep_id:rule.{rule}:{line}:{line}",
            "severity": dice.pick(["Critical", "High", "High", "Medium", "Medium", "Medium", "Low", "Info", "Unknown"]), "scanner": {"id": "semgrep", "name": "Semgrep"},
            "location": {"file": path, "start_line": line, "end_line": line + 2},
            "identifiers": [{"type": "semgrep_id", "name": f"rule.{rule}", "value": f"rule.{rule}", "url": f"https://rules.example.org/{rule}"},
                            {"type": "cwe", "name": f"CWE-{20 + dice.below(900)}", "value": str(20 + dice.below(900)), "url": "https://cwe.example.org/data"},
                            {"type": "owasp", "name": "A03:2021 - Injection", "value": "A03:2021"}],
            "tracking": {"type": "source", "items": [{"file": path, "line_start": line, "line_end": line + 2,
                                                        "signatures": [{"algorithm": "scope_offset", "value": f"{path}|{rule}[0]:{line}"}]}]}}


def gitlab(out, target):
    dice = Dice("gitlab")
    out('{"version":"15.2.1","vulnerabilities":[')
    for n in itertools.count():
        size = out(("," if n else "") + json.dumps(gitlab_finding(dice, n), separators=(",", ":")))
        if target(n + 1, size):
            break
    agent = {"id": "semgrep", "name": "Semgrep", "url": "https://semgrep.example.org", "vendor": {"name": "GitLab"}, "version": "1.182.0"}
    scan = {"analyzer": agent, "scanner": agent, "type": "sast", "start_time": "2026-11-20T09:00:00", "end_time": "2026-11-20T09:30:00", "status": "success"}
    out('],"dependency_files":[],"scan":' + json.dumps(scan, separators=(",", ":")) + "}\n")


MAKERS = {"trivy-image.json": trivy, "semgrep.json": semgrep, "secrets.json": gitleaks, "report.sarif": sarif(False),
          "report-rules-last.sarif": sarif(True), "gl-sast-report.json": gitlab}


def generate(size, folder, names=tuple(MAKERS)):
    """Writes the named reports and returns {name: findings}."""
    counts = {}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        make = MAKERS[name]
        written, partial = 0, folder / (name + ".partial")
        with open(partial, "w", encoding="utf-8", newline="") as file:
            def out(text):
                nonlocal written
                written += len(text)
                file.write(text)
                return written

            def enough(findings, so_far):
                counts[name] = findings
                return findings >= 50 if size == "small" else so_far >= BYTES[size]

            make(out, enough)
        partial.rename(folder / name)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["small", "medium", "large"], required=True)
    parser.add_argument("dir")
    arguments = parser.parse_args()
    for name, findings in generate(arguments.size, arguments.dir).items():
        size = (pathlib.Path(arguments.dir) / name).stat().st_size
        print(f"{name}: {findings} findings, {size} bytes, {size / findings / 1000:.2f} KB a finding")
