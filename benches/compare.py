#!/usr/bin/env python3
"""Compares whole processes on the same reports, in one run: secgate, jq counting, and jaq counting.

    benches/compare.py --secgate target/dist/secgate --dir DIR --size small|medium|large --runs N [--reports SET]

SET is `gate` (default: the three reports and three counts of the old gate), or one large report: `sarif`,
`sarif-rules-last`, `gitlab`.

Reports are made by generate.py in DIR/SIZE if they are not there. In each round every contestant runs once, the order
turning from round to round; the medians of the rounds and of their ratios are printed. jq is Debian's (`apt-get install
jq`), jaq is found on PATH (`cargo install jaq --locked`). Nothing here passes or fails on a time: only a count on which
they disagree, or a contestant that does not run, is an error.
"""

import argparse, json, mmap, os, pathlib, shutil, statistics, subprocess, sys, time
import generate

GATE = ("trivy-image.json", "semgrep.json", "secrets.json")
# The legacy script's counts; secrets.json is gitleaks' array here, which `.findings[]?` cannot look into.
GATE_COUNTS = (("semgrep.json", '[.results[]? | select(.extra.severity == "ERROR")] | length'),
          ("trivy-image.json", '[.Results[]?.Vulnerabilities[]? | select(.Severity == "CRITICAL")] | length'),
          ("secrets.json", "[.[]?] | length"))
RESULTS = "[.runs[].results[]?] | length"
# The reports, the counts that jq and jaq make, what secgate must count alike (a key of its counts and a query), a policy.
SAST = "version: 1\ngate: bench\nevidence: {sast: {category: sast, files: ['*.sarif', gl-sast-report.json]}}\nrules: [{id: sast, findings: {category: sast, severity: high}, then: fail}]\n"
SETS = {
    "gate": (GATE, GATE_COUNTS, {
        "trivy-image.json": (("critical", '[.Results[]?.Vulnerabilities[]? | select(.Severity == "CRITICAL")] | length'), ("total", "[.Results[]?.Vulnerabilities[]?] | length")),
        "semgrep.json": (("high", '[.results[]? | select(.extra.severity == "ERROR" or .extra.severity == "HIGH")] | length'), ("total", ".results | length")),
        "secrets.json": (("critical", "length"), ("total", "length"))}, None),
    "sarif": (("report.sarif",), (("report.sarif", RESULTS),), {"report.sarif": (("total", RESULTS),)}, SAST),
    "sarif-rules-last": (("report-rules-last.sarif",), (("report-rules-last.sarif", RESULTS),), {"report-rules-last.sarif": (("total", RESULTS),)}, SAST),
    "gitlab": (("gl-sast-report.json",), (("gl-sast-report.json", '[.vulnerabilities[] | select(.severity == "Critical")] | length'),),
               {"gl-sast-report.json": (("critical", '[.vulnerabilities[] | select(.severity == "Critical")] | length'), ("total", ".vulnerabilities | length"))}, SAST),
}
NULL = ((os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0))


def spawn(argv, accepted):
    """Runs one process with its output thrown away; CPU seconds."""
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=NULL)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in accepted:
        sys.exit(f"{' '.join(argv)}: exit code {code}")
    return usage.ru_utime + usage.ru_stime


def counts(jq, queries):
    return [(argv(jq, report, query), (0,)) for report, query in queries]


def argv(jq, report, query):
    return [jq, query, report]


def timed(commands):
    start = time.perf_counter()
    cpu = sum(spawn(argv, accepted) for argv, accepted in commands)
    return time.perf_counter() - start, cpu


def bare_read(reports):
    """What reading the bytes costs by itself: 256 KiB at a time, page cache warm."""
    window = mmap.mmap(-1, 256 << 10)
    start, cpu = time.perf_counter(), time.process_time()
    for report in reports:
        with open(report, "rb", buffering=0) as file:
            while file.readinto(window):
                pass
    return time.perf_counter() - start, time.process_time() - cpu


def peak(argv):
    """Peak resident memory in MiB, by GNU time: a child of Python would inherit Python's own peak."""
    program = shutil.which("time", path="/usr/bin:/bin")
    if not program:
        return None
    run = subprocess.run([program, "-f", "%M", *argv], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return int(run.stderr.split()[-1]) / 1024


def agree(secgate, jq, queries):
    """What secgate counts must be what jq counts."""
    verdict = json.loads(subprocess.run([*secgate, "--format", "json"], capture_output=True).stdout)
    seen = {entry["path"].rsplit("/", 1)[-1]: entry["findings"] for entry in verdict["evidence"] if entry["path"]}
    for report, checks in queries.items():
        for key, query in checks:
            theirs = int(subprocess.run([jq, query, report], capture_output=True, text=True, check=True).stdout)
            if seen[report][key] != theirs:
                sys.exit(f"{report}: secgate counts {seen[report][key]} {key}, jq {theirs}")
    return sum(findings["total"] for findings in seen.values())


def show(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secgate", default="target/dist/secgate")
    parser.add_argument("--jq", default="jq")
    parser.add_argument("--jaq", default="jaq")
    parser.add_argument("--dir", required=True, help="where the reports are or will be made")
    parser.add_argument("--size", choices=["small", "medium", "large"], required=True)
    parser.add_argument("--reports", choices=list(SETS), default="gate", help="which reports (default: gate)")
    parser.add_argument("--runs", type=int, default=0, help="rounds (default: small 50, medium 7, large 3)")
    a = parser.parse_args()
    runs = a.runs or {"small": 50, "medium": 7, "large": 3}[a.size]

    secgate, jq, jaq = (shutil.which(p if "/" not in p else str(pathlib.Path(p).resolve())) for p in (a.secgate, a.jq, a.jaq))
    for name, program, hint in (("secgate", secgate, "cargo build --locked --profile dist"), ("jq", jq, "apt-get install jq")):
        if not program:
            sys.exit(f"{name} not found: {hint}")
    reports, queries, alike, policy = SETS[a.reports]
    folder = pathlib.Path(a.dir) / a.size
    missing = [report for report in reports if not (folder / report).exists()]
    if missing:
        print(f"making {a.size} reports in {folder}", file=sys.stderr)
        generate.generate(a.size, folder, missing)
    os.chdir(folder)
    megabytes = sum(os.path.getsize(report) for report in reports) / 1e6

    if policy:
        pathlib.Path("bench.yaml").write_text(policy)
    gate = [secgate, "check", "--policy", "bench.yaml" if policy else "security_gate", *(reports if policy else ())]
    times = f"x{len(queries)}"
    contestants = {"secgate": [(gate, (1,))], f"jq {times}": counts(jq, queries)}
    if jaq:
        contestants[f"jaq {times}"] = counts(jaq, queries)
    if len(queries) > 1:
        contestants["jq x1"] = counts(jq, queries)[:1]

    bare_read(reports)
    findings = agree(gate, jq, alike)
    for commands in contestants.values():
        timed(commands)
    walls, cpus = {name: [] for name in contestants} | {"bare read": []}, {name: [] for name in contestants} | {"bare read": []}
    for round_ in range(runs):
        names = list(contestants)
        for name in names[round_ % len(names):] + names[:round_ % len(names)]:
            wall, cpu = timed(contestants[name])
            walls[name].append(wall)
            cpus[name].append(cpu)
        wall, cpu = bare_read(reports)
        walls["bare read"].append(wall)
        cpus["bare read"].append(cpu)

    version = lambda program: subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{a.size}: {megabytes:.1f} MB in {len(reports)} reports, {findings} findings, {runs} rounds, medians; counts agree")
    print(f"{version(secgate)} ({secgate}), {version(jq)}" + (f", {version(jaq)}" if jaq else "; jaq not found: cargo install jaq --locked"))
    print(f"{'':12}{'wall':>12}{'CPU':>12}{'MB/s':>9}{'wall / secgate':>17}{'CPU / secgate':>17}{'peak MiB':>11}")
    for name in walls:
        wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
        ratio = statistics.median(x / y for x, y in zip(walls[name], walls["secgate"]))
        cpu_ratio = statistics.median(x / y for x, y in zip(cpus[name], cpus["secgate"]))
        speed = f"{megabytes / wall:.0f}" if name != "jq x1" else ""
        memory = [peak(argv) for argv, _ in contestants.get(name, [])]
        memory = f"{max(memory):.1f}" if memory and None not in memory else ""
        print(f"{name:12}{show(wall):>12}{show(cpu):>12}{speed:>9}{ratio:>16.2f}x{cpu_ratio:>16.2f}x{memory:>11}")
    reads = statistics.median(x / y for x, y in zip(walls["secgate"], walls["bare read"]))
    print(f"secgate takes {reads:.1f} times the bare read." + (" jq x1 is one call, on semgrep.json." if "jq x1" in contestants else ""))


if __name__ == "__main__":
    main()
