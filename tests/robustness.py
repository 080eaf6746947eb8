#!/usr/bin/env python3
"""Faults of the system, injected into secgate: every call of a run fails once, and every call is once the last.

Usage: tests/robustness.py SECGATE [--calls NAME,…] [--markdown]

strace makes a system call of a run fail (`inject=NAME:error=…:when=N`) or kills the run there, for each call that could
matter and each of its turns. What must hold, whatever failed:

- Exit 0 only if everything was delivered: standard output and all files are byte for byte those of a run without faults.
- Nothing of yesterday survives: files of an earlier run are gone, emptied or replaced; else the message says so.
- Whole or not at all: a file that is there is the whole one; after a kill the next run passes and leaves no remains.
- No panic.

The runs: `check` with all output formats and a bundle, `check` under `--diff-base`, `baseline write`, `attest`. Then what
a shell and a mount can do: closed and read-only descriptors, full devices and file systems, folders that may not be
entered. With --markdown the tables of docs/robustness.md are printed.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NOW = "2026-06-01T12:00:00Z"
FORMATS = ["text", "json", "sarif", "junit", "codequality", "dotenv", "annotations", "markdown", "html"]
# What each call may say, beside what it does.
ERRORS = {
    "openat": ["EACCES", "EMFILE", "EIO"],
    "open": ["EACCES", "EMFILE"],
    "read": ["EIO"],
    "write": ["EIO", "ENOSPC"],
    "writev": ["ENOSPC"],
    "fsync": ["EIO", "ENOSPC"],
    "rename": ["EIO", "EACCES"],
    "renameat2": ["EIO"],
    "unlink": ["EACCES", "EIO"],
    "unlinkat": ["EACCES"],
    "rmdir": ["EACCES"],
    "mkdir": ["ENOSPC", "EACCES"],
    "statx": ["EACCES", "EIO"],
    "newfstatat": ["EACCES", "EIO"],
    "fstat": ["EIO"],
    "lseek": ["EIO"],
    "getdents64": ["EIO"],
    "readlink": ["EIO"],
    "readlinkat": ["EIO"],
    "flock": ["ENOLCK", "EIO"],
    "fcntl": ["EMFILE"],
    "getrandom": ["ENOSYS"],
    "clone3": ["EAGAIN"],
    "clone": ["EAGAIN"],
    "poll": ["ENOMEM"],
    "ppoll": ["ENOMEM"],
    "pipe2": ["EMFILE"],
    "wait4": ["ECHILD"],
    "waitid": ["ECHILD"],
    "prctl": ["EPERM"],
    "getcwd": ["ENOENT"],
    "sched_getaffinity": ["ENOSYS"],
    "sigaltstack": ["ENOMEM"],
}
KILLS = ["openat", "write", "fsync", "rename", "unlink", "mkdir", "close"]

POLICY = """version: 1
gate: merge
base: {from: [diff], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  more: {category: sast, files: [more/*.json], required: false}
rules:
  - {id: sast-high, findings: {category: sast, severity: high, state: new}, then: fail}
"""
REPORT = (
    '{"version":"1.100.0","errors":[],"paths":{"scanned":["a.py"]},"results":[{"check_id":"r","path":"a.py",'
    '"start":{"line":1},"end":{"line":1},"extra":{"severity":"INFO","message":"m","lines":"x","metadata":{}}}]}\n'
)
YESTERDAY = "yesterday's verdict of secgate: pass"


class Scenario:
    """A run, in a folder that is made anew for each turn."""

    def __init__(self, name, args, files, streams=(0,)):
        self.name, self.args, self.files, self.codes = name, args, files, streams


def scenarios():
    outputs = [flag for f in FORMATS for flag in ("--output", f"{f}=out/{f}")]
    check = ["check", "--no-env", "--now", NOW, "--policy", "policy.yaml"]
    written = [f"out/{f}" for f in FORMATS]
    yield Scenario("check", [*check, *outputs, "--bundle", "out/b.tar"], [*written, "out/b.tar"])
    yield Scenario("check with a folder as bundle", [*check, "--bundle", "out/b", "--output", "json=out/json"], ["out/json", "out/b"])
    yield Scenario("check under --diff-base", [*check, "--diff-base", "HEAD", "--output", "json=out/json"], ["out/json"])
    yield Scenario("baseline write", ["baseline", "write", "--now", NOW, "--output", "out/known", "semgrep.json"], ["out/known"])
    yield Scenario("attest", ["attest", "--verdict", "verdict.json", "--key", "gate.key", "--output", "out/v.jsonl"], ["out/v.jsonl"])


class Bench:
    def __init__(self, secgate):
        self.secgate = str(pathlib.Path(secgate).resolve())
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="secgate-robustness-"))
        self.template = self.root / "template"
        self.template.mkdir()
        (self.template / "policy.yaml").write_text(POLICY)
        (self.template / "semgrep.json").write_text(REPORT)
        (self.template / "more").mkdir()
        (self.template / "more/one.json").write_text(REPORT)
        (self.template / "a.py").write_text("x\n")
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
        for args in (["init", "-q"], ["add", "policy.yaml", "a.py"], ["commit", "-qm", "base"]):
            subprocess.run([*git, *args], cwd=self.template, check=True)
        self.quiet("attest", "keygen", "--output", "gate")
        self.quiet("check", "--no-env", "--now", NOW, "--policy", "policy.yaml", "--commit", "1" * 40, "--output", "json=verdict.json")
        (self.template / "out").mkdir()
        self.faults = []

    def quiet(self, *args):
        subprocess.run([self.secgate, *args], cwd=self.template, check=True, stdout=subprocess.DEVNULL)

    def fresh(self, scenario):
        work = self.root / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.template, work, symlinks=True)
        for name in scenario.files:
            path = work / name
            # A baseline or a statement is only replaced by its like.
            if scenario.name == "baseline write" or scenario.name == "attest":
                continue
            if name == "out/b":
                path.mkdir()
                (path / "checksums.sha256").write_text(YESTERDAY)
            elif name == "out/b.tar":
                path.write_bytes(tar_of_yesterday())
            else:
                path.write_text(YESTERDAY)
        return work

    def run(self, work, scenario, wrap=()):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root)}
        done = subprocess.run([*wrap, self.secgate, *scenario.args], cwd=work, env=env, capture_output=True, timeout=120)
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def trace(self, work, scenario, options):
        log = self.root / "strace.log"
        code, out, err = self.run(work, scenario, ["strace", "-qq", "-o", str(log), *options, "--"])
        return code, out, err, log.read_text(errors="replace") if log.exists() else ""

    def fault(self, scenario, what, why):
        self.faults.append(f"{scenario.name}: {what}: {why}")
        print(f"FAULT {scenario.name}: {what}: {why}", flush=True)


def tar_of_yesterday():
    """A tar file that begins as a bundle does, cut off."""
    head = b"bundle.json".ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"00000000100\0" + b"00000000000\0"
    head = head.ljust(257, b"\0") + b"ustar\x0000"
    return head.ljust(512, b"\0") + YESTERDAY.encode()


def digest(path):
    if path.is_dir():
        parts = sorted(p for p in path.rglob("*") if p.is_file())
        return hashlib.sha256(b"".join(str(p.relative_to(path)).encode() + p.read_bytes() for p in parts)).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def remains(work):
    return [str(p.relative_to(work)) for p in work.rglob("*.part")]


def holds_yesterday(path):
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path] if path.exists() else []
    return any(YESTERDAY.encode() in p.read_bytes() for p in files)


def judge(bench, scenario, work, clean, what, result, killed):
    code, out, err = result
    if "panicked" in err or code == 101:
        bench.fault(scenario, what, f"panic: {err[:300]}")
    # What loads a program could not: there was no run.
    if code == 127 and "shared libraries" in err:
        return
    whole = {name: digest(work / name) for name in scenario.files}
    if code == 0:
        if out != clean["out"]:
            bench.fault(scenario, what, "exit 0, and standard output is another")
        for name, is_ in whole.items():
            if is_ != clean["files"][name]:
                bench.fault(scenario, what, f"exit 0, and {name} is {'missing' if is_ is None else 'another'}")
        if remains(work):
            # Where it could not clean up, the next run does.
            bench.run(work, scenario)
            if remains(work):
                bench.fault(scenario, what, f"exit 0, and left {remains(work)}")
        return
    if not killed and code != 2 and code >= 0:
        bench.fault(scenario, what, f"exit {code}")
    for name in scenario.files:
        path = work / name
        if holds_yesterday(path) and not killed and "an earlier run's" not in err and "cannot be replaced" not in err:
            bench.fault(scenario, what, f"exit {code}, and {name} is yesterday's: {err[:200]}")
        is_ = whole[name]
        if killed and is_ not in (None, clean["files"][name]) and not holds_yesterday(path):
            bench.fault(scenario, what, f"killed, and {name} is no whole file")


def calls_of(log):
    counts = collections.Counter()
    for line in log.splitlines():
        found = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if found:
            counts[found.group(1)] += 1
    return counts


def inject(bench, scenario, wanted):
    table = collections.defaultdict(collections.Counter)
    work = bench.fresh(scenario)
    code, out, err = bench.run(work, scenario)
    assert code == 0, f"{scenario.name}: a run without faults ends with {code}: {err}"
    clean = {"out": out, "files": {name: digest(work / name) for name in scenario.files}}
    assert all(clean["files"].values()), clean
    work = bench.fresh(scenario)
    *_, log = bench.trace(work, scenario, [])
    counts = calls_of(log)
    for call, errors in ERRORS.items():
        if wanted and call not in wanted:
            continue
        for error in errors:
            for turn in range(1, counts[call] + 1):
                work = bench.fresh(scenario)
                options = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={turn}"]
                code, out, err, log = bench.trace(work, scenario, options)
                judge(bench, scenario, work, clean, f"{call} {turn} {error}", (code, out, err), killed=False)
                table[f"`{call}` fails ({error})"][code] += 1
    for call in KILLS:
        if wanted and call not in wanted:
            continue
        for turn in range(1, counts[call] + 1):
            work = bench.fresh(scenario)
            options = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={turn}"]
            code, out, err, log = bench.trace(work, scenario, options)
            judge(bench, scenario, work, clean, f"killed at {call} {turn}", (code, out, err), killed=True)
            code, out, err = bench.run(work, scenario)
            judge(bench, scenario, work, clean, f"after a kill at {call} {turn}", (code, out, err), killed=False)
            if code != 0:
                bench.fault(scenario, f"after a kill at {call} {turn}", f"the next run ends with {code}: {err[:200]}")
            table[f"killed at `{call}`, and run again"][code] += 1
    return table


SHELL = [
    ("standard output closed", "$CHECK >&-", 2),
    ("standard output closed, an output file given", "$CHECK --output json=out/v.json >&-", 0),
    ("standard output read-only", "$CHECK 1<policy.yaml", 2),
    ("standard output on a full device", "$CHECK >/dev/full", 2),
    ("standard output to nowhere", "$CHECK >/dev/null", 0),
    ("standard input and error closed", "$CHECK <&- 2>&-", 0),
    ("an output on a full device", "$CHECK --output json=/dev/full", 2),
    ("an output to standard output", "$CHECK --output json=/dev/stdout", 0),
    ("an output in a folder that is not there", "$CHECK --output json=no/v.json", 2),
    ("outputs on a full file system", "$TINY $CHECK --output html=tiny/v.html --output json=tiny/v.json", 2),
    ("a bundle on a full file system", "$TINY $CHECK --bundle tiny/b.tar", 2),
    ("outputs on a read-only file system", "$READONLY $CHECK --output json=tiny/v.json", 2),
    ("no more than 4 open files", "ulimit -n 4; $CHECK", 0),
    ("64 open files", "ulimit -n 64; $CHECK", 0),
    ("no file may be written", "ulimit -f 0; $CHECK --output json=out/v.json", 2),
    ("a stack of 256 KiB", "ulimit -s 256; $CHECK", 0),
]


def by_shell(bench):
    rows = []
    scenario = Scenario("shell", [], [])
    check = f"{bench.secgate} check --no-env --now {NOW} --policy policy.yaml"
    mount = "mkdir -p tiny; mount -t tmpfs -o size=4k,nr_inodes=8{} tmpfs tiny; head -c 4096 /dev/zero >tiny/fill 2>/dev/null;"
    can_mount = subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    for what, script, wanted in SHELL:
        needs_mount = "$TINY" in script or "$READONLY" in script
        if needs_mount and not can_mount:
            print(f"left out, no file system can be mounted here: {what}")
            continue
        script = script.replace("$TINY", mount.format("")).replace("$READONLY", mount.format(",ro"))
        script = script.replace("$CHECK", check)
        work = bench.fresh(scenario)
        shell = ["unshare", "-m", "sh", "-c", script] if needs_mount else ["sh", "-c", script]
        env = {"PATH": os.environ["PATH"], "HOME": str(bench.root)}
        done = subprocess.run(shell, cwd=work, env=env, capture_output=True, timeout=120)
        err = done.stderr.decode(errors="replace")
        # A signal that ends the run (SIGXFSZ) leaves no decision either.
        code = done.returncode
        if code != wanted and not (wanted == 2 and (code < 0 or code > 128)) or "panicked" in err:
            bench.fault(scenario, what, f"exit {code} and not {wanted}: {err[:300]}")
        # What a signal ended could not clean up; the next run does.
        if remains(work) and code in (0, 1, 2, 10):
            bench.fault(scenario, what, f"left {remains(work)}")
        rows.append((what, code))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("secgate")
    parser.add_argument("--calls", default="")
    parser.add_argument("--only", default="", help="one run, by its name")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("strace is not installed")
    bench = Bench(args.secgate)
    wanted = [call for call in args.calls.split(",") if call]
    tables = {}
    for scenario in scenarios():
        if args.only in ("", scenario.name):
            tables[scenario.name] = inject(bench, scenario, wanted)
    rows = by_shell(bench) if not args.only else []
    runs = sum(sum(codes.values()) for table in tables.values() for codes in table.values()) + len(rows)
    if args.markdown:
        for name, table in tables.items():
            print(f"\n### {name}\n\n| fault, at each turn | runs | exit codes |\n|---|---|---|")
            for fault, codes in table.items():
                told = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
                print(f"| {fault} | {sum(codes.values())} | {told} |")
        print("\n### by a shell\n\n| what | exit code |\n|---|---|")
        for what, code in rows:
            print(f"| {what} | {code} |")
    shutil.rmtree(bench.root, ignore_errors=True)
    print(f"\n{runs} runs, {len(bench.faults)} faults")
    sys.exit(1 if bench.faults else 0)


if __name__ == "__main__":
    main()
