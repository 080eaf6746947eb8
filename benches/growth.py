#!/usr/bin/env python3
"""Whether secgate's time and memory grow with its input, and not faster: whole processes, at two sizes in one run.

    benches/growth.py SECGATE [CASE...] [--scale F]

A line for each case: its sizes, seconds of CPU and peak memory at both, and by how much the time grew, after taking off the
time of an empty run. The larger input is four times the smaller: 4 is linear, 16 quadratic. `--scale` makes all sizes
smaller or larger. Nothing here passes or fails on a time; a run that does not end as it should is an error.
"""

import argparse, inspect, json, os, pathlib, subprocess, sys, tempfile
from datetime import date, timedelta

HEAD = "version: 1\ngate: bench\n"
FACTOR = 4
LIMIT = 300  # seconds


def semgrep(path, count, rules=1000, files=500):
    """A Semgrep report of `count` results, of `rules` rules in `files` files."""
    results = [{"check_id": f"org.rules.rule-{n % rules}", "path": f"src/part{n % files}/file{n % files}.py",
                "start": {"line": n % 900 + 1, "col": 1, "offset": 0}, "end": {"line": n % 900 + 1, "col": 9, "offset": 0},
                "extra": {"message": "something is wrong here", "severity": "ERROR", "lines": f"call({n})",
                          "fingerprint": f"{n:064x}_0", "metadata": {"cwe": ["CWE-79"]}}} for n in range(count)]
    path.write_text(json.dumps({"version": "1.182.0", "results": results, "errors": [], "paths": {"scanned": ["src/part0/file0.py"]}}))


def policy(path, rules, evidence="{sast: {category: sast, files: [semgrep.json]}}", rest=""):
    path.write_text(f"{HEAD}{rest}evidence: {evidence}\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules))


def checks(folder):
    return ["check", "--policy", "policy.yaml", "--quiet"]


def exact_rules(folder, size):
    """Rules by exact rule_id x 100,000 findings."""
    semgrep(folder / "semgrep.json", 100_000 * size // 1000)
    policy(folder / "policy.yaml", [f"{{id: r{n}, findings: {{category: sast, rule_id: [org.rules.rule-{n}]}}, then: warn}}" for n in range(size)])
    return checks(folder)


def glob_rules(folder, size):
    """Rules by a glob of rule_id x 100,000 findings."""
    semgrep(folder / "semgrep.json", 100_000)
    policy(folder / "policy.yaml", [f'{{id: r{n}, findings: {{category: sast, rule_id: ["*.rule-{n}"]}}, then: warn}}' for n in range(size)])
    return checks(folder)


def where_rules(folder, size):
    """Rules with `where` x 20,000 findings."""
    semgrep(folder / "semgrep.json", 20_000)
    policy(folder / "policy.yaml", [f"{{id: r{n}, findings: {{category: sast, where: \"@.rule_id == 'org.rules.rule-{n}'\"}}, then: warn}}" for n in range(size)])
    return checks(folder)


def codeowners(folder, size):
    """Lines of CODEOWNERS x 20,000 findings."""
    semgrep(folder / "semgrep.json", 20_000)
    (folder / "CODEOWNERS").write_text("".join(f"/src/part{n}/*.py @team{n % 50}\n" for n in range(size)))
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast}, then: fail}"])
    return checks(folder)


def lint(folder, size):
    """`policy lint` of so many rules."""
    policy(folder / "policy.yaml", [f"{{id: r{n}, findings: {{category: sast, rule_id: [org.rules.rule-{n}]}}, then: fail}}" for n in range(size)])
    return ["policy", "lint", "policy.yaml"]


def base_policy(folder, size):
    """`--base-policy` with other rule ids."""
    semgrep(folder / "semgrep.json", 10)
    for name, prefix in (("policy.yaml", "r"), ("before.yaml", "was")):
        policy(folder / name, [f"{{id: {prefix}{n}, findings: {{category: sast, rule_id: [org.rules.rule-{n}]}}, then: fail}}" for n in range(size)])
    return [*checks(folder), "--base-policy", "before.yaml"]


def waivers(folder, size):
    """Waivers x 100,000 findings."""
    semgrep(folder / "semgrep.json", 100_000, rules=10_000)
    day = date.today()
    rows = "".join(f"  - {{id: w{n}, rule: bench/r, match: {{rule_id: org.rules.rule-{n}, path: src/part{n % 500}/file{n % 500}.py}}, reason: known, owner: a, "
                   f"approved_by: b, created: {day}, expires: {day + timedelta(days=80)}, compensating_controls: none, review_trigger: kev}}\n"
                   for n in range(size))
    (folder / "waivers.yaml").write_text(f"version: 1\nwaivers:\n{rows}")
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast}, then: warn}"], rest="waivers: {files: [waivers.yaml], max_duration: 90d}\n")
    return checks(folder)


def small_reports(folder, size):
    """Small reports in one folder."""
    (folder / "reports").mkdir()
    for n in range(size):
        semgrep(folder / "reports" / f"r{n}.json", 1)
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast}, then: warn}"], "{sast: {category: sast, files: ['reports/*.json']}}")
    return checks(folder)


def baseline_write(folder, size):
    """`baseline write` of so many findings."""
    semgrep(folder / "semgrep.json", size)
    return ["baseline", "write", "semgrep.json", "--output", "known.jsonl"]


def baseline(folder, size):
    """A baseline of so many entries, and 1,000 findings."""
    semgrep(folder / "semgrep.json", size)
    subprocess.run([SECGATE, "baseline", "write", "semgrep.json", "--output", "known.jsonl"], cwd=folder, check=True, capture_output=True)
    semgrep(folder / "semgrep.json", 1000)
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast, state: new}, then: warn}"], rest="base: {from: [baseline], without: warn}\n")
    return [*checks(folder), "--baseline", "known.jsonl"]


def baseline_prune(folder, size):
    """`baseline prune` of so many entries, half of which are gone."""
    semgrep(folder / "semgrep.json", size)
    subprocess.run([SECGATE, "baseline", "write", "semgrep.json", "--output", "known.jsonl"], cwd=folder, check=True, capture_output=True)
    semgrep(folder / "semgrep.json", size // 2)
    return ["baseline", "prune", "--baseline", "known.jsonl", "semgrep.json"]


def bundle(folder, size):
    """A bundle of a report of so many findings."""
    semgrep(folder / "semgrep.json", size)
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast}, then: warn}"])
    return [*checks(folder), "--bundle", "bundle.tar"]


def outputs(folder, size):
    """Six outputs of so many findings."""
    semgrep(folder / "semgrep.json", size)
    policy(folder / "policy.yaml", ["{id: r, findings: {category: sast}, then: fail}"])
    names = ("json", "sarif", "junit", "codequality", "markdown", "html")
    return [*checks(folder), *(part for name in names for part in ("--output", f"{name}=out.{name}"))]


CASES = {"exact-rules": (exact_rules, 250), "glob-rules": (glob_rules, 250), "where-rules": (where_rules, 60),
         "codeowners": (codeowners, 2500), "lint": (lint, 500), "base-policy": (base_policy, 500), "waivers": (waivers, 2500),
         "small-reports": (small_reports, 2500), "baseline-write": (baseline_write, 25_000), "baseline": (baseline, 50_000),
         "baseline-prune": (baseline_prune, 5000), "bundle": (bundle, 50_000), "outputs": (outputs, 25_000)}


def run(args, folder):
    """Seconds of CPU, and peak memory in MB; measured by a small program, because a process begins with its parent's peak."""
    command = ["/usr/bin/time", "--format", "%U %S %M", "--output", "used", SECGATE, *args]
    with open(folder / "said", "wb") as said:
        try:
            code = subprocess.run(command, cwd=folder, stdout=said, stderr=said, timeout=LIMIT).returncode
        except subprocess.TimeoutExpired:
            return None, None
    if code not in (0, 1, 3):
        sys.exit(f"{' '.join(args)}: {(folder / 'said').read_text()[:2000]}")
    user, system, peak = map(float, (folder / "used").read_text().split("\n")[-2].split())
    return user + system, peak / 1024


def main():
    global SECGATE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("secgate")
    parser.add_argument("case", nargs="*", help=", ".join(CASES))
    parser.add_argument("--scale", type=float, default=1)
    asked = parser.parse_args()
    SECGATE = os.path.abspath(asked.secgate)
    print(f"{'case':16} {'size':>9} {'CPU s':>8} {'MB':>6} {'size':>9} {'CPU s':>8} {'MB':>6} {'grew':>6}  what")
    for name in asked.case or CASES:
        make, size = CASES[name]
        size = max(1, int(size * asked.scale))
        row = []
        for count in (0, size, size * FACTOR):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                row.append((count, *run(make(folder, max(count, 1)), folder)))
        (_, empty, _), (small, first, least), (large, second, most) = row
        if second is None or first is None:
            print(f"{name:16} did not end in {LIMIT} s")
            continue
        grew = (second - empty) / max(first - empty, 0.001)
        print(f"{name:16} {small:9} {first:8.2f} {least:6.0f} {large:9} {second:8.2f} {most:6.0f} {grew:6.1f}  {inspect.getdoc(make)}", flush=True)


if __name__ == "__main__":
    main()
