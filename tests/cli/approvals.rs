//! Approvals: of merge requests and deployments, and the reviews that they resolve.

use std::fmt::Write as _;

use secgate::finding::hex;
use sha2::{Digest, Sha256};

use crate::common::{Dir, NOW, Run, semgrep};

const HEAD: &str = "1111111111111111111111111111111111111111";

/// A rule about approvals, and one whose findings are a review.
const POLICY: &str = "\
version: 1
gate: release
parameters: {environment: {one_of: [staging, production]}}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}
  state: {document: gitlab-approval-state, files: [approval-state.json], required: false}
  request: {document: gitlab-merge-request, files: [merge-request.json], required: false}
  versions: {document: gitlab-versions, files: [versions.json], required: false}
  commits: {document: gitlab-commits, files: [commits.json], required: false}
  deployment: {document: gitlab-deployment, files: [deployment.json], required: false}
people:
  appsec: [{user: \"@appsec-lead\", emails: [ada@shop.invalid]}]
  developers: [{user: dev, emails: [dev@shop.invalid]}, {user: pat, emails: [pat@shop.invalid]}]
  release: [\"@Release-Lead\", \"@platform-lead\"]
reviewers: {any_of: [\"role:appsec\"], not: [author]}
rules:
  - {id: medium, findings: {category: sast, severity: medium}, then: review}
  - {id: approved, approvals: {from: [merge_request], any_of: [\"role:appsec\"], not: [author, committers], for: commit, max_age: 2d}, then: fail}
  - {id: deploy, when: {environment: production}, approvals: {from: [deployment], any_of: [\"role:release\"], not: [author, deployer]}, then: fail}
";

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("semgrep.json", semgrep(&[]));
    for name in ["approvals", "merge-request", "versions", "commits", "deployment"] {
        dir.copy(&format!("gitlab-api/{name}.json"), &format!("{name}.json"));
    }
    dir
}

fn edit(dir: &Dir, name: &str, from: &str, to: &str) {
    let text = dir.read(name);
    assert!(text.contains(from), "{name} has no {from}");
    dir.write(name, text.replace(from, to));
}

fn check(dir: &Dir, more: &[&str]) -> Run {
    let mut args = vec!["--policy", "policy.yaml", "--param", "environment=production", "--commit", HEAD];
    args.extend(more);
    dir.check(&args)
}

fn rule(run: &Run, id: &str) -> (String, String) {
    let json = run.json();
    let rule = json["rules"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    (rule["outcome"].as_str().unwrap().to_owned(), rule["message"].as_str().unwrap().to_owned())
}

#[test]
fn approvals_bound_to_the_commit_pass_and_say_by_whom() {
    let run = check(&dir(), &["--format", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        rule(&run, "approved"),
        ("pass".to_owned(), "approved by @appsec-lead (merge request !7)".to_owned())
    );
    assert_eq!(
        rule(&run, "deploy"),
        ("pass".to_owned(), "approved by @release-lead (deployment 501)".to_owned())
    );
}

#[test]
fn an_approval_that_proves_nothing_is_not_counted() {
    // File, what is changed in it, and why nothing is approved then.
    let cases: &[(&str, &str, &str, &str)] = &[
        ("approvals.json", ", \"approved_at\": \"2026-06-01T10:30:00.000Z\"", "", "has no time"),
        ("approvals.json", "2026-06-01T10:30", "2026-06-01T09:30", "older than the commit"),
        ("approvals.json", "2026-06-01T10:30", "2026-06-01T12:30", "in the future"),
        (
            "approvals.json",
            "\"username\": \"appsec-lead\", ",
            "",
            "cannot be identified counts as the author",
        ),
        ("approvals.json", "\"appsec-lead\"", "\"pat\"", "is not role:appsec"),
        ("approvals.json", "\"state\": \"active\"", "\"state\": \"blocked\"", "is not an active user"),
        (
            "approvals.json",
            "\"id\": 9007, \"iid\": 7, \"project_id\": 42, ",
            "",
            "does not say which merge request",
        ),
        ("approvals.json", "\"iid\": 7", "\"iid\": 8", "different merge requests"),
        ("approvals.json", "\"iid\": 7", "\"iid\": \"8\"", "approvals.json: `iid` is not the number"),
        ("merge-request.json", "\"iid\": 7", "\"iid\": \"8\"", "merge-request.json: `iid` is not the number"),
        ("approvals.json", "approved_by", "approvers", "no list `approved_by`"),
        ("merge-request.json", "\"dev\"", "\"APPSEC-LEAD\"", "is the author of the change"),
        ("merge-request.json", "\"username\": \"dev\", ", "", "does not say who the author is"),
        ("merge-request.json", HEAD, "2222222222222222222222222222222222222222", "and the run is about"),
        (
            "versions.json",
            "\"merge_request_id\": 9007",
            "\"merge_request_id\": 9008",
            "of another merge request",
        ),
        (
            "versions.json",
            "\"created_at\": \"2026-06-01T10:00:00.000Z\", ",
            "",
            "has no `id`, `head_commit_sha` or",
        ),
        ("versions.json", "2026-06-01T10:00", "2026-06-01T11:00", "older than the commit"),
        ("versions.json", "2026-06-01T09:00", "2026-06-01T10:15", "of a later commit"),
        ("commits.json", "dev@shop.invalid", "ADA@shop.invalid", "has committed to the change"),
        ("commits.json", "pat@shop.invalid", "who@else.invalid", "matches nobody in `people`"),
        ("commits.json", HEAD, "3333333333333333333333333333333333333333", "not among its commits"),
        // A page of whatever length: the oldest commit is missing.
        (
            "commits.json",
            "00000000000000000000000000000000000000ba",
            "3333333333333333333333333333333333333333",
            "2 commits do not lead to the base, so there may be more",
        ),
        ("approvals.json", "\"state\": \"active\"", "\"state\": true", "is not an active user"),
        ("approvals.json", "\"locked\": false", "\"locked\": \"true\"", "is locked"),
        // An account that was renamed is the same one, whoever it is called now.
        ("approvals.json", "\"id\": 12", "\"id\": 10", "is the author of the change"),
        ("approvals.json", "\"id\": 12", "\"id\": \"10\"", "is not the number of an account"),
        (
            "merge-request.json",
            "\"id\": 10, \"username\": \"dev\"",
            "\"id\": \"12\", \"username\": \"dev\"",
            "is the author of the change",
        ),
        (
            "deployment.json",
            "\"id\": 10, \"username\": \"dev\"",
            "\"id\": 12, \"username\": \"dev\"",
            "is the author of the change",
        ),
    ];
    for (file, from, to, why) in cases {
        let dir = dir();
        edit(&dir, file, from, to);
        let run = check(&dir, &["--format", "json"]);
        let (outcome, message) = rule(&run, "approved");
        assert_eq!((run.code, outcome.as_str()), (1, "fail"), "{file}: {from} → {to}: {run:?}");
        assert!(message.contains(why), "{file}: {from} → {to}: {message}");
    }
    // Nobody approved, and GitLab calls it approved.
    let dir = dir();
    dir.write(
        "approvals.json",
        r#"{"id":9007,"iid":7,"project_id":42,"approved":true,"approvals_required":0,"approved_by":[]}"#,
    );
    let (outcome, message) = rule(&check(&dir, &["--format", "json"]), "approved");
    assert_eq!(outcome, "fail");
    assert!(message.contains("`approvals_required: 0` proves nothing"), "{message}");
    // The approval state names people and no times.
    dir.write(
        "approval-state.json",
        r#"{"rules":[{"approved":true,"approved_by":[{"username":"appsec-lead"}]}]}"#,
    );
    let (outcome, message) = rule(&check(&dir, &["--format", "json"]), "approved");
    assert!(outcome == "fail" && message.contains("has no time"), "{message}");
}

#[test]
fn a_merged_request_speaks_of_its_merge_commit() {
    let dir = dir();
    let merge = "4444444444444444444444444444444444444444";
    edit(&dir, "merge-request.json", "\"state\": \"opened\"", "\"state\": \"merged\"");
    edit(
        &dir,
        "merge-request.json",
        "\"merge_commit_sha\": null",
        &format!("\"merge_commit_sha\": \"{merge}\""),
    );
    edit(&dir, "deployment.json", HEAD, merge);
    let run = check(&dir, &["--format", "json", "--commit", merge]);
    assert_eq!(run.code, 2, "--commit twice: {run:?}");
    let run = dir.check(&[
        "--policy",
        "policy.yaml",
        "--param",
        "environment=production",
        "--commit",
        merge,
        "--format",
        "json",
    ]);
    assert_eq!(rule(&run, "approved").0, "pass", "{run:?}");
}

#[test]
fn deployment_approvals() {
    let cases: &[(&str, &str, &str)] = &[
        ("\"approved\"", "\"rejected\"", "@release-lead rejected the deployment"),
        ("\"approved\"", "\"maybe\"", "neither `approved` nor `rejected`"),
        ("\"approved\"", "\" REJECTED\"", "@release-lead rejected the deployment"),
        (
            "\"comment\": \"COMMENT\"}",
            "\"comment\": \"COMMENT\"}, {\"user\": {\"id\": 21, \"username\": \"platform-lead\"}, \"status\": \"Blocked\"}",
            "@platform-lead says `blocked`, which is neither",
        ),
        ("\"approved\"", "null", "neither `approved` nor `rejected`"),
        ("\"release-lead\"", "\"dev\"", "is not role:release"),
        ("\"id\": 10, \"username\": \"dev\"", "\"id\": 20, \"username\": \"release-lead\"", "is who deploys"),
        ("\"username\": \"dev\", ", "", "does not say who deploys"),
        (
            HEAD,
            "2222222222222222222222222222222222222222",
            "of commit 2222222222222222222222222222222222222222",
        ),
        ("\"name\": \"production\"", "\"name\": \"staging\"", "is to staging"),
        (
            "2026-06-01T11:30:00.000Z\", \"comment",
            "2026-06-01T10:30:00.000Z\", \"comment",
            "older than the deployment",
        ),
        ("\"approvals\"", "\"approval\"", "is the environment protected?"),
    ];
    for (from, to, why) in cases {
        let dir = dir();
        edit(&dir, "deployment.json", from, to);
        let run = check(&dir, &["--format", "json"]);
        let (outcome, message) = rule(&run, "deploy");
        assert_eq!((run.code, outcome.as_str()), (1, "fail"), "{from} → {to}: {run:?}");
        assert!(message.contains(why), "{from} → {to}: {message}");
    }
    let dir = dir();
    dir.write(
        "policy.yaml",
        POLICY.replace("\"@Release-Lead\", \"@platform-lead\"", "\"@example-release-lead\""),
    );
    let run = check(&dir, &["--format", "json"]);
    let (outcome, message) = rule(&run, "deploy");
    assert_eq!((run.code, outcome.as_str()), (2, "error"), "{run:?}");
    assert!(message.contains("people.release has placeholders"), "{message}");
}

#[test]
fn in_a_job_only_the_deployment_of_that_job_counts() {
    let dir = dir();
    let outcome = |job: &str| {
        let mut command = dir.command();
        command.env("CI_JOB_ID", job).args([
            "check",
            "--now",
            NOW,
            "--policy",
            "policy.yaml",
            "--commit",
            HEAD,
        ]);
        let run = Run::of(command.args(["--param", "environment=production", "--format", "json"]));
        (run.code, rule(&run, "deploy"))
    };
    assert_eq!(outcome("664").0, 0);
    for other in ["665", "", "66", "0664"] {
        let (code, (outcome, message)) = outcome(other);
        assert_eq!((code, outcome.as_str()), (1, "fail"), "{other}");
        assert!(message.contains("the deployment is of job 664, and this is job"), "{message}");
    }
    // What somebody rejected in an earlier attempt is rejected, whoever approves this one.
    dir.write(
        "policy.yaml",
        POLICY.replace("files: [deployment.json]", "files: [deployment.json, earlier.json]"),
    );
    let rejected = dir
        .read("deployment.json")
        .replace("\"id\": 664", "\"id\": 663")
        .replace("\"approved\"", "\"rejected\"");
    dir.write("earlier.json", rejected.replace("release-lead", "platform-lead"));
    let (code, (_, message)) = outcome("664");
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("@platform-lead rejected an earlier attempt (earlier.json)"), "{message}");
    // Who rejected it may come to another view.
    dir.write("earlier.json", rejected.replace("2026-06-01T1", "2026-06-01T0"));
    assert_eq!(outcome("664").0, 0);
    edit(&dir, "deployment.json", "\"id\": 664, ", "");
    let (code, (outcome, message)) = outcome("664");
    assert_eq!((code, outcome.as_str()), (1, "fail"));
    assert!(message.contains("`deployable.id`"), "{message}");
}

#[test]
fn a_review_is_resolved_by_its_reviewers_and_by_nobody_else() {
    let dir = dir();
    dir.write("semgrep.json", semgrep(&["WARNING"]));
    let run = check(&dir, &["--format", "json"]);
    let (outcome, message) = rule(&run, "medium");
    assert_eq!((run.code, outcome.as_str()), (0, "pass"), "{run:?}");
    assert_eq!(message, "1 finding; approved by @appsec-lead (merge request !7)");
    // What fails stays so.
    dir.write(
        "policy.yaml",
        POLICY.replace("severity: medium}, then: review", "severity: medium}, then: fail"),
    );
    assert_eq!(check(&dir, &[]).code, 1);
    // Somebody else's approval resolves nothing, and the obligation says what is missing.
    dir.write("policy.yaml", POLICY.replace("then: fail", "then: review"));
    edit(&dir, "approvals.json", "\"appsec-lead\"", "\"pat\"");
    let run = check(&dir, &["--format", "json"]);
    assert_eq!(run.code, 10, "{run:?}");
    let json = run.json();
    let obligation = &json["rules"][0]["obligations"][0];
    assert_eq!(obligation["missing"], 1);
    assert_eq!(obligation["any_of"], serde_json::json!(["role:appsec"]));
    assert!(obligation["not_counted"].to_string().contains("@pat: is not role:appsec"), "{obligation}");
    // A rule about approvals is met by its own demand only.
    assert_eq!(rule(&run, "approved").0, "review");
}

#[test]
fn an_approval_of_the_deployment_names_the_findings() {
    let dir = dir();
    dir.write("semgrep.json", semgrep(&["WARNING"]));
    dir.write(
        "policy.yaml",
        POLICY.replace("reviewers: {any_of: [\"role:appsec\"]", "reviewers: {any_of: [\"role:release\"]"),
    );
    let run = check(&dir, &["--format", "json"]);
    assert_eq!(run.code, 10, "{run:?}");
    let digest = run.json()["findings_digest"].as_str().unwrap().to_owned();
    let line = format!("secgate:{}", &digest[..16]);
    assert_eq!(run.json()["rules"][0]["obligations"][0]["comment"], line.as_str());
    // To be copied, so it stands alone.
    assert!(check(&dir, &[]).stdout.lines().any(|told| told.trim() == line));
    edit(&dir, "deployment.json", "COMMENT", &format!("Looked at it. {line}"));
    let run = check(&dir, &["--format", "json"]);
    assert_eq!((run.code, rule(&run, "medium").0.as_str()), (0, "pass"), "{run:?}");
    // The digest of what was approved stays, and other findings are not approved.
    assert_eq!(run.json()["findings_digest"], digest.as_str());
    dir.write("semgrep.json", semgrep(&["WARNING", "WARNING"]));
    assert_eq!(check(&dir, &[]).code, 10);
}

#[test]
fn a_review_by_the_evidence_is_resolved_and_missing_evidence_is_not() {
    let dir = dir();
    dir.write("semgrep.json", r#"{"version":"1.0.0","results":[],"errors":[],"paths":{"scanned":[]}}"#);
    let run = check(&dir, &["--format", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let json = run.json();
    let sast = json["evidence"].as_array().unwrap().iter().find(|e| e["entry"] == "sast").unwrap().clone();
    assert_eq!((&sast["status"], &sast["outcome"]), (&"nothing_scanned".into(), &"pass".into()));
    assert!(sast["message"].as_str().unwrap().contains("approved by @appsec-lead"), "{sast}");
    edit(&dir, "approvals.json", "\"appsec-lead\"", "\"pat\"");
    dir.write("policy.yaml", POLICY.replace("then: fail", "then: warn"));
    assert_eq!(check(&dir, &[]).code, 10);
    std::fs::remove_file(dir.path().join("semgrep.json")).unwrap();
    edit(&dir, "approvals.json", "\"pat\"", "\"appsec-lead\"");
    assert_eq!(check(&dir, &[]).code, 1);
}

#[test]
fn a_missing_base_is_let_be_by_the_policys_reviewers() {
    let dir = dir();
    dir.write(
        "policy.yaml",
        POLICY.replace("evidence:\n", "base: {from: baseline, without: review}\nevidence:\n"),
    );
    let run = check(&dir, &["--format", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.json()["base"]["message"].as_str().unwrap().contains("approved by @appsec-lead"), "{run:?}");
    edit(&dir, "approvals.json", "2026-06-01T10:30", "2026-06-01T09:30");
    dir.write("policy.yaml", dir.read("policy.yaml").replace("then: fail", "then: warn"));
    let run = check(&dir, &["--format", "json"]);
    assert_eq!(
        (run.code, run.json()["base"]["obligations"][0]["missing"].as_u64()),
        (10, Some(1)),
        "{run:?}"
    );
}

#[test]
fn who_cannot_be_told_from_the_author_is_the_author() {
    type Case<'c> = (&'c [(&'c str, &'c str)], Option<&'c str>);
    // Who started the pipeline, who wrote the commit, and what is said of the approver, Rea Lease, @release-lead.
    let cases: &[Case<'_>] = &[
        (&[], Some("is not known")),
        (&[("GITLAB_USER_LOGIN", "dev")], None),
        (&[("GITLAB_USER_LOGIN", "Release-Lead")], Some("is the author")),
        (&[("CI_COMMIT_AUTHOR", "rea lease <r@x.invalid>")], Some("is the author")),
        // A colleague runs the pipeline again: the commit's author is still not known to be anybody else.
        (
            &[("GITLAB_USER_LOGIN", "dev"), ("CI_COMMIT_AUTHOR", "R <r@x.invalid>")],
            Some("cannot be told from the author"),
        ),
        (&[("CI_COMMIT_AUTHOR", "R <r@x.invalid>")], Some("cannot be told from the author")),
        (&[("GITLAB_USER_LOGIN", "dev"), ("CI_COMMIT_AUTHOR", "R")], Some("cannot be told from the author")),
        // The address is that of somebody whom the policy knows.
        (&[("GITLAB_USER_LOGIN", "dev"), ("CI_COMMIT_AUTHOR", "D <DEV@shop.invalid>")], None),
        (&[("CI_COMMIT_AUTHOR", "D <dev@shop.invalid>")], None),
    ];
    let dir = dir();
    std::fs::remove_file(dir.path().join("merge-request.json")).unwrap();
    for (environment, why) in cases {
        let mut command = dir.command();
        command.envs(environment.iter().copied()).args(["check", "--now", NOW, "--policy", "policy.yaml"]);
        let more = ["--param", "environment=production", "--commit", HEAD, "--format", "json"];
        let run = Run::of(command.args(more));
        let (outcome, message) = rule(&run, "deploy");
        assert_eq!(outcome, if why.is_some() { "fail" } else { "pass" }, "{environment:?}: {message}");
        assert!(message.contains(why.unwrap_or("approved by")), "{environment:?}: {message}");
    }
    // With an address of their own, they can.
    dir.write(
        "policy.yaml",
        POLICY.replace("\"@Release-Lead\"", "{user: \"@Release-Lead\", emails: [rea@shop.invalid]}"),
    );
    let by = |author: &str| {
        let mut command = dir.command();
        command.env("CI_COMMIT_AUTHOR", author).args(["check", "--now", NOW, "--policy", "policy.yaml"]);
        let more = ["--param", "environment=production", "--commit", HEAD, "--format", "json"];
        rule(&Run::of(command.args(more)), "deploy")
    };
    assert_eq!(by("R <r@x.invalid>").0, "pass");
    assert!(by("R <Rea@shop.invalid>").1.contains("is the author"));
}

/// An account is one approval, and one committer, deployer and owner, under each name that it has had.
#[test]
fn an_account_is_one_whatever_it_is_called() {
    let dir = dir();
    let two = POLICY.replace("appsec: [{", "appsec: [\"@eve\", {").replace(
        "[\"role:appsec\"], not: [author, committers]",
        "[\"role:appsec\"], at_least: 2, not: [author, committers]",
    );
    dir.write("policy.yaml", &two);
    let more = |id: u32| {
        format!(
            "\"approved_by\": [{{\"user\": {{\"id\": {id}, \"username\": \"eve\", \"state\": \"active\"}}, \
             \"approved_at\": \"2026-06-01T10:31:00.000Z\"}},"
        )
    };
    let approvals = dir.read("approvals.json");
    dir.write("approvals.json", approvals.replace("\"approved_by\": [", &more(13)));
    assert_eq!(rule(&check(&dir, &["--format", "json"]), "approved").0, "pass");
    dir.write("approvals.json", approvals.replace("\"approved_by\": [", &more(12)));
    let (outcome, message) = rule(&check(&dir, &["--format", "json"]), "approved");
    assert!(outcome == "fail" && message.contains("1 of 2 approvals"), "{message}");
    // Who deploys goes by another name now, and so does who wrote the commits.
    dir.write("policy.yaml", POLICY).write("approvals.json", &approvals);
    edit(&dir, "deployment.json", "\"id\": 20", "\"id\": 10");
    let (outcome, message) = rule(&check(&dir, &["--format", "json"]), "deploy");
    assert!(outcome == "fail" && message.contains("is the author"), "{message}");
    dir.write("policy.yaml", POLICY.replace("not: [author, deployer]", "not: [deployer]"));
    let (outcome, message) = rule(&check(&dir, &["--format", "json"]), "deploy");
    assert!(outcome == "fail" && message.contains("is who deploys"), "{message}");
}

#[test]
fn an_address_of_several_is_that_of_each() {
    let dir = dir();
    let policy = POLICY.replace("emails: [ada@shop.invalid]", "emails: [ada@shop.invalid, pat@shop.invalid]");
    dir.write("policy.yaml", &policy);
    assert!(rule(&check(&dir, &["--format", "json"]), "approved").1.contains("has committed"));
    // In whatever order the policy names them.
    let moved = policy.replace("  appsec:", "  zappsec:").replace("role:appsec", "role:zappsec");
    dir.write("policy.yaml", moved);
    assert!(rule(&check(&dir, &["--format", "json"]), "approved").1.contains("has committed"));
}

/// A policy that takes signed acceptances, with the key of each person.
fn acceptances(dir: &Dir, people: &[&str]) {
    let mut keys = String::new();
    for person in people {
        let name = format!("keys/{person}");
        if !dir.exists(&format!("{name}.pub")) {
            dir.write("keys/readme", "");
            assert_eq!(dir.run(&["attest", "keygen", "--output", &name]).code, 0);
        }
        let sha256 = hex(&Sha256::digest(dir.read(&format!("{name}.pub"))));
        writeln!(keys, "  {person}: {{file: {name}.pub, sha256: {sha256}, user: \"@{person}\"}}").unwrap();
    }
    dir.write(
        "policy.yaml",
        format!(
            "version: 1\ngate: release\nkeys:\n{keys}evidence:\n  sast: {{category: sast, files: [semgrep.json]}}\n  \
             accepted: {{document: acceptance, files: [accepted.json], required: false}}\n\
             people: {{appsec: [\"@Ada\"], others: [\"@bob\"]}}\n\
             reviewers: {{any_of: [\"role:appsec\"], not: [author]}}\n\
             rules:\n  - {{id: medium, findings: {{category: sast, severity: medium}}, then: review}}\n"
        ),
    );
}

#[test]
fn a_signed_acceptance_answers_for_these_findings_and_no_others() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["WARNING"]));
    acceptances(&dir, &["ada", "bob"]);
    let run = |more: &[&str]| {
        let mut command = dir.command();
        command.env("GITLAB_USER_LOGIN", "dev").args(["check", "--policy", "policy.yaml"]);
        let commit = if more.contains(&"--commit") { &[][..] } else { &["--commit", HEAD] };
        let now = if more.contains(&"--now") { &[][..] } else { &["--now", NOW] };
        Run::of(command.args(["--format", "json"]).args(commit).args(now).args(more))
    };
    let accept = |person: &str, key: &str| {
        let args = ["attest", "accept", "--verdict", "review.json", "--key", key, "--person", person];
        let more = ["--reason", "seen", "--expires", "2026-06-30", "--now", NOW, "--output", "accepted.json"];
        let done = dir.run(&[&args[..], &more].concat());
        assert_eq!(done.code, 0, "{done:?}");
    };
    let asked = run(&["--output", "json=review.json"]);
    assert_eq!(asked.code, 10, "{asked:?}");
    accept("@ADA", "keys/ada.key");
    let met = run(&[]);
    assert_eq!((met.code, rule(&met, "medium").0.as_str()), (0, "pass"), "{met:?}");
    assert!(rule(&met, "medium").1.contains("approved by @ada (acceptance accepted.json)"), "{met:?}");
    let stays = |run: &Run, why: &str| {
        let told = run.json()["rules"][0]["obligations"][0]["not_counted"].to_string();
        assert!(run.code == 10 && told.contains(why), "{why}: {run:?}");
    };
    stays(&run(&["--commit", "2222222222222222222222222222222222222222"]), "it is about commit 1111");
    stays(&run(&["--now", "2026-07-01T00:00:00Z"]), "it expired at");
    stays(&run(&["--now", "2026-06-01T11:00:00Z"]), "in the future");
    dir.write("semgrep.json", semgrep(&["WARNING", "WARNING"]));
    stays(&run(&[]), "other findings");
    dir.write("semgrep.json", semgrep(&["WARNING"]));
    dir.write("policy.yaml", dir.read("policy.yaml").replace("gate: release", "gate: release\ntitle: T"));
    stays(&run(&[]), "another policy");
    // Somebody else's key, somebody else, and nobody.
    acceptances(&dir, &["ada", "bob"]);
    accept("@ada", "keys/bob.key");
    stays(&run(&[]), "is not signed by their key");
    accept("@bob", "keys/bob.key");
    stays(&run(&[]), "@bob: is not role:appsec");
    dir.write("policy.yaml", dir.read("policy.yaml").replace(", user: \"@ada\"", ""));
    assert_eq!(run(&["--output", "json=review.json"]).code, 10);
    accept("@ada", "keys/ada.key");
    stays(&run(&[]), "no key of `keys` that has a `user`");
    // The author's own word.
    acceptances(&dir, &["ada", "dev"]);
    dir.write("policy.yaml", dir.read("policy.yaml").replace("[\"@Ada\"]", "[\"@Ada\", \"@dev\"]"));
    assert_eq!(run(&["--output", "json=review.json"]).code, 10);
    accept("dev", "keys/dev.key");
    stays(&run(&[]), "@dev: is the author of the change");
}

/// A page that is cut off below a second parent holds the first parents down to the base.
#[test]
fn a_full_page_with_a_parent_that_is_not_listed_is_not_whole() {
    let sha = |n: usize| format!("{n:040x}");
    let commit = |id: &str, parents: &[&str]| serde_json::json!({"id": id, "parent_ids": parents, "author_email": "dev@shop.invalid", "committer_email": "dev@shop.invalid"});
    let base = "00000000000000000000000000000000000000ba";
    let told = |dir: &Dir| rule(&check(dir, &["--format", "json"]), "approved");
    for length in [19, 20, 21, 50, 100] {
        for (last, whole) in [(sha(9000), false), (base.to_owned(), true)] {
            let mut list = vec![commit(HEAD, &[base, &sha(1000)])];
            let side = (1..length).map(|at| {
                let parent = if at + 1 == length { last.clone() } else { sha(1000 + at) };
                commit(&sha(999 + at), &[&parent])
            });
            list.extend(side);
            let dir = dir();
            dir.write("commits.json", serde_json::json!(list).to_string());
            let (outcome, message) = told(&dir);
            let passes = whole || !matches!(length, 20 | 50 | 100);
            assert_eq!(outcome, if passes { "pass" } else { "fail" }, "{length}: {message}");
            assert!(passes || message.contains("there may be more"), "{message}");
        }
    }
    // The base of an older version is none of this one.
    let dir = dir();
    edit(&dir, "commits.json", base, &sha(7));
    let versions = dir.read("versions.json");
    let (newest, older) = versions.split_once("2222222222").unwrap();
    dir.write("versions.json", format!("{newest}2222222222{}", older.replace(base, &sha(7))));
    let (outcome, message) = told(&dir);
    assert!(outcome == "fail" && message.contains("do not lead to the base"), "{message}");
}

#[test]
fn a_deployment_counts_where_the_environment_is_known() {
    let dir = dir();
    let policy = POLICY.replace("when: {environment: production}, ", "");
    dir.write(
        "policy.yaml",
        policy.replace("parameters: {environment: {one_of: [staging, production]}}\n", ""),
    );
    let of = |environment: &[(&str, &str)]| {
        let mut command = dir.command();
        command.envs(environment.iter().copied()).args(["check", "--now", NOW, "--policy", "policy.yaml"]);
        rule(&Run::of(command.args(["--commit", HEAD, "--format", "json"])), "deploy")
    };
    for environment in [&[][..], &[("CI_ENVIRONMENT_NAME", "")]] {
        let (outcome, message) = of(environment);
        assert!(outcome == "fail" && message.contains("--param environment=NAME"), "{outcome}: {message}");
    }
    assert_eq!(of(&[("CI_ENVIRONMENT_NAME", "production")]).0, "pass");
    assert_eq!(of(&[("CI_ENVIRONMENT_NAME", "staging")]).0, "fail");
}
