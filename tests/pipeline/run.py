"""Runs the pipelines of ci/gitlab, of `secgate init` and .gitlab-ci.yml with gitlab-ci-local, in scratch repositories, with
real scanners.

run.py SECGATE [PART...]: gitlab-ci-local, semgrep and detect-secrets are looked for in the folders of SECGATE_TOOLS and on PATH.
GitLab's API is played by a server on this machine, so that the templates' own `curl` lines run. What is judged are the states of
jobs. Each part has a repository of its own, and two run at a time. As in GitLab, a job that is retried finds the reports of the
jobs before it: scanners run once for each source, not once for each answer of the API.
"""

import concurrent.futures
import datetime
import hashlib
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
import time
import urllib.parse

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


TOKEN, BOT = "project-token", 77


class Api(http.server.BaseHTTPRequestHandler):
    """The answers of GitLab's API to whoever has the token; each repository has its own, its notes and its packages."""

    answers, notes, packages = {}, {}, {}
    # Tokens, and whether they may write.
    scopes = {TOKEN: True, "read-api": False}

    def answer(self, status, body, raw=False):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body if raw else json.dumps(body).encode())

    def asked(self):
        """The repository, and the path below the project; of what is no project's the path alone."""
        url = urllib.parse.urlsplit(self.path)
        _, repository, path = url.path.replace("/api/v4", "").split("/", 2)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return repository, path.removeprefix("projects/42/"), urllib.parse.parse_qs(url.query), body

    def do_GET(self):  # noqa: N802
        repository, path, query, _ = self.asked()
        if path.startswith("packages/generic/"):
            kept = self.packages.get(repository, {}).get(path) if self.headers.get("JOB-TOKEN") == "job-token" else None
            return self.answer(404, {"message": "404 Not found"}) if kept is None else self.answer(200, kept, raw=True)
        if self.headers.get("PRIVATE-TOKEN") not in self.scopes:
            return self.answer(401, {"message": "401 Unauthorized"})
        answer = self.answers[repository].get(path)
        if path == "user":
            answer = {"id": BOT, "username": "project_42_bot"}
        elif path.endswith("/notes"):
            answer = self.notes.get(repository, [])
        if isinstance(answer, list) and "status" in query:
            answer = [one for one in answer if one.get("status") == query["status"][0]]
        if isinstance(answer, list):
            size, page = (int(query.get(name, [default])[0]) for name, default in (("per_page", 20), ("page", 1)))
            answer = answer[size * (page - 1):size * page]
        return self.answer(404, {"message": "404 Not found"}) if answer is None else self.answer(200, answer)

    def write_note(self):
        repository, path, _, body = self.asked()
        token = self.headers.get("PRIVATE-TOKEN")
        if not self.scopes.get(token):
            return self.answer(403 if token in self.scopes else 401, {"error": "insufficient_scope"})
        notes, text = self.notes.setdefault(repository, []), json.loads(body)["body"]
        assert len(text) < 1_000_000
        if self.command == "POST" and path == "merge_requests/7/notes":
            notes.append({"id": 1000 + len(notes), "author": {"id": BOT}, "body": text})
            return self.answer(201, notes[-1])
        found = [note for note in notes if path == f"merge_requests/7/notes/{note['id']}"]
        if not found or found[0]["author"]["id"] != BOT:
            return self.answer(403 if found else 404, {"message": "403 Forbidden"})
        found[0]["body"] = text
        return self.answer(200, found[0])

    do_POST = write_note  # noqa: N815

    def do_PUT(self):  # noqa: N802
        if "/packages/generic/" not in self.path:
            return self.write_note()
        if self.headers.get("JOB-TOKEN") != "job-token":
            return self.answer(401, {"message": "401 Unauthorized"})
        # curl waits for this before it sends what is long.
        repository, path, _, body = self.asked()
        self.packages.setdefault(repository, {})[path] = body
        return self.answer(201, {"message": "201 Created"})

    def log_message(self, *_):
        pass


def user(name):
    return {"id": len(name), "username": name, "name": name.title(), "state": "active", "locked": False}


def ago(minutes):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def answers(sha, approved_by=(), state="opened", job=JOB, deployed_by=(), committers=("dev",)):
    request = {"id": 9007, "iid": 7, "project_id": 42, "source_project_id": 42, "source_branch": "change", "state": state,
               "author": user("dev"), "sha": sha}
    version = {"id": 1, "head_commit_sha": sha, "base_commit_sha": "0" * 40, "created_at": ago(60), "merge_request_id": 9007}
    # The newest first, as GitLab lists them.
    ids = [sha, *(f"{number:040x}" for number in range(1, len(committers)))]
    commits = [{"id": ids[at], "parent_ids": [(ids + ["0" * 40])[at + 1]], "author_email": f"{who}@shop.invalid",
                "committer_email": f"{who}@shop.invalid", "author_name": who, "committer_name": who}
               for at, who in enumerate(committers)]
    deployment = {"id": 501, "sha": sha, "created_at": ago(30), "user": user("dev"), "environment": {"id": 9, "name": "production"},
                  "deployable": {"id": job}, "status": "running",
                  "approvals": [{"user": user(u), "status": "approved", "created_at": ago(10), "comment": ""} for u in deployed_by]}
    return {
        "merge_requests/7": request,
        "merge_requests/7/approvals": {"id": 9007, "iid": 7, "project_id": 42, "approvals_required": 1,
                                       "approved_by": [{"user": user(u), "approved_at": ago(20)} for u in approved_by]},
        "merge_requests/7/versions": [version],
        "merge_requests/7/commits": commits,
        f"repository/commits/{sha}/merge_requests": [request],
        "deployments": [{"id": 501, "deployable": {"id": job}}, {"id": 500, "deployable": None}],
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
        self.failures = 0
        self.lines = []
        self.write("rules.yaml", RULES)
        self.write("deploy.sh", "#!/bin/sh\necho deployed >deployed.txt\n").chmod(0o755)
        self.write(".gitignore", "*.json\n*.xml\n*.env\nsecgate-*\n.gitlab-ci-local\ndeployed.txt\nci/bin\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", "https://gitlab.shop.invalid/shop/app.git")

    def with_templates(self):
        shutil.copytree(ROOT / "ci" / "gitlab", self.path / "ci" / "gitlab")
        self.write(".gitlab-ci.yml", PIPELINE.replace("SECGATE", SECGATE).replace("DIGEST > ", f"{DIGEST} > "))
        for gate, text in POLICIES.items():
            self.write(f".secgate/{gate}.yaml", text)
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

    def answers(self, *arguments, **changes):
        Api.answers[self.path.name] = answers(self.sha, *arguments, **changes)
        return Api.answers[self.path.name]

    def pipeline(self, *arguments, **variables):
        """A new pipeline, which finds nothing of an earlier one. Gives the state of each job, and all that was printed."""
        self.git("clean", "-fdXq", "-e", "!ci/bin")
        return self.retry(*arguments, **variables)

    def retry(self, *arguments, **variables):
        """Jobs of a pipeline that has run: what came before lies there."""
        variables = {"CI_API_V4_URL": f"http://127.0.0.1:{self.port}/{self.path.name}/api/v4", "CI_PROJECT_ID": "42",
                     "CI_JOB_ID": str(JOB), "CI_JOB_TOKEN": "job-token", "SECGATE_API_TOKEN": TOKEN, **variables}
        (self.path / "deployed.txt").unlink(missing_ok=True)
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

    def tell(self, name, held):
        """`held` is True, or what is there instead."""
        self.lines.append(f"{'ok  ' if held is True else 'FAIL'} {name}")
        if held is not True:
            self.failures += 1
            self.lines.append(f"     {held}")

    def expect(self, name, ran, wanted, gate=None, code=None, deployed=False, absent=(), more=None):
        """`wanted`: jobs and their states; `absent`: jobs that did not run; `more`: what else must hold of the verdict."""
        states, text = ran
        wrong = {job: states.get(job) for job, state in wanted.items() if states.get(job) != state}
        wrong.update({job: states[job] for job in absent if job in states})
        verdict = self.verdict(gate) if gate else None
        if gate and (verdict or {}).get("exit_code") != code:
            wrong[f"{gate}'s exit code"] = (verdict or {}).get("exit_code")
        if (self.path / "deployed.txt").exists() != deployed:
            wrong["deployed"] = not deployed
        if TOKEN in text:
            wrong["the token"] = "is printed"
        if more and not wrong and (said := more(verdict)):
            wrong["also"] = said
        self.lines.append(f"{'ok  ' if not wrong else 'FAIL'} {name}")
        if wrong:
            self.failures += 1
            self.lines.append(f"     {wrong}\n     states: {states}\n" + "\n".join("     | " + line for line in text.splitlines()[-60:]))


def merge_request(repository):
    return {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": repository.base}


PASSED, RED = {"scan": "passed", "secgate:merge": "passed"}, {"scan": "passed", "secgate:merge": "failed"}


def merge_requests(repository):
    repository.with_templates()
    request = merge_request(repository)
    later = ("secgate:package", "secgate:release", "secgate:deploy:production", "build")

    def all_outputs(_):
        names = [f"secgate-merge{end}" for end in (".json", ".xml", "-quality.json", ".env", "-links.json", ".md", ".html")]
        return [name for name in names if not (repository.path / name).exists()]

    def scanned(name, text, approved_by, wanted, code):
        repository.change(text)
        repository.answers(approved_by)
        repository.expect(name, repository.pipeline(**request), wanted, "merge", code, absent=later, more=all_outputs)

    again = ["secgate:merge"]
    scanned("a clean change passes", SAFE + "\n", (), PASSED, 0)
    # The same reports, and a change of the gate itself.
    repository.change(POLICIES["merge"].replace("severity: high}", "severity: critical}"), ".secgate/merge.yaml")
    repository.answers()
    ran = repository.retry(*again, **request)
    repository.expect("a change that loosens its own gate is a review", ran, {"secgate:merge": "failed"}, "merge", 10,
                      more=lambda verdict: not verdict["loosened"] and "nothing is loosened")
    scanned("a new weakness fails", UNSAFE, ("appsec-lead",), RED, 1)
    scanned("a secret fails", SECRET, ("appsec-lead",), RED, 1)
    scanned("a review is red", WARNED, (), RED, 10)
    # The last pipeline's gate, again and again, as GitLab's button does it.
    repository.answers(("dev",))
    ran = repository.retry(*again, **request)
    repository.expect("the author's own approval leaves it red", ran, {"secgate:merge": "failed"}, "merge", 10)
    # A fork's pipeline has no token: there nobody may ask who approved.
    repository.answers(("appsec-lead",))
    ran = repository.retry(*again, **{**request, "SECGATE_API_TOKEN": None})
    repository.expect("without the token a review stays red", ran, {"secgate:merge": "failed"}, "merge", 10)
    ran = repository.retry(*again, **request)
    repository.expect("the approver approves, and the job, retried, passes", ran, {"secgate:merge": "passed"}, "merge", 0)
    # One note, whatever number of runs; those of other people stay, also where they copy the marker.
    marker = "[//]: # (secgate:gate=merge)"
    notes = Api.notes[repository.path.name]
    mine = [note["body"].splitlines()[2] for note in notes if note["author"]["id"] == BOT]
    repository.tell("the note is written once and replaced", len(mine) == 1 and mine[0].startswith("### PASS") or mine)
    foreign = [{"id": number, "author": {"id": 5}, "body": f"{marker}\n### PASS by somebody" if number == 3 else "a remark"}
               for number in range(1, 151)]
    Api.notes[repository.path.name] = [*foreign, *({**note, "id": 2000 + at} for at, note in enumerate(notes))]
    repository.answers()
    repository.retry(*again, **request)
    notes = Api.notes[repository.path.name]
    mine = [note["body"].splitlines()[2] for note in notes if note["author"]["id"] == BOT]
    same = notes[:150] == foreign and len(mine) == 1 and mine[0].startswith("### REVIEW")
    repository.tell("the note is found on the second page, and others' notes are left alone", same or (len(notes), mine))
    for token, said in [("read-api", "needs the scope api"), ("expired", "has it expired?"), (None, "SECGATE_API_TOKEN is not set")]:
        ran = repository.retry(*again, **{**request, "SECGATE_API_TOKEN": token})
        repository.expect(f"note: {said}", ran, {"secgate:merge": "failed"}, "merge", 10,
                          more=lambda _, text=ran[1], said=said: f"no note: " not in text or said not in text)
    # No decision: the policy has a mistake.
    repository.change(POLICIES["merge"].replace("category: sast,", "category: sats,"), ".secgate/merge.yaml")
    ran = repository.retry(*again, **request)
    repository.expect("a mistake in the policy is an error", ran, {"secgate:merge": "failed"}, "merge", 2)


def refs(repository):
    """What is checked out is another commit than the change's own: merged results, merge trains, and a clone that lacks the base."""
    repository.with_templates()
    # The target has moved on, and what came there is not the change's.
    repository.git("checkout", "--quiet", "main")
    repository.write("src/other.py", WARNED)
    target = repository.commit("Somebody else's")
    source = repository.change(SAFE + "\n")
    repository.git("checkout", "--quiet", "-B", "result", target)
    repository.git("merge", "--quiet", "--no-ff", "--message", "Merged result", source)
    repository.sha = source
    repository.answers()
    request = {**merge_request(repository), "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
               "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": target, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": source}
    repository.expect("merged results: what the target has is not new", repository.pipeline(**request), PASSED, "merge", 0)
    # In a train the target is what the merge requests before it make of the branch.
    train = repository.git("rev-parse", "HEAD")
    second = repository.change(WARNED, "src/third.py")
    repository.git("checkout", "--quiet", "-B", "train", train)
    repository.git("merge", "--quiet", "--no-ff", "--message", "Train", second)
    repository.sha = second
    repository.answers()
    request = {**request, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": train,
               "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": second}
    repository.expect("a merge train: one weakness is new", repository.pipeline(**request), RED, "merge", 10,
                      more=lambda verdict: [rule["new"] for rule in verdict["rules"]] != [0, 0, 1] and verdict["rules"])
    # A shallow clone, or one of a fork, does not hold the commit.
    ran = repository.retry("secgate:merge", **{**merge_request(repository), "CI_MERGE_REQUEST_DIFF_BASE_SHA": "1" * 40})
    repository.expect("a base that is not in the clone is an error that says what helps", ran, {"secgate:merge": "failed"}, "merge", 2,
                      more=lambda verdict: "GIT_DEPTH: 0" not in verdict["errors"][0]["message"] and verdict["errors"])


def tags(repository):
    repository.with_templates()
    tag = {"CI_COMMIT_TAG": "v1.0.0", "CI_PIPELINE_SOURCE": "push"}
    repository.change(SAFE + "\n")
    deploy = "secgate:deploy:production"
    early = {"scan": "passed", "secgate:package": "passed", "secgate:release": "passed"}
    approved = {"approved_by": ("appsec-lead",), "state": "merged"}
    repository.answers(**approved)
    ran = repository.pipeline(**tag)
    repository.expect("nothing is deployed until somebody starts it", ran, early, absent=("secgate:merge", deploy))
    # The digest of the image that the pipeline built.
    started = [deploy]
    tag["IMAGE_DIGEST"] = DIGEST
    for name, change, state, code in [
        ("nobody approved the deployment", {}, "failed", 1),
        ("who deploys does not approve", {"deployed_by": ("dev",)}, "failed", 1),
        ("the approval of another job's deployment does not count", {"deployed_by": ("release-lead",), "job": 665}, "failed", 1),
        ("a committer on the third page of commits does not approve",
         {"deployed_by": ("release-lead",), "committers": ("dev",) * 220 + ("release-lead",)}, "failed", 1),
        ("scan, gates, approval, deployment", {"deployed_by": ("release-lead",), "committers": ("dev",) * 220}, "passed", 0),
    ]:
        repository.answers(**approved, **change)
        ran = repository.retry(*started, **tag)
        repository.expect(name, ran, {deploy: state}, "production", code, deployed=code == 0)
    # The list of deployments says one job and the deployment another.
    repository.answers(**approved, deployed_by=("release-lead",))["deployments/501"]["deployable"]["id"] = 665
    ran = repository.retry(*started, **tag)
    repository.expect("deployable.id must be CI_JOB_ID", ran, {deploy: "failed"}, "production", 1)
    repository.answers((), "merged", deployed_by=("release-lead",))
    ran = repository.retry("secgate:package", "secgate:release", deploy, **tag)
    repository.expect("a release that nobody approved stops before the deployment", ran,
                      {"secgate:package": "passed", "secgate:release": "failed"}, "release", 1, absent=(deploy,))


def child_pipeline(repository):
    repository.with_templates()
    ci = (repository.path / ".gitlab-ci.yml").read_text()
    gate = ("stages: [scan, build, merge]\ninclude:\n  - local: ci/gitlab/templates/gate.yml\n    inputs: {gate: merge, stage: merge, "
            f"image: alpine, secgate: {SECGATE}, review: manual}}\n")
    repository.write(".gitlab-ci.yml", gate + ci[ci.index("\nscan:"):])
    repository.base = repository.commit("Reviews in a child pipeline")
    request = merge_request(repository)
    repository.change(WARNED)

    def generated(wanted):
        def look(_):
            file = repository.path / "secgate-merge-review.yml"
            text = file.read_text() if file.exists() else None
            return (text is None) != (wanted is None) or (wanted is not None and wanted not in text) and text
        return look

    repository.answers()
    ran = repository.pipeline(**request)
    repository.expect("child pipeline: a review is a warning, and a manual job waits", ran, {"secgate:merge": "warned"}, "merge", 10,
                      more=generated("when: manual"))
    repository.answers(("appsec-lead",))
    ran = repository.retry("secgate:merge", **request)
    repository.expect("child pipeline: a pass leaves nothing to review", ran, {"secgate:merge": "passed"}, "merge", 0,
                      more=generated("ended with 0"))
    (repository.path / "semgrep.json").unlink()
    ran = repository.retry("secgate:merge", **request)
    repository.expect("child pipeline: a failure stays red", ran, {"secgate:merge": "failed"}, "merge", 1, more=generated(None))


def init(repository):
    """What `secgate init` writes runs as it is; only the scanners' images are not there."""
    (repository.path / "rules.yaml").rename(repository.path / ".semgrep.yml")
    repository.write(".secrets.baseline", "{}\n")
    # Jobs for branches, none for merge requests; one leaves the report that the gate is to judge.
    repository.write(".gitlab-ci.yml", """\
stages: [build, test]
build: {stage: build, script: [mkdir -p dist]}
code:
  stage: test
  script: [semgrep scan --metrics off --disable-version-check --quiet --timeout 120 --config .semgrep.yml --json --output code.json src]
  artifacts: {when: always, paths: [code.json]}
""")
    repository.write("src/totals.py", SAFE)
    bin = repository.path / "ci" / "bin"
    bin.mkdir(parents=True)
    (bin / "secgate").symlink_to(SECGATE)
    subprocess.run([SECGATE, "init"], cwd=repository.path, env=ENVIRONMENT, check=True, capture_output=True)
    ci = (repository.path / ".gitlab-ci.yml").read_text()
    repository.write(".gitlab-ci.yml", "include: [{local: .secgate/gitlab-ci.yml}]\n" + ci)
    policy = (repository.path / ".secgate" / "merge.yaml").read_text()
    for commented in ("reviewers:", "people:"):
        policy = policy.replace(f"# {commented}", commented)
    policy = policy.replace("@you", "@appsec-lead")
    policy += "\n  - {id: sast-medium, findings: {category: sast, severity: medium, state: new}, then: review}\n"
    repository.write(".secgate/merge.yaml", policy)
    repository.base = repository.commit("A gate")
    repository.git("update-ref", "refs/remotes/origin/main", repository.base)
    jobs = {"build": "passed", "code": "passed", "secgate-secrets": "passed"}
    push = {"CI_PIPELINE_SOURCE": "push"}
    repository.change(WARNED)
    repository.answers()
    ran = repository.pipeline(**push)
    repository.expect("init: a branch is compared with the default branch, and a review is red", ran,
                      {**jobs, "secgate:merge": "failed"}, "merge", 10, absent=("secgate-sast",))
    repository.answers(("appsec-lead",))
    ran = repository.retry("secgate:merge", **push)
    repository.expect("init: the approval of the branch's merge request counts", ran, {"secgate:merge": "passed"}, "merge", 0)


def own(repository):
    """secgate's own pipeline, on its own source; the job `test` is `.ci/run`, which runs this."""
    for name in ("src", ".ci", ".gitlab-ci.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, repository.path / name)
    repository.base = repository.commit("secgate")

    def verdict(code, *failed):
        def look(_):
            found = json.loads((repository.path / "verdict.json").read_text())
            rules = {rule["id"] for rule in found["rules"] if rule["outcome"] == "fail"}
            return (found["exit_code"], rules) != (code, set(failed)) and (found["exit_code"], rules)
        return look

    jobs = ["scan", "gate"]
    ran = repository.pipeline(*jobs, SECGATE=SECGATE)
    repository.expect("secgate's own gate passes", ran, {"scan": "passed", "gate": "passed"}, more=verdict(0))
    shutil.rmtree(repository.path / "src")
    repository.change("use std::net::TcpStream;\n// glpat-" + "Yb3kT9wQz5LmN8rXc2Vd\n", "src/more.rs")
    ran = repository.pipeline(*jobs, SECGATE=SECGATE)
    repository.expect("a socket and a token in secgate's source fail", ran, {"scan": "passed", "gate": "failed"},
                      more=verdict(1, "promises", "no-secrets"))


HEX = "47d450279e8c4e3c7dcdaf8ca4cbcbfe38e693cf6786b5061c528aadd66514f4"
CHAIN = """\
include:
  - local: ci/gitlab/gates.yml
    inputs:
      image: alpine
      secgate: SECGATE
      subject: "app=registry.shop.invalid/shop/web:1.4.3@$IMAGE_DIGEST"
      every_merge: .secgate/keys/secgate.pub
      deploy: ./deploy.sh

scan:
  stage: scan
  script: ["cp EVIDENCE/scan/* ."]
  artifacts: {when: always, paths: [semgrep.json, secrets.json, trivy-fs.json, zap.json, spectral.json]}

build:
  stage: build
  rules: !reference [".secgate:package", rules]
  script:
    - cp EVIDENCE/image/* .
    - echo "IMAGE_DIGEST=sha256:HEX" > image.env
    - sh ci/gitlab/provenance.sh registry.shop.invalid/shop/web HEX https://gitlab.shop.invalid/-/runners/7 > provenance-app.intoto.jsonl
    - sh ci/gitlab/rollback.sh production "$ROLLBACK_TESTED_AT" > rollback.json
  artifacts:
    paths: [trivy-app.json, trivy-config.json, sbom-app.cdx.json, kev.json, runner.json, provenance-app.intoto.jsonl, rollback.json]
    reports: {dotenv: image.env}
"""


def shipped_policy(gate, digests):
    """A shipped policy with all that is marked "fill in"."""
    text = (ROOT / "policies" / f"{gate}.yaml").read_text()
    for name, digest in digests.items():
        text = re.sub(rf"({name}: {{file: .*)0{{64}}", rf"\g<1>{digest}", text)
    people = "people:\n  developers: [{user: dev, emails: [dev@shop.invalid]}]"
    text = re.sub(r"^people:.*$", people, text, flags=re.MULTILINE)
    for before, after in [
        ("registry.example.com/prod/**", "registry.shop.invalid/shop/**"), ("registry.example.com/base/**", "docker.io/library/*"),
        ("gitlab.example.com/-/runners/42", "gitlab.shop.invalid/-/runners/7"), ("gitlab.example.com/team/app", "gitlab.shop.invalid/shop/app"),
        ("@example-appsec-lead", "@appsec-lead"), ('["@example-release-lead", "@example-platform-lead"]', '["@release-lead"]'),
    ]:
        text = text.replace(before, after)
    return text


def sample_evidence(folder):
    """The reports of the sample application as they are once it is in order, of today."""
    def report(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"2026-11-2\dT[0-9:.]+Z", ago(30), text if isinstance(text, str) else json.dumps(text)))

    def fixture(name):
        return (ROOT / "fixtures" / name).read_text()

    for name, source in [("semgrep", "semgrep/app-clean"), ("secrets", "detect-secrets/clean"), ("zap", "zap/clean"),
                         ("spectral", "spectral/clean")]:
        report(f"scan/{name}.json", fixture(f"{source}.json"))
    packages = json.loads(fixture("trivy/fs.json"))
    for result in packages["Results"]:
        for found in ("Vulnerabilities", "Secrets", "Misconfigurations", "Licenses"):
            result.pop(found, None)
    report("scan/trivy-fs.json", packages)
    report("image/trivy-app.json", fixture("trivy/image-clean.json"))
    sbom = json.loads(fixture("cyclonedx/image.json").replace("f6e9a196a0c5e108e1c3328d45c36a3d01a7fa2747365334a294058eb2aa422b", HEX))
    for component in sbom["components"]:
        component["licenses"] = [{"license": {"id": "MIT"}}]
    report("image/sbom-app.cdx.json", sbom)
    manifests = json.loads(fixture("trivy/config.json"))
    for result in manifests["Results"]:
        if checks := result.get("Misconfigurations"):
            result["Misconfigurations"] = [check for check in checks if check["Status"] == "PASS"]
            result["MisconfSummary"]["Failures"] = 0
    report("image/trivy-config.json", manifests)
    report("image/kev.json", {"catalogVersion": "1", "dateReleased": ago(60), "count": 1,
                              "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]})
    report("image/runner.json", {"image_digest": "sha256:" + "e" * 64, "image_built_at": ago(600)})


def chain(repository):
    """The shipped policies, filled in, from the merge to production: every verdict signed, kept and fetched by the next gate."""
    shutil.copytree(ROOT / "ci" / "gitlab", repository.path / "ci" / "gitlab")
    with tempfile.TemporaryDirectory() as outside:
        outside = pathlib.Path(outside)

        def run(*command):
            return subprocess.run(command, cwd=outside, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)

        run(SECGATE, "attest", "keygen", "--output", "gate").check_returncode()
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "builder.key").check_returncode()
        run("openssl", "pkey", "-in", "builder.key", "-pubout", "-out", "builder.pub").check_returncode()
        digests = {}
        for name, file, source in [("gate", "secgate.pub", "gate.pub"), ("builder", "builder.pub", "builder.pub")]:
            text = (outside / source).read_text()
            repository.write(f".secgate/keys/{file}", text)
            digests[name] = hashlib.sha256(text.encode()).hexdigest()
        for gate in ("merge", "package", "release", "production"):
            repository.write(f".secgate/{gate}.yaml", shipped_policy(gate, digests))
        sample_evidence(outside / "evidence")
        text = CHAIN.replace("SECGATE\n", f"{SECGATE}\n").replace("EVIDENCE", str(outside / "evidence")).replace("HEX", HEX)
        repository.write(".gitlab-ci.yml", text)
        repository.write("src/totals.py", SAFE)
        variables = {"SECGATE_KEY": str(outside / "gate.key"), "SECGATE_BUILDER_KEY": str(outside / "builder.key"),
                     "ROLLBACK_TESTED_AT": ago(60 * 24 * 10), "CI_PIPELINE_SOURCE": "push", "IMAGE_DIGEST": f"sha256:{HEX}"}
        kept = Api.packages.setdefault(repository.path.name, {})

        def prepare(**changes):
            answers = repository.answers(("release-lead",), "merged", **changes)
            # The release before, to which one could go back.
            answers["deployments"].append({"id": 400, "sha": first, "deployable": {"id": 1}, "status": "success"})

        def of(commit, *gates):
            return {f"packages/generic/secgate/{commit}/{gate}.intoto.jsonl" for gate in gates}

        def gone(*names):
            return {name: kept.pop(name) for name in names}

        first = repository.commit("Totals")
        repository.git("update-ref", "refs/remotes/origin/main", first)
        prepare()
        both = {"scan": "passed", "build": "passed", "secgate:merge": "passed", "secgate:package": "passed"}
        # The deployment of the release before wrote its verdict; this one stands for it.
        ran = repository.pipeline(**variables)
        repository.expect("chain: the gates of the default branch pass and are signed", ran, both, "merge", 0,
                          absent=("secgate:release", "secgate:deploy:production"),
                          more=lambda _: of(first, "merge", "package") - set(kept))
        kept[f"packages/generic/secgate/{first}/production.intoto.jsonl"] = kept[f"packages/generic/secgate/{first}/package.intoto.jsonl"]
        repository.git("tag", "v1.0.0")
        repository.write("src/totals.py", SAFE + "\n")
        second = repository.commit("A change")
        repository.git("update-ref", "refs/remotes/origin/main", second)
        prepare()
        repository.pipeline(**variables)
        repository.write("src/totals.py", SAFE + "\n\n")
        third = repository.commit("Another change")
        repository.git("update-ref", "refs/remotes/origin/main", third)
        prepare()
        repository.pipeline(**variables)
        tag = {**variables, "CI_COMMIT_TAG": "v1.1.0"}
        repository.git("tag", "v1.1.0")
        # GitLab names no branch in the pipeline of a tag; gitlab-ci-local names the one that is checked out.
        repository.git("checkout", "--quiet", "-B", "tagged")
        deploy = "secgate:deploy:production"
        until = {"scan": "passed", "build": "passed", "secgate:package": "passed"}
        missing = gone(*of(third, "merge"))
        ran = repository.pipeline(**tag)
        repository.expect("chain: without the merge gate's signed verdict nothing is released", ran,
                          {**until, "secgate:release": "failed"}, "release", 1, absent=(deploy, "secgate:merge"))
        kept.update(missing)
        missing = gone(*of(second, "merge"))
        ran = repository.retry("secgate:release", **tag)
        repository.expect("chain: every merge since the tag before needs its verdict", ran, {"secgate:release": "failed"}, "release", 0,
                          more=lambda _: f"no signed pass for {second}" not in ran[1])
        kept.update(missing)
        ran = repository.retry("secgate:release", **tag)
        repository.expect("chain: the release gate passes", ran, {"secgate:release": "passed"}, "release", 0,
                          more=lambda _: of(third, "merge", "package", "release") - set(kept))
        ran = repository.retry(deploy, **tag)
        repository.expect("chain: nobody approved the deployment", ran, {deploy: "failed"}, "production", 1)
        prepare(deployed_by=("release-lead",))
        missing = gone(*of(third, "release"))
        ran = repository.retry(deploy, **tag)
        repository.expect("chain: production needs the release gate's signed verdict", ran, {deploy: "failed"}, "production", 1)
        kept.update(missing)
        ran = repository.retry(deploy, **tag)
        repository.expect("chain: all gates, approval, way back: it goes live", ran, {deploy: "passed"}, "production", 0, deployed=True,
                          more=lambda _: of(third, "production") - set(kept))
        files = []
        for gate in ("merge", "package", "release", "production"):
            (outside / f"{gate}.intoto.jsonl").write_bytes(kept.get(f"packages/generic/secgate/{third}/{gate}.intoto.jsonl", b""))
            files.append(f"{gate}.intoto.jsonl")
        done = run(SECGATE, "verify", "--key", "gate.pub", "--subject", f"registry.shop.invalid/shop/web@sha256:{HEX}", "--commit", third,
                   "--chain", "merge,package,release,production", "--param", "environment=production", *files)
        repository.tell("chain: what was kept proves all four gates", done.returncode == 0 or done.stdout + done.stderr)


TWO_IMAGES = """\
include:
  - local: ci/gitlab/gates.yml
    inputs:
      image: alpine
      secgate: SECGATE
      subject: "app=registry.shop.invalid/shop/web:1.4.3@$IMAGE_DIGEST"
      arguments: --subject "worker=registry.shop.invalid/shop/worker:1.4.3@$WORKER_DIGEST"
      deploy: ./deploy.sh

build:
  stage: build
  script:
    - cp REPORTS/* .
    - printf 'IMAGE_DIGEST=sha256:HEX\\nWORKER_DIGEST=DIGEST\\n' > image.env
  artifacts:
    paths: [trivy-app.json, trivy-worker.json]
    reports: {dotenv: image.env}
"""

TWO_SUBJECTS = """\
version: 1
gate: package
subjects: {app: {kind: image}, worker: {kind: image}}
evidence:
  scan: {category: vulnerability, subject: each, target: image, files: ["trivy-${subject}.json"], bound: required}
rules: [{id: critical, findings: {category: vulnerability, severity: critical}, then: fail}]
"""


def images(repository):
    """One package gate about two images: each needs a scan of its own, and one signed verdict is about both."""
    repository.with_templates()
    repository.write(".secgate/package.yaml", TWO_SUBJECTS)
    with tempfile.TemporaryDirectory() as outside:
        outside = pathlib.Path(outside)
        (outside / "reports").mkdir()
        subprocess.run([SECGATE, "attest", "keygen", "--output", outside / "gate"], env=ENVIRONMENT, capture_output=True, check=True)
        text = TWO_IMAGES.replace("SECGATE\n", f"{SECGATE}\n").replace("REPORTS", str(outside / "reports"))
        repository.write(".gitlab-ci.yml", text.replace("DIGEST\\n' >", f"{DIGEST}\\n' >").replace("HEX", HEX))
        commit = repository.commit("Two images")
        repository.answers()
        variables = {"CI_PIPELINE_SOURCE": "push", "IMAGE_DIGEST": f"sha256:{HEX}", "WORKER_DIGEST": DIGEST,
                     "SECGATE_KEY": str(outside / "gate.key")}
        report = (ROOT / "fixtures/trivy/image-clean.json").read_text()
        of_worker = report.replace("shop/web", "shop/worker").replace(f"sha256:{HEX}", DIGEST)
        found = json.loads(of_worker)
        found["Results"][0]["Vulnerabilities"] = [{"VulnerabilityID": "CVE-2024-1", "PkgName": "libc6", "InstalledVersion": "1",
                                                   "Severity": "CRITICAL"}]
        (outside / "reports/trivy-app.json").write_text(report)
        for name, worker, code in [
            ("the second image has no scan", None, 1),
            ("a scan of the first image is none of the second", report, 1),
            ("a critical vulnerability in the second image", json.dumps(found), 1),
            ("each image has its scan", of_worker, 0),
        ]:
            path = outside / "reports/trivy-worker.json"
            path.write_text(worker) if worker else path.unlink(missing_ok=True)
            ran = repository.pipeline("build", "secgate:package", **variables)
            repository.expect(f"images: {name}", ran, {"secgate:package": "failed" if code else "passed"}, "package", code)
        signed = Api.packages[repository.path.name][f"packages/generic/secgate/{commit}/package.intoto.jsonl"]
        (outside / "package.intoto.jsonl").write_bytes(signed)
        for image, digest in [("web", f"sha256:{HEX}"), ("worker", DIGEST)]:
            done = subprocess.run([SECGATE, "verify", "--key", "gate.pub", "--subject", f"registry.shop.invalid/shop/{image}@{digest}",
                                   "package.intoto.jsonl"], cwd=outside, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
            repository.tell(f"images: the signed verdict is about {image}", done.returncode == 0 or done.stdout + done.stderr)


def fleet(repository):
    """The jobs of docs/fleet.md: shards of a replay, put together, are the rows of one replay."""
    jobs = re.search(r"^```yaml\n(replay:\n.*?)^```", (ROOT / "docs" / "fleet.md").read_text(), re.DOTALL | re.MULTILINE)[1]
    repository.write(".gitlab-ci.yml", "default: {image: alpine}\n" + jobs.replace("- secgate ", f"- {SECGATE} "))
    repository.write(".gitignore", ".gitlab-ci-local\n")
    for number in range(12):
        folder = repository.path / "runs" / f"run-{number:02}"
        shutil.copytree(ROOT / "fixtures" / "gate", folder)
        repository.write(folder / "run.json", json.dumps({"id": f"shop/api!{number}", "time": f"2026-05-{number + 1:02}T08:00:00Z"}))
        if number % 4 == 3:
            (folder / "semgrep.json").write_text("{")
    repository.commit("Runs")
    states, text = repository.pipeline()
    repository.tell("fleet: two shards and the merge pass", states.get("merge") == "passed" and "FAIL" not in text or text[-2000:])
    subprocess.run([SECGATE, "replay", "--rows", "whole", "--keep-going", "runs/"], cwd=repository.path, env=ENVIRONMENT, check=True, capture_output=True)
    both = [{path.name: path.read_bytes() for path in (repository.path / name).iterdir()} for name in ("rows", "whole")]
    shards = [json.loads((repository.path / f"rows-{n}" / "end.json").read_text())["out"] for n in (1, 2)]
    repository.tell(f"fleet: shards of {shards} runs are the rows of one replay", both[0] == both[1] and sum(shards) == 12 and min(shards) > 0 or f"{both[0].keys()} {both[1].keys()}")


PARTS = (merge_requests, refs, tags, own, child_pipeline, init, chain, images, fleet)


def run(part, port):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(folder, port)
        try:
            part(repository)
        except Exception as error:  # noqa: BLE001
            repository.failures += 1
            repository.lines.append(f"FAIL {part.__name__}: {error!r}")
    repository.lines.append(f"     {part.__name__} took {time.monotonic() - start:.0f} s")
    print("\n".join(repository.lines), flush=True)
    return repository.failures


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted = [part for part in PARTS if len(sys.argv) < 3 or part.__name__ in sys.argv[2:]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        failures = sum(pool.map(lambda part: run(part, server.server_port), wanted))
    print(f"pipeline: {failures} failures")
    sys.exit(1 if failures or not wanted else 0)


main()
