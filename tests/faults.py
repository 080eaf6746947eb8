"""Runs the fault cases that lie beside the repository in ../shared/faults, which are not part of it: does any still show?

faults.py SECGATE [FILTER...]. A filter is a part of a case's name, such as `reports/` or `f13`. A case is run on a copy, with a pinned
clock and without the caller's CI variables. What is judged:

    opened, loosening     run.sh ends with 0 while the fault is there; an assertion of it that fails is its own check
    evidence              each printed `exit N (want M)`, and what MARKS says of the last lines
    reports               the command of README, and what its expectation says by number, by rule or by status; of one that only
                          says what a message should be, nothing can be told here: it is listed as "to be read"
    policy                POLICY below

A line for each case, then `N passed, N failed`; it ends with 1 when one failed.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FAULTS = pathlib.Path(os.environ.get("SECGATE_FAULTS", ROOT.parent / "shared" / "faults"))
NOW = ("--no-env", "--now", "2026-12-01T00:00:00Z")
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Dee", "GIT_AUTHOR_EMAIL": "dev@shop.invalid",
    "GIT_COMMITTER_NAME": "Dee", "GIT_COMMITTER_EMAIL": "dev@shop.invalid",
}


class Unclear(Exception):
    """What is expected is not said in a way that a program could check."""


class Wrong(Exception):
    """The case does not hold."""


def environment(secgate):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **GIT, "SECGATE": str(secgate), "S": str(secgate), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


class Case:
    """A scratch copy of a case's folder, and the binary to try on it."""

    def __init__(self, secgate, source):
        self.secgate, self.source = secgate, source

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name) / "case"
        shutil.copytree(self.source, self.folder, symlinks=True)
        for path in [self.folder, *self.folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def run(self, *arguments, inside="."):
        """secgate's exit code, and what it said."""
        done = subprocess.run([str(self.secgate), *arguments], cwd=self.folder / inside, env=environment(self.secgate), timeout=120,
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr, done.stdout

    def check(self, *arguments, policy="./merge.yaml", inside="."):
        return self.run("check", *NOW, "--policy", policy, *arguments, inside=inside)

    def decided(self, *arguments, policy="./merge.yaml", inside="."):
        """The verdict as JSON, with the exit code."""
        code, said, out = self.check("--format", "json", *arguments, policy=policy, inside=inside)
        try:
            return code, json.loads(out)
        except json.JSONDecodeError as error:
            raise Wrong(f"exit {code}, and no JSON: {said.strip()[:200]}") from error

    def waiver(self, finding, policy, output, *reports, inside="."):
        """Writes the waiver that `waiver new` proposes, its blanks filled in."""
        code, said, text = self.run("waiver", "new", *NOW, "--policy", policy, "--finding", finding, *reports, inside=inside)
        demand(code == 0, f"waiver new: exit {code}: {said.strip()[:200]}")
        for blank, filled in ((r'"<why.*?>"', '"documented example"'), (r'"<@user or.*?>"', '"@dev"'), (r'"<@user who.*?>"', '"@sec"'),
                              (r'"<what.*?>"', '"none needed"')):
            text = re.sub(blank, filled, text)
        (self.folder / output).write_text(text)


def demand(holds, message):
    if not holds:
        raise Wrong(message)


def rule(verdict, name):
    return next((rule for rule in verdict["rules"] if rule["id"] == name), {"outcome": "not there", "findings": [], "count": 0})


def read_for_each_entry(case):
    for policy in ("merge", "sbom", "glob", "feed"):
        code, said, _ = case.check(policy=f"./{policy}.yaml")
        demand(code in (1, 2), f"{policy}.yaml: exit {code}: {said.strip().splitlines()[-1]}")


def child_takes_nothing_away(case):
    alone, _, _ = case.check(policy="../org/merge.yaml", inside="repo")
    demand(alone == 1, f"the organisation's policy alone: exit {alone}")
    code, _, _ = case.check(inside="repo")
    demand(code in (1, 2), f"the child's policy: exit {code}")
    done = subprocess.run(["sh", "case.sh"], cwd=case.folder, env=environment(case.secgate), capture_output=True, text=True, check=False)
    codes = re.findall(r"^exit (\d+)$", done.stdout, re.MULTILINE)
    demand(codes and codes[-1] != "0", "the change to the policy: exit 0 under --diff-base")


def globs_match_or_are_refused(case):
    code, said, _ = case.check()
    if code == 2:
        return
    _, verdict = case.decided()
    demand(rule(verdict, "braces")["count"] == 2, "an empty alternative matches nothing")
    lint, _, _ = case.run("policy", "lint", "--strict", "merge.yaml")
    demand(lint != 0, f"a folder's name that matches no path: lint is silent ({said.strip().splitlines()[-1]})")


def waiver_of_another_secret(case):
    case.waiver("src/a.py:3", "../merge.yaml", "waivers.yaml", "gitleaks.json", inside="before")
    for key in ([], ["--secret-key", "../key"]):
        code, _, _ = case.check("--waivers", "../waivers.yaml", *key, "gitleaks.json", policy="../merge.yaml", inside="after")
        demand(code in (1, 10), f"another value is waived {'with' if key else 'without'} a key")


def waiver_of_another_folder(case):
    case.waiver("CVE-2026-1", "./merge.yaml", "waivers.yaml", "before/trivy.json")
    code, _, _ = case.check("after/trivy.json")
    demand(code == 1, f"other folders are waived: exit {code}")


def partial_upgrade(case):
    code, said, text = case.run("baseline", "write", "--no-env", "--now", "2026-10-01T00:00:00Z", "base.json")
    demand(code == 0, said)
    (case.folder / "written.jsonl").write_text(text)
    _, verdict = case.decided("--baseline", "written.jsonl")
    demand(rule(verdict, "new-high")["outcome"] == "pass", "the known advisory counts as new")
    demand(rule(verdict, "sla")["outcome"] == "fail", "its age starts again")
    demand("CVE-2021-23337" not in json.dumps(verdict.get("fixed", [])), "it is told as fixed, too")


def exploitation_told(case):
    code, verdict = case.decided()
    demand(code == 0 and rule(verdict, "kev")["count"] == 0, f"exit {code}: an id that the catalogue cannot hold is told as exploited")
    # Of what has no id at all nobody knows whether it is listed.
    path = case.folder / "trivy.json"
    path.write_text(re.sub(r'("VulnerabilityID": *)"TEMP-[^"]*"', r'\1""', path.read_text()))
    _, verdict = case.decided()
    demand(rule(verdict, "kev")["count"] == 1, "what has no id is told as not exploited")
    for output in ("text", "markdown", "sarif", "junit", "codequality", "html"):
        _, said, _ = case.check("--format", output)
        demand("kev unknown" in said, f"{output} does not say that it is unknown")


def one_version_to_take(case):
    for inside, wrong in ((".", "11.0.14"), ("rails", "5.2.8.1")):
        for output in ("text", "markdown", "junit", "codequality", "html"):
            _, said, _ = case.check("--format", output, inside=inside)
            demand(wrong not in said, f"{output} names {wrong}, which is not the version to take")


def unchanged_lines_of_touched_files(case):
    done = subprocess.run(["sh", "case.sh"], cwd=case.folder, env=environment(case.secgate), capture_output=True, text=True, check=False)
    demand("exit 0" not in done.stdout or "unchanged lines of touched files" in done.stdout, "told as known, and no more is said")


def each_repository_is_a_run(case):
    _, whole, _ = case.run("replay", "--policy", "./merge.yaml", "fleet")
    runs = re.search(r"^(\d+) runs", whole, re.MULTILINE)
    demand(runs and runs[1] == "6", f"{runs[0] if runs else whole.strip()[:80]}, not 6")


def one_of_two_tools(case):
    _, verdict = case.decided()
    demand(len(verdict["findings"]) == 1, f"{len(verdict['findings'])} rows of one vulnerability")


def exempted(case):
    code, _, _ = case.check()
    demand(code == 0, f"exit {code}")


def stops(case):
    code, _, _ = case.check()
    demand(code == 1, f"exit {code}")


def licences_one_by_one(case):
    code, verdict = case.decided()
    agpl = rule(verdict, "agpl")
    demand(code in (1, 2) and agpl["count"] == 10 and agpl["findings"], f"count {agpl['count']}, {len(agpl['findings'])} listed")


POLICY = {
    "01-document-steals-report": read_for_each_entry,
    "01b-child-policy-switches-off-org": child_takes_nothing_away,
    "02-glob-silently-nothing": globs_match_or_are_refused,
    "03-waiver-covers-other-secret": waiver_of_another_secret,
    "04-waiver-spreads-in-monorepo": waiver_of_another_folder,
    "05-partial-upgrade-is-new-and-fixed": partial_upgrade,
    "06-known-exploited-without-cve": exploitation_told,
    "07-row-shows-downgrade": one_version_to_take,
    "08-diff-only-base-hides-new-weakness": unchanged_lines_of_touched_files,
    "09-replay-merges-repos": each_repository_is_a_run,
    "10-dedupe-same-purl": one_of_two_tools,
    "11-dev-scope-of-trivy": exempted,
    "12-mal-package-missed": stops,
    "13-package-name-case": stops,
    "14-sbom-licence-count": licences_one_by_one,
}


def policy(secgate, folder):
    judge = POLICY.get(folder.name)
    if judge is None:
        raise Unclear("POLICY does not know it")
    with Case(secgate, folder) as case:
        judge(case)


def script(secgate, folder):
    """A run.sh, which makes its own copies and sources what stands beside its folder."""
    done = subprocess.run(["bash", str(folder / "run.sh")], env=environment(secgate), cwd=folder, capture_output=True, text=True,
                          errors="replace", timeout=600, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines() or [""]
    demand(done.returncode != 0, "still there: " + " / ".join(lines[-3:])[:200])
    # A script that stops for want of a program or a file shows nothing; one whose assertion does not hold has tried its fault.
    asserted = re.search(r"^Traceback .*\n(?:  .*\n)+AssertionError\b.*\n?\Z", done.stderr, re.MULTILINE)
    lines = [line for line in lines if not asserted or line not in asserted[0].splitlines()]
    broken = [line for line in lines if re.search(r"command not found|No such file or directory|Traceback|syntax error", line)]
    demand(not broken, "the script did not run: " + (broken or [""])[0][:200])
    # It ends at the first step that does not show its fault: which one, a reader wants to see.
    return lines[-1] if lines else "its assertion fails"


# What the last lines of a script must hold, where it says no number: a pattern, and whether it may be there.
MARKS = {
    "2-": [(r"^verified$", False)],
    "3-": [(r"^verified$", False), (r"^staging in verdict\.json: [1-9]", True)],
}


def evidence(secgate, path):
    done = subprocess.run(["bash", str(path)], env=environment(secgate), cwd=path.parent, capture_output=True, text=True, errors="replace",
                          timeout=600, check=False)
    said = done.stdout + done.stderr
    wanted = re.findall(r"exit (\d+) \(want (\d+)\)", said)
    marks = next((marks for prefix, marks in MARKS.items() if path.name.startswith(prefix)), [])
    if not wanted and not marks:
        raise Unclear("it prints no exit code with the one that is wanted")
    for got, want in wanted:
        demand(got == want, f"exit {got}, not {want}")
    for pattern, there in marks:
        demand(bool(re.search(pattern, said, re.MULTILINE)) == there, f"{pattern} is {'not ' if there else ''}there")


STATUS = {"PASS": 0, "FAIL": 1, "REVIEW": 10}


def report(secgate, folder):
    text = (folder / "README").read_text()
    command = re.search(r"Run here: secgate (.+)$", text, re.MULTILINE)
    expected = re.search(r"^expected: (.+)$", text, re.MULTILINE)
    if not command or not expected:
        raise Unclear("README names no command or nothing to expect")
    expected = expected[1]
    with Case(secgate, folder) as case:
        code, said, _ = case.run(*shlex.split(command[1]))
        last = said.strip().splitlines()[-1] if said.strip() else "nothing was said"
        numbers = re.search(r"exit (\d+)((?: or \d+| \(or \d+\))*)", expected)
        if numbers:
            allowed = {int(number) for number in re.findall(r"\d+", numbers[0])}
            demand(code in allowed, f"exit {code}, not {' or '.join(map(str, sorted(allowed)))}: {last[:120]}")
            return
        fails = re.search(r"([a-z][a-z-]+) fails", expected)
        if fails:
            _, _, out = case.run(*shlex.split(command[1]), "--format", "json")
            outcome = rule(json.loads(out), fails[1])["outcome"]
            demand(code == 1 and outcome == "fail", f"exit {code}, {fails[1]}: {outcome}")
            return
        if "or a message" not in expected and (status := re.match(r".*?\b(PASS|FAIL|REVIEW)\b", expected)):
            demand(code == STATUS[status[1]], f"exit {code}, not {status[1]}: {last[:120]}")
            return
        if "fail-open" in text:
            demand(code != 0, f"exit 0: {last[:120]}")
            return
        raise Unclear(f"exit {code}; expected: {expected}")


def cases():
    for kind, judge in (("opened", script), ("policy", policy), ("loosening", script), ("reports", report)):
        for folder in sorted((FAULTS / kind).iterdir()):
            if folder.is_dir():
                yield f"{kind}/{folder.name}", judge, folder
    for path in sorted((FAULTS / "evidence").glob("[0-9]*.sh")):
        yield f"evidence/{path.stem}", evidence, path


def judged(case, secgate):
    name, judge, path = case
    try:
        said = judge(secgate, path)
    except Unclear as unclear:
        return "read", f"to be read  {name}: {unclear}"
    except (Wrong, subprocess.TimeoutExpired, KeyError, ValueError) as wrong:
        return "failed", f"FAILED      {name}: {wrong}"
    return "passed", f"ok          {name}" + (f": {said[:160]}" if said else "")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    secgate, filters = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    if not FAULTS.is_dir():
        sys.exit(f"{FAULTS} is not there")
    chosen = [case for case in cases() if not filters or any(part in case[0] for part in filters)]
    if not chosen:
        sys.exit(f"no case holds {' or '.join(filters)} in its name")
    count = {"passed": 0, "failed": 0, "read": 0}
    # Those that measure time run alone.
    timed = [case for case in chosen if case[0].startswith("opened/h")]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        others = pool.map(judged, [case for case in chosen if case not in timed], [secgate] * len(chosen))
        alone = (judged(case, secgate) for case in timed)
        for what, line in itertools.chain(others, alone):
            count[what] += 1
            print(line, flush=True)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['read']} to be read")
    sys.exit(1 if count["failed"] else 0)


main()
