#!/usr/bin/env python3
"""Opens the HTML report, and the page of a fleet, in Chromium: no console error, no request, filter and sort work, text stays text.

    page.py SECGATE [--shots DIR]

Reports are made here: one of hostile texts and one of 10,000 findings; and rows of 300 repositories over 90 days. Chromium is driven over a pipe, by its DevTools
protocol; nothing is installed. Exit code 0, or 1 with what does not hold, or 3 where there is no Chromium.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HOSTILE = (
    "</td></tr></table><script>document.title='owned'</script><img src=https://evil.example/x onerror=alert(1)> "
    "\" onmouseover=alert(1) ' <style>*{display:none}</style> <!-- ]]> &lt;b&gt; {{7*7}}"
)
POLICY = """version: 1
gate: merge
title: Merge-request gate
evidence: {sast: {category: sast, files: [semgrep.json]}}
reviewers: {any_of: ["@lead"], at_least: 1, not: [author]}
rules:
  - {id: sast-high, title: No weakness of high severity, findings: {category: sast, severity: high}, then: fail, fix: Correct the code.}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review}
"""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-pipe",
]  # fmt: skip


class Chromium:
    """A browser that is spoken to over a pipe, messages ended by NUL."""

    def __init__(self, program, profile):
        (self.to_us, theirs_out), (theirs_in, self.to_it) = os.pipe(), os.pipe()
        wrap = ["sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh"]
        self.process = subprocess.Popen(
            [*wrap, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest, self.last, self.events, self.session = b"", 0, [], None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Runtime", "Log"]:
            self(f"{domain}.enable")

    def __call__(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_it, json.dumps(message).encode() + b"\0")
        answer = self.read(lambda m: m.get("id") == self.last)
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def read(self, wanted):
        while True:
            while b"\0" in self.rest:
                text, self.rest = self.rest.split(b"\0", 1)
                message = json.loads(text)
                self.events.append(message)
                if wanted(message):
                    return message
            more = os.read(self.to_us, 1 << 20)
            if not more:
                raise SystemExit("Chromium ended")
            self.rest += more

    def open(self, path):
        self.events = []
        start = time.monotonic()
        self("Page.navigate", url=path.resolve().as_uri())
        self.read(lambda m: m.get("method") == "Page.loadEventFired")
        self.eval("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - start

    def eval(self, script):
        result = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def trouble(self, path):
        """Console messages and requests for anything but the page itself."""
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                found.append(f"{method}: {json.dumps(params)[:300]}")
            url = params.get("request", {}).get("url", "") if method == "Network.requestWillBeSent" else ""
            if url and url != path.resolve().as_uri() and not url.startswith("data:"):
                found.append(f"asked for {url}")
        return found

    def shot(self, path, width, dark=False, height=1100):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))


def report(findings, text=None):
    def result(at):
        title = text or f"Weakness number {at} is described in a sentence."
        extra = {"message": title, "severity": ["ERROR", "WARNING"][at % 2], "metadata": {}, "lines": "requires login"}
        return {
            "check_id": text or f"python.lang.security.rule-{at % 37}",
            "path": text or f"src/module_{at % 211}/file_{at}.py",
            "start": {"line": at + 1, "col": 1, "offset": 0},
            "end": {"line": at + 1, "col": 2, "offset": 1},
            "extra": extra,
        }

    paths = {"scanned": ["src/a.py"]}
    results = [result(at) for at in range(findings)]
    return {"version": "1.182.0", "results": results, "errors": [], "paths": paths}


def page(secgate, folder, name, content, most=10_000):
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "semgrep.json").write_text(json.dumps(content))
    command = [secgate, "check", "--no-env", "--policy", "policy.yaml", "--max-findings", str(most), "--format", "html"]
    run = subprocess.run(command, cwd=folder, capture_output=True)
    if run.returncode != 1:
        raise SystemExit(f"{name}: exit code {run.returncode}: {run.stderr.decode()}")
    path = folder / name
    path.write_bytes(run.stdout)
    return path


def fleet(secgate, folder, repositories=300, days=90):
    """The page of a fleet that runs once a day, of rows written here as `secgate replay` would."""
    rows = folder / "rows"
    rows.mkdir()
    policy = [["policy.yaml", "0" * 64]]
    head = {"schema": "secgate/rows/v1", "secgate": "0", "policies": policy, "clock": None, "parameters": [], "max_findings": 1000, "shard": None}
    (rows / "rows.json").write_text(json.dumps(head))
    count = repositories * days
    (rows / "end.json").write_text(json.dumps({"end": True, "in": count, "out": count}))
    tables = {name: open(rows / f"{name}.ndjson", "w") for name in
              ["run", "run_rule", "run_evidence", "run_finding", "run_waiver", "run_difference", "run_recall"]}  # fmt: skip

    def put(table, seq, **columns):
        row = {"seq": seq, "row_type": table, "id": f"run-{seq}", "policy_label": "A"} | columns
        tables[table].write(json.dumps(row) + "\n")

    for seq in range(count):
        at, day = seq % repositories, seq // repositories
        project = f"shop/{HOSTILE}" if at == 7 else f"shop/team-{at % 12}/service-{at:03}"
        time = f"2026-{9 + day // 30:02}-{1 + day % 30:02}T{at % 24:02}:00:00Z"
        verdict = ["fail", "fail", "review", "pass"][(at + day // 7) % 4]
        rule = "dependency-delta" if verdict == "fail" else None
        put("run_rule", seq, rule="dependency-delta", outcome="fail" if rule else "pass", blind=False, match_count=20, waived_count=1, shown_count=20, message="")
        put("run_evidence", seq, entry="deps", path="trivy.json", status="complete", outcome="pass", tool="trivy", tool_version=f"0.{70 + day // 30}.0",
            distrust=None, sha256=None, finding_count=30, message="")  # fmt: skip
        for one in range(30 if day == days - 1 else 3):
            put("run_finding", seq, fingerprint=f"sg1:{at * 100 + one:032x}", rule=rule, category="vulnerability", check_id=f"CVE-2026-{one}",
                severity=["critical", "high", "medium"][one % 3], state="existing", suppressed=False, fix="available", advisory=f"CVE-2026-{one}",
                package=f"package-{one % 9}", package_version="1.0.0", upgrade_to="2.0.0", path="package-lock.json", line_number=None, tool="trivy",
                owners=["@team"], waiver=None, age_days=day, due_at=f"2026-{9 + one % 3:02}-20T00:00:00Z")  # fmt: skip
        put("run_waiver", seq, waiver="W-1", waived_rules=["merge/dependency-delta"], waiver_owner=f"@lead-{at % 9}", approved_by="@appsec", created_at="2026-09-01",
            expires_at="2026-11-20", kind=None, status="active", hidden_count=1, hidden_findings=[f"sg1:{at * 100:032x}"])  # fmt: skip
        put("run", seq, policy_source="policy.yaml", policy_sha256="0" * 64, policy_gate="merge", project=project, team=f"team-{at % 12}",
            commit_sha=f"{seq:040x}", merge_request=day, git_ref="main", gate="merge", ran_at=time, evaluated_at=time, verdict=verdict, enforced=True,
            stopped_by=[rule] if rule else [], reviewers=["@lead"] if verdict == "review" else [], clears_with="", findings_total=30, error_text=None)  # fmt: skip
    for file in tables.values():
        file.close()
    path = folder / "fleet.html"
    subprocess.run([secgate, "fleet", rows, "--output", path], check=True)
    return path


def look_at_fleet(browser, path, holds):
    times = sorted(browser.open(path) for _ in range(3))
    print(f"page: 300 repositories over 90 days, {path.stat().st_size >> 10} KiB: open in {times[0]:.2f} to {times[2]:.2f} s")
    if os.getloadavg()[0] <= (os.cpu_count() or 1):
        holds(f"fleet: opens in {times[0]:.2f} s", times[0] < 2)
    for one in browser.trouble(path):
        holds(f"fleet: {one}", False)
    holds("fleet: markup came through", browser.eval("document.querySelectorAll('img, style ~ style, [onmouseover], body script + script').length") == 0)
    holds("fleet: the title is changed", browser.eval("document.title") == "Security gates of the fleet")
    holds("fleet: a chart is empty", browser.eval("[...document.querySelectorAll('.chart')].every(chart => chart.querySelector('rect').getBoundingClientRect().width > 0)"))
    visible = "[...document.querySelectorAll('.repository')].filter(one => !one.hidden).length"
    holds("fleet: not every repository is there", browser.eval(visible) == 300)
    browser.eval(type_into("search", "service-042"))
    holds("fleet: the search does not find one", browser.eval(visible) == 1)
    browser.eval(type_into("search", ""))
    first = "document.querySelector('#verdicts-by-team tbody tr').cells[%d].textContent"
    browser.eval("document.querySelector('#verdicts-by-team th:nth-child(1) button').click()")
    up = browser.eval(first % 0)
    browser.eval("document.querySelector('#verdicts-by-team th:nth-child(1) button').click()")
    holds("fleet: a table is not sorted by words", (up, browser.eval(first % 0)) == ("team-0", "team-9"))
    browser.eval("document.querySelector('#verdicts-by-team th:nth-child(2) button').click()")
    most = browser.eval("Math.max(...[...document.querySelectorAll('#verdicts-by-team tbody tr')].map(row => Number(row.cells[1].textContent)))")
    holds("fleet: a table is not sorted by numbers", int(browser.eval(first % 1)) == most)
    browser.eval("document.querySelector('#verdicts-by-repository tbody a').click()")
    browser.eval("new Promise(done => setTimeout(done, 100))")
    holds("fleet: a link does not open its repository", browser.eval("document.querySelector('.repository:target').open"))
    for width in (1200, 390):
        browser("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600)
        wide = browser.eval(f"document.documentElement.scrollWidth - {width}")
        holds(f"fleet: {wide} pixels too wide at {width}", wide <= 0)
    browser("Emulation.clearDeviceMetricsOverride")


VISIBLE = "[...document.querySelectorAll('#findings tbody tr')].filter(row => !row.hidden).length"


def type_into(control, value):
    return f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input')); }})(document.getElementById('{control}'))"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("secgate")
    arguments.add_argument("--shots", type=pathlib.Path)
    arguments = arguments.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("page: there is no Chromium here", file=sys.stderr)
        return 3
    wrong = []

    def holds(said, is_so):
        if not is_so:
            wrong.append(said)

    secgate = os.path.abspath(arguments.secgate)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        hostile = page(secgate, folder, "hostile.html", report(6, HOSTILE))
        large = page(secgate, folder, "large.html", report(10_000))
        few = page(secgate, folder, "few.html", report(40), 5)
        all_repositories = fleet(secgate, folder)
        browser = Chromium(program, folder / "profile")
        try:
            browser.open(hostile)
            wrong += [f"hostile: {one}" for one in browser.trouble(hostile)]
            holds("hostile: the title is changed", browser.eval("document.title") == "fail: merge")
            holds("hostile: markup came through", browser.eval("document.querySelectorAll('img, style ~ style, body script + script, [onmouseover]').length") == 0)
            holds("hostile: one script and one style", browser.eval("[document.scripts.length, document.querySelectorAll('style').length].join()") == "1,1")
            holds("hostile: its text is not there", "document.title='owned'" in browser.eval("document.body.innerText"))
            times = sorted(browser.open(large) for _ in range(3))
            print(f"page: 10,000 findings, {large.stat().st_size >> 10} KiB: open in {times[0]:.2f} to {times[2]:.2f} s")
            # On a machine that is busy with something else the clock says nothing about the page.
            if os.getloadavg()[0] > (os.cpu_count() or 1):
                print("page: the machine is busy: the time is not judged")
            else:
                holds(f"large: opens in {times[0]:.2f} s", times[0] < 2)
            rows = browser.eval(VISIBLE)
            holds(f"large: {rows} rows", rows == 10_000)
            browser.eval(type_into("search", "file_4242.py"))
            holds("large: the search does not find one", browser.eval(VISIBLE) == 1)
            browser.eval(type_into("search", ""))
            browser.eval(type_into("severity", "medium"))
            holds("large: the filter does not halve", browser.eval(VISIBLE) == 5_000)
            browser.eval(type_into("severity", ""))
            holds("large: the filter does not end", browser.eval(VISIBLE) == 10_000)
            browser.eval("document.querySelector('#findings th[data-column=\"2\"] button').click()")
            first = browser.eval("document.querySelector('#findings tbody tr').cells[2].textContent")
            holds(f"large: sorted by place, {first} is first", first.startswith("src/module_0/file_0.py"))
            wide = browser.eval("document.documentElement.scrollWidth - innerWidth")
            holds(f"large: {wide} pixels too wide", wide <= 0)
            # Rows far below are there, and what is to be seen at the top of a screen is not covered.
            browser.eval("document.querySelector('#findings tbody:last-of-type tr:last-child').scrollIntoView({block: 'center'})")
            browser.eval("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
            last = browser.eval(
                "(row => { const at = row.getBoundingClientRect();"
                " return row.contains(document.elementFromPoint(at.x + 5, at.y + 5)) ? row.innerText : '' })"
                "(document.querySelector('#findings tbody:last-of-type tr:last-child'))"
            )
            holds("large: the last row cannot be reached", "file_" in last)
            top = browser.eval("document.elementFromPoint(40, 20).closest('#controls') !== null")
            holds("large: rows cover the filters", top)
            browser.eval("document.querySelector('footer').scrollIntoView()")
            under = browser.eval(
                "(e => e.getBoundingClientRect().bottom <= e.parentElement.getBoundingClientRect().bottom)"
                "(document.getElementById('controls'))"
            )
            holds("large: the filters cover what follows the findings", under)
            browser.eval("scrollTo(0, 0)")
            wrong += [f"large: {one}" for one in browser.trouble(large)]
            browser("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
            wide = browser.eval("document.documentElement.scrollWidth - 390")
            holds(f"large: {wide} pixels too wide for a phone", wide <= 0)
            browser("Emulation.clearDeviceMetricsOverride")
            browser("Emulation.setEmulatedMedia", media="print")
            paper = browser.eval("getComputedStyle(document.getElementById('controls')).display")
            laid = browser.eval("[...document.querySelectorAll('#findings tbody')].every(b => getComputedStyle(b).contentVisibility === 'visible')")
            holds("large: on paper without filters and with every row", paper == "none" and laid)
            browser("Emulation.setEmulatedMedia", media="")
            browser.open(few)
            few_text = browser.eval("document.body.innerText")
            holds("few: says how many are left out", "sast-high: 15 more of which no details were kept" in few_text)
            look_at_fleet(browser, all_repositories, holds)
            if arguments.shots:
                for path in [hostile, large, all_repositories]:
                    browser.open(path)
                    for name, width, dark in [("light", 1280, False), ("dark", 1280, True), ("phone", 390, False)]:
                        browser.shot(arguments.shots / f"{path.stem}-{name}.png", width, dark)
        finally:
            browser.process.kill()
            browser.process.wait()
    for one in wrong:
        print(f"page: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
