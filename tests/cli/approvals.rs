//! Approvals: of merge requests and deployments, and the reviews that they resolve.

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
        ("approvals.json", "\"state\": \"active\"", "\"state\": \"blocked\"", "is no active user"),
        (
            "approvals.json",
            "\"id\": 9007, \"iid\": 7, \"project_id\": 42, ",
            "",
            "does not say which merge request",
        ),
        ("approvals.json", "\"iid\": 7", "\"iid\": 8", "different merge requests"),
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
        ("\"release-lead\"", "\"dev\"", "is not role:release"),
        ("\"username\": \"dev\"", "\"username\": \"release-lead\"", "is who deploys"),
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
