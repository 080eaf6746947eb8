"""Runs the pipelines of ci/gitlab and .gitlab-ci.yml with gitlab-ci-local, in scratch repositories, with real scanners.

run.py SECGATE: gitlab-ci-local, semgrep and detect-secrets are looked for in the folders of SECGATE_TOOLS and on PATH. GitLab's
API is played by a server on this machine, so that the templates' own `curl` lines run. What is judged are the states of jobs.
"""

import datetime
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECGATE = str(pathlib.Path(sys.argv[1]).resolve())
ENVIRONMENT = {
    **{name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ},
    "PATH": os.pathsep.join(filter(None, [os.environ.get("SECGATE_TOOLS"), os.environ["PATH"]])),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Dee Veloper", "GIT_AUTHOR_EMAIL": "dev@shop.invalid",
    "GIT_COMMITTER_NAME": "Dee Veloper", "GIT_COMMITTER_EMAIL": "dev@shop.invalid",
    "SEMGREP_SEND_METRICS": "off", "PYTHONDONTWRITEBYTECODE": "1",
}
JOB = 664
DIGEST = "sha256:" + "5" * 64

POLICIES = {
    "merge": """\
version: 1
gate: merge
base: {from: [diff], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  secrets: {category: secret, files: [secrets.json]}
  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}
  request: {document: gitlab-merge-request, files: [merge-request.json], required: false}
  versions: {document: gitlab-versions, files: [versions.json], required: false}
people: {appsec: ["@appsec-lead"]}
reviewers: {any_of: ["role:appsec"], at_least: 1, not: [author]}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail, waivable: false}
  - {id: sast-high, findings: {category: sast, severity: high}, then: fail}
  - {id: sast-medium, findings: {category: sast, severity: medium, state: new}, then: review}
""",
    "package": """\
version: 1
gate: package
subjects: {app: {kind: image}}
evidence: {secrets: {category: secret, files: [secrets.json]}}
rules: [{id: no-secrets, findings: {category: secret}, then: fail}]
""",
    "release": """\
version: 1
gate: release
subjects: {app: {kind: image}}
evidence:
  secrets: {category: secret, files: [secrets.json]}
  approvals: {document: gitlab-approvals, files: [approvals.json]}
  request: {document: gitlab-merge-request, files: [merge-request.json]}
  versions: {document: gitlab-versions, files: [versions.json]}
  commits: {document: gitlab-commits, files: [commits.json]}
people: {appsec: ["@appsec-lead"], developers: [{user: dev, emails: [dev@shop.invalid]}]}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail}
  - {id: approved, approvals: {from: [merge_request], any_of: ["role:appsec"], not: [author, committers]}, then: fail}
""",
    "production": """\
version: 1
gate: production
subjects: {app: {kind: image}}
parameters: {environment: {one_of: [production], env: CI_ENVIRONMENT_NAME}}
evidence:
  deployment: {document: gitlab-deployment, files: [deployment.json]}
  request: {document: gitlab-merge-request, files: [merge-request.json]}
  commits: {document: gitlab-commits, files: [commits.json]}
people: {release: ["@release-lead"], developers: [{user: dev, emails: [dev@shop.invalid]}]}
rules:
  - id: deploy-approved
    when: {environment: production}
    approvals: {from: [deployment], any_of: ["role:release"], not: [author, committers, deployer], max_age: 24h}
    then: fail
""",
}

PIPELINE = """\
include:
  - local: ci/gitlab/gates.yml
    inputs: {image: alpine, secgate: SECGATE, subject: "app=registry.shop.invalid/app:1@$IMAGE_DIGEST", deploy: ./deploy.sh}

scan:
  stage: scan
  script:
    - semgrep scan --metrics off --disable-version-check --quiet --timeout 120 --config rules.yaml --json --output semgrep.json src
    - detect-secrets scan --no-verify --all-files src > secrets.json
  artifacts: {when: always, paths: [semgrep.json, secrets.json]}

build:
  stage: build
  rules: [{if: $CI_COMMIT_TAG}]
  script: ["echo IMAGE_DIGEST=DIGEST > image.env"]
  artifacts: {reports: {dotenv: image.env}}
"""

SAFE = "def total(prices):\n    return sum(prices)\n"
WARNED = SAFE + "\n\ndef load(path):\n    return eval(path)\n"
UNSAFE = SAFE + "\n\ndef load(path):\n    return exec(path)\n"
SECRET = "# aws\nkey = 'AKIA" + "Q3X7ZP5LMN2TR8WD'\n"
RULES = """\
rules:
  - {id: shop.eval, languages: [python], severity: WARNING, message: eval, pattern: eval(...)}
  - {id: shop.exec, languages: [python], severity: ERROR, message: exec, pattern: exec(...)}
"""


class Api(http.server.BaseHTTPRequestHandler):
    """The answers of GitLab's API to whoever has the token."""

    answers = {}

    def do_GET(self):  # noqa: N802
        path = self.path.removeprefix("/api/v4/projects/42/")
        known = self.headers.get("PRIVATE-TOKEN") == "read-api" and path in self.answers
        body = json.dumps(self.answers.get(path) if known else {"message": "404 Not found"}).encode()
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def user(name):
    return {"id": len(name), "username": name, "name": name.title(), "state": "active", "locked": False}


def ago(minutes):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def answers(sha, approved_by=(), state="opened", job=JOB, deployed_by=()):
    request = {"id": 9007, "iid": 7, "project_id": 42, "state": state, "author": user("dev"), "sha": sha}
    version = {"id": 1, "head_commit_sha": sha, "base_commit_sha": "0" * 40, "created_at": ago(60), "merge_request_id": 9007}
    commit = {"id": sha, "parent_ids": ["0" * 40], "author_email": "dev@shop.invalid", "committer_email": "dev@shop.invalid",
              "author_name": "Dee Veloper", "committer_name": "Dee Veloper"}
    deployment = {"id": 501, "sha": sha, "created_at": ago(30), "user": user("dev"), "environment": {"id": 9, "name": "production"},
                  "deployable": {"id": job}, "status": "running",
                  "approvals": [{"user": user(u), "status": "approved", "created_at": ago(10), "comment": ""} for u in deployed_by]}
    return {
        "merge_requests/7": request,
        "merge_requests/7/approvals": {"id": 9007, "iid": 7, "project_id": 42, "approvals_required": 1,
                                       "approved_by": [{"user": user(u), "approved_at": ago(20)} for u in approved_by]},
        "merge_requests/7/versions": [version],
        "merge_requests/7/commits?per_page=100": [commit],
        f"repository/commits/{sha}/merge_requests": [request],
        "deployments?order_by=id&sort=desc&per_page=100": [{"id": 501, "deployable": {"id": job}}, {"id": 500, "deployable": None}],
        "deployments/501": deployment,
    }


def tool(name):
    found = shutil.which(name, path=ENVIRONMENT["PATH"])
    if not found:
        sys.exit(f"pipeline: {name} is neither in SECGATE_TOOLS nor on PATH")
    return found


class Repository:
    """A scratch repository with the template, whose last commit is the change."""

    def __init__(self, folder, port):
        self.path = pathlib.Path(folder)
        self.port = port
        shutil.copytree(ROOT / "ci" / "gitlab", self.path / "ci" / "gitlab")
        self.write(".gitlab-ci.yml", PIPELINE.replace("SECGATE", SECGATE).replace("DIGEST > ", f"{DIGEST} > "))
        self.write("rules.yaml", RULES)
        self.write("deploy.sh", "#!/bin/sh\necho deployed >deployed.txt\n").chmod(0o755)
        self.write(".gitignore", "*.json\n*.xml\n*.env\nsecgate-*\n.gitlab-ci-local\ndeployed.txt\n")
        for gate, text in POLICIES.items():
            self.write(f".secgate/{gate}.yaml", text)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", "https://gitlab.shop.invalid/shop/app.git")
        self.write("src/totals.py", SAFE)
        self.base = self.commit("Totals")

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def git(self, *arguments):
        done = subprocess.run(["git", *arguments], cwd=self.path, env=ENVIRONMENT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.sha = self.git("rev-parse", "HEAD")
        return self.sha

    def change(self, text, name="src/totals.py"):
        self.git("checkout", "--quiet", "-B", "change", self.base)
        self.write(name, text)
        return self.commit("A change")

    def run(self, *arguments, **variables):
        """Gives the state of each job, and everything that was printed."""
        variables = {"CI_API_V4_URL": f"http://127.0.0.1:{self.port}/api/v4", "CI_PROJECT_ID": "42", "CI_JOB_ID": str(JOB),
                     "SECGATE_API_TOKEN": "read-api", **variables}
        for name in ("deployed.txt", "semgrep.json", "secrets.json"):
            (self.path / name).unlink(missing_ok=True)
        for file in self.path.glob("secgate-*"):
            file.unlink()
        command = [tool("gitlab-ci-local"), "--force-shell-executor", "--no-color", "--artifacts-to-source",
                   *[f"--variable={name}={value}" for name, value in variables.items() if value is not None], *arguments]
        done = subprocess.run(command, cwd=self.path, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        states = {}
        for line in text.splitlines():
            if found := re.match(r"\s*(PASS|FAIL|WARN)\s+(\S+)", line):
                states[found[2]] = {"PASS": "passed", "FAIL": "failed", "WARN": "warned"}[found[1]]
        return states, text

    def verdict(self, gate):
        path = self.path / f"secgate-{gate}.json"
        return json.loads(path.read_text()) if path.exists() else None


failures = []


def expect(name, repository, states, text, wanted, gate=None, code=None, deployed=False):
    wrong = {job: states.get(job) for job, state in wanted.items() if states.get(job) != state}
    verdict = repository.verdict(gate) if gate else None
    if gate and (verdict or {}).get("exit_code") != code:
        wrong[f"{gate}'s exit code"] = (verdict or {}).get("exit_code")
    if (repository.path / "deployed.txt").exists() != deployed:
        wrong["deployed"] = not deployed
    if "read-api" in text:
        wrong["the token"] = "is printed"
    print(f"{'ok  ' if not wrong else 'FAIL'} {name}")
    if wrong:
        failures.append(name)
        print(f"     {wrong}\n     states: {states}\n" + "\n".join("     | " + line for line in text.splitlines()[-60:]))


def merge_requests(repository):
    request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7",
               "CI_MERGE_REQUEST_DIFF_BASE_SHA": repository.base}
    passed, red = {"scan": "passed", "secgate:merge": "passed"}, {"scan": "passed", "secgate:merge": "failed"}
    cases = [
        ("a clean change passes", SAFE + "\n", (), passed, 0),
        ("a new weakness fails", UNSAFE, ("appsec-lead",), red, 1),
        ("a secret fails", SECRET, ("appsec-lead",), red, 1),
        ("a review is red", WARNED, (), red, 10),
        ("the author's own approval leaves it red", WARNED, ("dev",), red, 10),
        ("the approver approves, and the job, retried, passes", WARNED, ("appsec-lead",), passed, 0),
    ]
    for name, text, approved_by, wanted, code in cases:
        sha = repository.change(text)
        Api.answers = answers(sha, approved_by)
        states, out = repository.run(**request)
        expect(name, repository, states, out, wanted, "merge", code)
        for other in ("secgate:package", "secgate:release", "secgate:deploy:production"):
            assert other not in states, (name, states)
    for file in ("secgate-merge.xml", "secgate-merge-quality.json", "secgate-merge.env", "secgate-merge-links.json"):
        assert (repository.path / file).exists(), file
    # Nothing is approved where nobody may ask: a pipeline of a fork has no token.
    states, out = repository.run(**{**request, "SECGATE_API_TOKEN": None})
    expect("without the token a review stays red", repository, states, out, red, "merge", 10)
    # No decision: the policy has a mistake.
    repository.change(POLICIES["merge"].replace("category: sast,", "category: sats,"), ".secgate/merge.yaml")
    states, out = repository.run(**request)
    expect("a mistake in the policy is an error", repository, states, out, red, "merge", 2)


def tags(repository):
    tag = {"CI_COMMIT_TAG": "v1.0.0", "CI_PIPELINE_SOURCE": "push"}
    sha = repository.change(SAFE + "\n")
    deploy = "secgate:deploy:production"
    early = {"scan": "passed", "secgate:package": "passed", "secgate:release": "passed"}
    manual = ["--manual", deploy]
    Api.answers = answers(sha, ("appsec-lead",), "merged", deployed_by=("release-lead",))
    states, out = repository.run(*manual, **tag)
    expect("scan, gates, approval, deployment", repository, states, out, {**early, deploy: "passed"}, "production", 0, True)
    states, out = repository.run(**tag)
    expect("nothing is deployed until somebody starts it", repository, states, out, early)
    for name, change in [
        ("who deploys does not approve", {"deployed_by": ("dev",)}),
        ("the approval of another job's deployment does not count", {"deployed_by": ("release-lead",), "job": 665}),
    ]:
        Api.answers = answers(sha, ("appsec-lead",), "merged", **change)
        states, out = repository.run(*manual, **tag)
        expect(name, repository, states, out, {**early, deploy: "failed"}, "production", 1)
    # The list of deployments says one job and the deployment another.
    Api.answers = answers(sha, ("appsec-lead",), "merged", deployed_by=("release-lead",))
    Api.answers["deployments/501"]["deployable"]["id"] = 665
    states, out = repository.run(*manual, **tag)
    expect("deployable.id must be CI_JOB_ID", repository, states, out, {**early, deploy: "failed"}, "production", 1)
    Api.answers = answers(sha, (), "merged", deployed_by=("release-lead",))
    states, out = repository.run(*manual, **tag)
    expect("a release that nobody approved stops before the deployment", repository, states, out,
           {"secgate:package": "passed", "secgate:release": "failed"}, "release", 1)


def child_pipeline(repository):
    repository.git("checkout", "--quiet", "main")
    ci = (repository.path / ".gitlab-ci.yml").read_text()
    gate = ("stages: [scan, build, merge]\ninclude:\n  - local: ci/gitlab/templates/gate.yml\n    inputs: {gate: merge, stage: merge, "
            f"image: alpine, secgate: {SECGATE}, review: manual}}\n")
    repository.write(".gitlab-ci.yml", gate + ci[ci.index("\nscan:"):])
    repository.base = repository.commit("Reviews in a child pipeline")
    request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7",
               "CI_MERGE_REQUEST_DIFF_BASE_SHA": repository.base}
    for name, text, state, code, child in [
        ("child pipeline: a review is a warning, and a manual job waits", WARNED, "warned", 10, "manual"),
        ("child pipeline: a pass leaves nothing to review", SAFE + "\n", "passed", 0, "ended with 0"),
        ("child pipeline: a failure stays red", UNSAFE, "failed", 1, None),
    ]:
        Api.answers = answers(repository.change(text))
        states, out = repository.run(**request)
        expect(name, repository, states, out, {"secgate:merge": state}, "merge", code)
        generated = repository.path / "secgate-merge-review.yml"
        if child and child not in generated.read_text():
            failures.append(name)
            print(f"FAIL {name}: {generated.read_text()}")
        if child is None and generated.exists():
            failures.append(name)
            print(f"FAIL {name}: {generated} is there")


def own(repository):
    """secgate's own pipeline, on its own source; the job `test` is `.ci/run`, which runs this."""
    shutil.rmtree(repository.path / "src")
    for name in ("src", ".ci", ".gitlab-ci.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, repository.path / name)
    repository.base = repository.commit("secgate")
    jobs = ["scan", "gate"]
    for name, change, state, code in [
        ("secgate's own gate passes", "//! Nothing.\n", "passed", 0),
        ("a socket in secgate's source fails", "use std::net::TcpStream;\n", "failed", 1),
        ("a token in secgate's source fails", "// glpat-" + "Yb3kT9wQz5LmN8rXc2Vd\n", "failed", 1),
    ]:
        repository.change(change, "src/more.rs")
        states, out = repository.run(*jobs, SECGATE=SECGATE)
        verdict = json.loads((repository.path / "verdict.json").read_text())
        wanted = {"scan": "passed", "gate": state}
        expect(name, repository, states, out, wanted)
        if verdict["exit_code"] != code:
            failures.append(name)
            print(f"FAIL {name}: exit code {verdict['exit_code']}")
        (repository.path / "verdict.json").unlink()


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for part in (merge_requests, tags, child_pipeline, own):
        if len(sys.argv) > 2 and part.__name__ not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            part(Repository(folder, server.server_port))
    print(f"pipeline: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
