#!/usr/bin/env python3
"""Asks the rows of `secgate replay` fifteen questions (questions.sql) by DuckDB, and by Spark with --spark, and compares each answer with
one that is worked out here from the reports themselves.

usage: ask.py SECGATE [--fleet DIR] [--runs N] [--spark] [--work DIR]

Without --fleet a history is made: folders with run.json, semgrep.json, trivy-fs.json and secrets.json, a few of them broken."""

import argparse
import collections
import csv
import datetime as dt
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
POLICY = """version: 1
gate: merge
severity: {unknown: critical}
evidence:
  sast:    {category: sast, files: [semgrep.json], problems: {timeout: review}}
  secrets: {category: secret, files: [secrets.json]}
  deps:    {category: vulnerability, files: [trivy-fs.json], nothing_scanned: warn}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail}
  - {id: sast-high, findings: {category: sast, SAST}, then: fail}
  - {id: authz-regression, findings: {category: sast, cwe: [862, 863, 639], confidence: high}, then: fail}
  - {id: dependency-delta, findings: {category: vulnerability, severity: highDEPS}, then: fail}
"""
POLICIES = {
    "A": POLICY.replace("SAST", "severity: high").replace("DEPS", ""),
    "B": POLICY.replace("SAST", "severity: medium, confidence: high").replace("DEPS", ", fix: available"),
}
ENTRIES = {"semgrep.json": "sast", "secrets.json": "secrets", "trivy-fs.json": "deps"}
# Severities in Trivy's and Semgrep's words, as the policies' `severity: high` and `severity: medium` take them.
HIGH = {"HIGH", "CRITICAL", "UNKNOWN"}


def make(folder, count):
    """A history of a fleet of five projects."""
    r = random.Random(5)
    start = dt.datetime(2026, 2, 1, tzinfo=dt.timezone.utc)
    checks = [("sqli", "ERROR", 89, "HIGH"), ("authz", "WARNING", 862, "HIGH"), ("hash", "WARNING", 328, "LOW"), ("debug", "INFO", 489, "HIGH")]
    advisories = [(f"CVE-2026-{1000 + n}", f"pkg-{n % 9}", r.choice(["CRITICAL", "HIGH", "MEDIUM", "LOW"]), r.random() < 0.7, r.randrange(200)) for n in range(30)]
    for n in range(count):
        at = start + dt.timedelta(hours=16 * n, minutes=r.randrange(60))
        project, day = n % 5, (at - start).days
        request, pipeline = n // 10 + 1, n // 5 % 2 + 1
        results = [{"check_id": f"rules.{c}", "path": f"src/{project}_{k}.py", "start": {"line": k + 1}, "end": {"line": k + 1},
                    "extra": {"message": "m", "severity": s, "lines": "requires login", "metadata": {"cwe": [f"CWE-{w}: W"], "confidence": f}}}
                   for k, (c, s, w, f) in enumerate(checks) if r.random() < (0.1 if s == "ERROR" else 0.2)]
        vulnerabilities = []
        for a, p, s, fixed, known in advisories:
            if known <= day and hash_of(project, p) % 3 == 0 and hash_of(a, p) % 200 > day // 2:
                severity = "HIGH" if s == "MEDIUM" and known % 5 == 0 and day > known + 40 else s
                vulnerabilities.append({"VulnerabilityID": a, "PkgName": p, "InstalledVersion": "1.0.0", "Severity": severity}
                                       | ({"FixedVersion": "2.0.0", "Status": "fixed"} if fixed else {"Status": "affected"}))
        packages = [{"ID": f"pkg-{k}@1.0.0", "Name": f"pkg-{k}", "Version": "1.0.0"} for k in range(9)]
        secrets = [{"RuleID": "github-pat", "Description": "d", "StartLine": 3, "EndLine": 3, "StartColumn": 1, "EndColumn": 9, "Match": "k=v", "Secret": f"FAKE{project}x{request}y",
                    "File": f"src/{project}_k.py", "Commit": "", "Entropy": 4.0, "Author": "", "Email": "", "Date": "", "Message": "", "Tags": [], "Fingerprint": "f"}] if r.random() < 0.06 else []
        files = {
            "semgrep.json": json.dumps({"version": "1.100.0", "results": results, "errors": [], "paths": {"scanned": ["src/a.py"]}}),
            "trivy-fs.json": json.dumps({"SchemaVersion": 2, "CreatedAt": at.isoformat(), "ArtifactName": ".", "ArtifactType": "filesystem",
                                         "Results": [{"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm", "Packages": packages, "Vulnerabilities": vulnerabilities}]}),
            "secrets.json": json.dumps(secrets),
        }
        odd = r.random()
        if odd < 0.03:
            del files[r.choice(sorted(files))]
        elif odd < 0.05:
            files["semgrep.json"] = files["semgrep.json"][: len(files["semgrep.json"]) // 2]
        name = f"svc-{project}-mr{request:04d}-p{pipeline}"
        files["run.json"] = json.dumps({"id": name, "project": f"shop/svc-{project}", "team": f"team-{project % 2}", "commit": hashlib.sha1(f"{project} {request}".encode()).hexdigest(),
                                        "author": "kim", "merge_request": request, "pipeline": pipeline, "time": at.isoformat().replace("+00:00", "Z"), "gate": "merge"})
        (folder / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / name / file).write_text(text)


def hash_of(*parts):
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16)


class Truth:
    """What the rows must say, from the reports."""

    def __init__(self, fleet):
        self.runs = []
        for folder in sorted(path for path in fleet.iterdir() if path.is_dir()):
            about = json.loads((folder / "run.json").read_text())
            run = about | {"id": about.get("id", str(folder)), "states": {}, "findings": []}
            for file, entry in ENTRIES.items():
                run["states"][entry] = self.read(run, folder / file, entry)
            run["rules"] = {label: self.rules(run, label) for label in POLICIES}
            run["verdict"] = {label: self.verdict(run, label) for label in POLICIES}
            self.runs.append(run)

    @staticmethod
    def read(run, path, entry):
        if not path.exists():
            return "absent"
        try:
            report = json.loads(path.read_text())
        except ValueError:
            return "unreadable"
        found = []
        if entry == "secrets":
            found = [("secret", x["RuleID"], x["File"]) for x in report]
            found = [dict(kind="secret", key=key, severity="HIGH", fix=None, advisory=None, package=None) for key in found]
        elif entry == "sast":
            for x in report["results"]:
                meta = x["extra"]["metadata"]
                found.append(dict(kind="sast", key=("sast", x["check_id"], x["path"]), severity=x["extra"]["severity"], confidence=meta.get("confidence"),
                                  cwes={int(re.match(r"CWE-(\d+)", c)[1]) for c in meta["cwe"]}, fix=None, advisory=None, package=None))
        else:
            for result in report["Results"]:
                for x in result.get("Vulnerabilities", []):
                    found.append(dict(kind="vulnerability", key=("v", x["VulnerabilityID"], x["PkgName"]), severity=x["Severity"],
                                      fix="available" if x.get("FixedVersion") else "none", advisory=x["VulnerabilityID"], package=x["PkgName"]))
        run["findings"] += found
        return "incomplete" if entry == "sast" and report["errors"] else "complete"

    @staticmethod
    def rules(run, label):
        b, by = label == "B", collections.defaultdict(list)
        for f in run["findings"]:
            if f["kind"] == "secret":
                by["no-secrets"].append(f)
            elif f["kind"] == "vulnerability":
                if f["severity"] in HIGH and (not b or f["fix"] == "available"):
                    by["dependency-delta"].append(f)
            else:
                if (f["severity"] in {"ERROR", "WARNING"} and f["confidence"] in {"HIGH", None}) if b else f["severity"] == "ERROR":
                    by["sast-high"].append(f)
                if f["cwes"] & {862, 863, 639} and f["confidence"] in {"HIGH", None}:
                    by["authz-regression"].append(f)
        return by

    @staticmethod
    def verdict(run, label):
        states = set(run["states"].values())
        if run["rules"][label] or "absent" in states:
            return "fail"
        if "unreadable" in states:
            return "error"
        return "review" if "incomplete" in states else "pass"

    def blockers(self):
        for run in self.runs:
            for rule, findings in run["rules"]["A"].items():
                for f in findings:
                    yield run, rule, f

    def answers(self):
        count = collections.Counter
        runs = self.runs
        month = lambda run: run["time"][:7]
        day = lambda run: dt.date.fromisoformat(run["time"][:10])
        failed = [run for run in runs if run["verdict"]["A"] == "fail"]
        fails = count(map(month, failed))
        yield [(m, n, fails[m]) for m, n in count(map(month, runs)).items()]
        yield [(team, sum(r["team"] == team for r in failed), len({r["project"] for r in failed if r["team"] == team})) for team in {r["team"] for r in runs}]
        yield [(*key, n) for key, n in count((rule, month(run)) for run in runs for rule in run["rules"]["A"]).items()]
        yield list(count(min(run["rules"]["A"]) for run in runs if len(run["rules"]["A"]) == 1).items())
        yield [(*key, n) for key, n in count((r["verdict"]["A"], r["verdict"]["B"]) for r in runs if r["verdict"]["A"] != r["verdict"]["B"]).items()]
        only = count()
        for run in runs:
            for rule in set(run["rules"]["A"]) | set(run["rules"]["B"]):
                a, b = ({f["key"] for f in run["rules"][label].get(rule, [])} for label in "AB")
                only[rule, "A"] += len(a - b)
                only[rule, "B"] += len(b - a)
        yield [(*key, n) for key, n in only.items() if n]
        by_advisory = collections.defaultdict(set)
        for run, _, f in self.blockers():
            if f["advisory"]:
                by_advisory[f["advisory"], f["package"]].add(run["id"])
        yield [(*key, len(ids)) for key, ids in by_advisory.items()]
        delta = [run["rules"]["A"]["dependency-delta"] for run in runs if run["rules"]["A"].get("dependency-delta")]
        yield [(len(delta), sum(all(f["fix"] == "available" for f in found) for found in delta))]
        seen = {(run["project"], f["key"], run["merge_request"]) for run, _, f in self.blockers()}
        first = {}
        for project, key, request in seen:
            first[project, key] = min(request, first.get((project, key), request))
        yield [(len(seen), sum(request != first[project, key] for project, key, request in seen))]
        days = collections.defaultdict(list)
        for run, rule, f in self.blockers():
            days[rule, run["project"], f["key"]].append(day(run))
        total = count()
        blockers = count(rule for rule, _, _ in days)
        for (rule, _, _), dates in days.items():
            total[rule] += (max(dates) - min(dates)).days
        yield [(rule, n, total[rule]) for rule, n in blockers.items()]
        flips, last = count(), {}
        for run in sorted(runs, key=lambda run: run["pipeline"]):
            key, verdict = (run["project"], run["commit"]), run["verdict"]["A"]
            if last.get(key, verdict) != verdict:
                flips[last[key], verdict] += 1
            last[key] = verdict
        yield [(*key, n) for key, n in flips.items()]
        yield [(*key, n) for key, n in count(item for run in runs for item in run["states"].items() if item[1] != "complete").items()]
        pairs = count((a, b) for run in runs for a in run["rules"]["A"] for b in run["rules"]["A"] if a < b)
        yield [(*key, n) for key, n in pairs.items()]
        scored = collections.defaultdict(set)
        for run in runs:
            for f in run["findings"]:
                if f["advisory"]:
                    scored[run["project"], f["advisory"], f["package"]].add(f["severity"])
        yield [(sum(len(severities) > 1 for severities in scored.values()),)]
        cleared = count()
        for run in runs:
            found = [f for findings in run["rules"]["A"].values() for f in findings]
            if found and all(f["fix"] == "available" for f in found) and len({f["package"] for f in found}) == 1:
                cleared[found[0]["package"]] += 1
        yield list(cleared.items())


BLOCKER = """SELECT f.*, r.project, r.merge_request, CAST(substring(r.ran_at, 1, 10) AS DATE) AS day FROM run_finding f JOIN run r USING (id, policy_label)
JOIN run_rule x USING (id, policy_label, rule) WHERE f.rule IS NOT NULL AND x.outcome = 'fail' AND NOT x.blind"""
TABLES = ["run", "run_rule", "run_evidence", "run_finding", "run_difference"]


def questions():
    text = (HERE / "questions.sql").read_text().split(";\n")
    return [re.sub(r"^--.*\n", "", part, flags=re.MULTILINE).strip() for part in text if part.strip()]


def by_duckdb(rows):
    import duckdb  # pylint: disable=import-outside-toplevel

    db = duckdb.connect()
    for table in TABLES:
        db.execute(f"CREATE TABLE {table} AS SELECT * FROM read_json('{rows}/{table}.ndjson', format='newline_delimited', timestampformat='none', sample_size=-1, convert_strings_to_integers=false)")
    for table, column in (("run", "ran_at"),):
        db.execute(f"ALTER TABLE {table} ALTER {column} TYPE VARCHAR")
    db.execute(f"CREATE TABLE blocker AS {BLOCKER}")
    for sql in questions():
        yield db.execute(sql.replace("DAYS(", "date_diff('day', ")).fetchall()


def by_spark(rows):
    from pyspark.sql import SparkSession  # pylint: disable=import-outside-toplevel

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "4").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for table in TABLES:
        spark.read.json(f"file://{rows}/{table}.ndjson").createOrReplaceTempView(table)
    spark.sql(BLOCKER).createOrReplaceTempView("blocker")
    for sql in questions():
        yield [tuple(row) for row in spark.sql(re.sub(r"DAYS\((.*?\)), (.*?\))\)", r"datediff(\2, \1)", sql)).collect()]
    spark.stop()


# Columns of tables of `secgate fleet --format csv` that answer a question, by its number. Rules and entries are of one gate here.
PAGE = {
    1: ("verdicts-by-month", ["month", "runs", "fail"]),
    2: ("verdicts-by-team", ["team", "fail", "repositories that failed"]),
    4: ("rules", ["rule", "alone"]),
    7: ("advisories", ["advisory", "package", "runs"]),
    10: ("rules-blockers", ["rule", "different", "days in all"]),
    12: ("evidence-that-stops", ["evidence", "status", "times"]),
    13: ("rules-together", ["one", "other", "runs"]),
    15: ("upgrades", ["package", "only package that blocks"]),
}


def by_page(secgate, rows, work):
    """The answers that the page of the fleet gives, by number of the question; rows of nothing but zeros are no answer."""
    folder = work / "tables"
    subprocess.run([secgate, "fleet", rows, "--format", "csv", "--output", folder], check=True, stderr=subprocess.DEVNULL)
    number = re.compile(r"-?\d+$")
    for question, (table, columns) in PAGE.items():
        with open(folder / f"{table}.csv", newline="", encoding="utf-8") as file:
            told = [tuple(int(row[name]) if number.match(row[name]) else row[name].replace(" ", "_") for name in columns) for row in csv.DictReader(file)]
        yield question, [row for row in told if any(isinstance(value, int) and value for value in row)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("secgate")
    parser.add_argument("--fleet", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--spark", action="store_true")
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or pathlib.Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        fleet = args.fleet
        if fleet is None:
            fleet = work / "fleet"
            make(fleet, args.runs)
        for label, text in POLICIES.items():
            (work / f"{label}.yaml").write_text(text)
        rows = work / "rows"
        done = subprocess.run([args.secgate, "replay", "--policy", work / "A.yaml", "--against", work / "B.yaml", "--keep-going", "--rows", rows, fleet], check=False, stdout=subprocess.DEVNULL)
        if done.returncode:
            sys.exit(f"secgate replay ended with {done.returncode}")
        answers_of_truth = [list(answer) for answer in Truth(fleet).answers()]
        truth = [sorted(map(str, answer)) for answer in answers_of_truth]
        wrong = 0
        for engine, answers in [("DuckDB", by_duckdb(rows))] + ([("Spark", by_spark(rows))] if args.spark else []):
            told = [sorted(str(tuple(row)) for row in answer) for answer in answers]
            for number, (is_, must) in enumerate(zip(told, truth, strict=True), 1):
                if is_ != must:
                    wrong += 1
                    differ = sorted(set(is_) ^ set(must))[:6]
                    print(f"{engine}, question {number}: {len(is_)} rows, and {len(must)} by the reports; {differ}")
            print(f"{engine}: {sum(a == b for a, b in zip(told, truth))} of {len(truth)} answers are those of the reports ({sum(map(len, truth))} rows)")
        for number, answer in by_page(args.secgate, rows, work):
            is_ = sorted(map(str, answer))
            # A team or rule of which nothing is counted has a row in one answer and none in the other.
            must = sorted(text for text, row in ((str(row), row) for row in answers_of_truth[number - 1]) if any(isinstance(value, int) and value for value in row))
            if is_ != must:
                wrong += 1
                print(f"the page, question {number}: {sorted(set(is_) ^ set(must))[:6]}")
        print(f"the page: {len(PAGE)} questions asked as well")
        sys.exit(1 if wrong else 0)


main()
