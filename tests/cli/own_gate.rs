//! A change that loosens the gate which is to let it through.

use secgate::finding::hex;
use sha2::{Digest, Sha256};

use crate::common::{Dir, NOW, Run, SAST_POLICY, WAIVED_CODE, semgrep};

/// The policy of the target branch: with reviewers, and with waivers.
fn before() -> String {
    // The second rule looks elsewhere, so that one waiver is enough for a finding.
    let rules = SAST_POLICY.replace("severity: medium}", "severity: medium, path: \"lib/**\"}");
    format!(
        "{rules}waivers: {{files: [waivers.yaml], max_duration: 90d}}\n\
         people: {{appsec: [\"@ann\", \"@bob\"]}}\n\
         reviewers: {{any_of: [\"role:appsec\"], at_least: 1, not: [author]}}\n"
    )
}

fn waiver(id: &str, rest: &str) -> String {
    format!(
        "  - {{id: {id}, rule: merge/sast-high, match: {{rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}}, reason: why, owner: \"@dev\", \
         approved_by: \"@ann\", compensating_controls: [tests], created: 2026-05-01, expires: 2026-06-30, \
         review_trigger: [severity_raised], seen: {{severity: high}}{rest}}}\n"
    )
}

fn waivers(entries: &[String]) -> String {
    if entries.is_empty() {
        return "version: 1\nwaivers: []\n".to_owned();
    }
    format!("version: 1\nwaivers:\n{}", entries.concat())
}

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A directory with this policy of the change, the one before it, and one finding of high severity.
fn dir(after: &str) -> Dir {
    let dir = Dir::new();
    dir.write("base.yaml", before())
        .write("policy.yaml", after)
        .write("semgrep.json", semgrep(&["HIGH"]))
        .write("src/a0.py", WAIVED_CODE);
    dir
}

const COMPARED: [&str; 4] = ["--policy", "policy.yaml", "--base-policy", "base.yaml"];

#[test]
fn a_change_brings_no_approvals_of_its_own() {
    const HEAD: &str = "1111111111111111111111111111111111111111";
    let before = before().replace("then: fail", "then: review");
    let forged = before.replace(
        "evidence:\n",
        "evidence:\n  approvals: {document: gitlab-approvals, files: [approvals.json]}\n  \
         request: {document: gitlab-merge-request, files: [merge-request.json]}\n  \
         versions: {document: gitlab-versions, files: [versions.json]}\n",
    );
    let dir = dir(&forged);
    dir.write("base.yaml", before)
        .write("merge-request.json", format!(r#"{{"id":1,"iid":1,"project_id":1,"author":{{"username":"eve"}},"sha":"{HEAD}"}}"#))
        .write("versions.json", format!(r#"[{{"id":1,"merge_request_id":1,"head_commit_sha":"{HEAD}","created_at":"2026-06-01T10:00:00Z"}}]"#))
        .write("approvals.json", r#"{"id":1,"iid":1,"project_id":1,"approved_by":[{"user":{"username":"ann"},"approved_at":"2026-06-01T11:00:00Z"}]}"#);
    let alone = dir.check(&["--policy", "policy.yaml", "--commit", HEAD]);
    assert_eq!(alone.code, 0, "the approvals would do: {alone:?}");
    let run = dir.check(&[&COMPARED[..], &["--commit", HEAD]].concat());
    assert_eq!(run.code, 10, "{run:?}");
    assert!(
        words(&run.stdout).contains("evidence `approvals`: not there → one more file that says who approved")
    );
}

#[test]
fn a_policy_that_lets_its_own_change_through_is_a_review_clause_by_clause() {
    let dir = dir(&before().replace("severity: high}, then: fail", "severity: critical}, then: warn"));
    dir.write("semgrep.json", semgrep(&[]));
    let run = dir.check(&COMPARED);
    assert_eq!(run.code, 10, "{run:?}");
    let text = words(&run.stdout);
    for told in [
        "review this change loosens its own gate in 2 clauses rule `sast-high`: `findings.severity`: high → critical \
         (policy.yaml:6, before base.yaml:6) rule `sast-high`: `then`: fail → warn (policy.yaml:6, before base.yaml:6) \
         compared with policy base.yaml sha256:",
        "undo 2 weakened gate settings, or make them a change of their own, or have it approved by",
        "[REVIEW] this change loosens its own gate in 2 clauses",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let json = dir.check(&[&COMPARED[..], &["--format", "json"]].concat()).json();
    let gate = &json["loosened"];
    assert_eq!((&json["verdict"], &gate["outcome"]), (&"review".into(), &"review".into()));
    assert_eq!(gate["clauses"][0]["clause"], "rule `sast-high`: `findings.severity`");
    assert_eq!(gate["clauses"][1]["before"], "fail");
    assert_eq!(gate["clauses"][1]["after_at"], serde_json::json!({"file": "policy.yaml", "line": 6}));
    assert_eq!(gate["obligations"][0]["any_of"], serde_json::json!(["role:appsec"]));
    // Nothing of this without something to compare with.
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
}

#[test]
fn advisory_does_not_take_effect_in_the_change_that_says_so() {
    let dir = dir(&before().replace("gate: merge", "gate: merge\nenforcement: advisory"));
    let run = dir.check(&[&COMPARED[..], &["--format", "json"]].concat());
    assert_eq!((run.code, &run.json()["enforced"]), (1, &true.into()));
    dir.write("semgrep.json", semgrep(&[]));
    let run = dir.check(&COMPARED);
    assert_eq!(run.code, 10, "{run:?}");
    assert!(words(&run.stdout).contains("`enforcement`: blocking → advisory"), "{}", run.stdout);
    // What was advisory before may stay it.
    dir.write("base.yaml", dir.read("policy.yaml"));
    assert_eq!(dir.check(&COMPARED).code, 0);
}

#[test]
fn a_stricter_policy_is_no_loosening() {
    let dir = dir(&before()
        .replace("then: review}", "then: fail, allow: 0}")
        .replace("gate: merge", "gate: merge\ntitle: Ours"));
    dir.write("semgrep.json", semgrep(&[]));
    let run = dir.check(&COMPARED);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(words(&run.stdout).contains("the gate is as strict as it was"), "{}", run.stdout);
}

#[test]
fn nobody_joins_a_role_to_approve_that_they_do() {
    let dir = dir(&before().replace("\"@bob\"]", "\"@bob\", \"@eve\"]"));
    dir.write("semgrep.json", semgrep(&[]));
    let json = dir.check(&[&COMPARED[..], &["--format", "json"]].concat()).json();
    assert_eq!(json["exit_code"], 10);
    assert_eq!(json["loosened"]["obligations"][0]["any_of"], serde_json::json!(["@ann", "@bob"]));
}

#[test]
fn a_waiver_of_the_change_that_it_lets_through_is_named_with_its_people() {
    let dir = dir(&before());
    dir.write("waivers.yaml", waivers(&[waiver("W-1", "")])).write("base-waivers.yaml", waivers(&[]));
    assert_eq!(dir.check(&COMPARED).code, 0);
    let run = dir.check(&[&COMPARED[..], &["--base-waivers", "base-waivers.yaml"]].concat());
    assert_eq!(run.code, 10, "{run:?}");
    assert!(words(&run.stdout).contains("waiver `W-1` (owner @dev, approved by @ann): not there → lets rule-0 in src/a0.py with content 338b0c861f359a1a through merge/sast-high until 2026-06-30 (waivers.yaml:3)"), "{}", run.stdout);
    // The same waiver as before is none of this change.
    dir.write("base-waivers.yaml", waivers(&[waiver("W-1", "")]));
    assert_eq!(dir.check(&[&COMPARED[..], &["--base-waivers", "base-waivers.yaml"]].concat()).code, 0);
}

#[test]
fn a_waiver_that_reaches_further_is_named_key_by_key() {
    let dir = dir(&before());
    for (from, to, key) in [
        ("expires: 2026-06-30", "expires: 2026-07-20", "`expires`"),
        ("rule: merge/sast-high", "rule: [merge/sast-high, merge/sast-medium]", "`rule`"),
        ("path: src/a0.py", "path: src/a1.py", "`match`"),
        ("review_trigger: [severity_raised]", "review_trigger: [fix_available]", "`review_trigger`"),
        ("seen: {severity: high}", "seen: {severity: critical}", "`seen.severity`"),
        ("seen: {severity: high}", "seen: {severity: high, matches: 4}", "`max_matches`"),
        ("owner: \"@dev\"", "owner: \"@else\"", "`owner`"),
    ] {
        let one = waiver("W-1", "");
        dir.write("base-waivers.yaml", waivers(std::slice::from_ref(&one)))
            .write("waivers.yaml", waivers(&[one.replace(from, to)]));
        let json = dir
            .check(&[&COMPARED[..], &["--base-waivers", "base-waivers.yaml", "--format", "json"]].concat())
            .json();
        let clauses = json["loosened"]["clauses"].to_string();
        assert!(clauses.contains(key), "{to}: {clauses}");
    }
    // Less than before is nothing to look at.
    dir.write("base-waivers.yaml", waivers(&[waiver("W-1", ", max_matches: 5"), waiver("W-2", "")]));
    dir.write("waivers.yaml", waivers(&[waiver("W-1", "").replace("2026-06-30", "2026-06-20")]));
    assert_eq!(dir.check(&[&COMPARED[..], &["--base-waivers", "base-waivers.yaml"]].concat()).code, 0);
}

#[test]
fn what_it_was_has_to_be_readable() {
    let dir = dir(&before());
    dir.write("broken.yaml", "version: 1\ngate: [\n");
    for args in [
        &["--base-policy", "missing.yaml"][..],
        &["--base-policy", "broken.yaml"],
        &["--base-policy", ""],
        &["--base-policy", "mrege"],
        &["--base-waivers", "missing.yaml"],
        &["--base-waivers", "broken.yaml"],
        &["--base-waivers", ""],
    ] {
        let run = dir.check(&[&["--policy", "policy.yaml"], args].concat());
        assert!(run.code == 2 && run.stderr.contains(args[0]), "{args:?}: {run:?}");
        assert_eq!(run.stderr.lines().next().unwrap().matches("error").count(), 1, "{}", run.stderr);
    }
}

#[test]
fn those_who_decided_before_the_change_resolve_it() {
    let entries = "evidence:\n  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}\n  \
         request: {document: gitlab-merge-request, files: [merge-request.json], required: false}\n  \
         versions: {document: gitlab-versions, files: [versions.json], required: false}\n";
    let policy = before()
        .replace("evidence:\n", entries)
        .replace("[\"@ann\", \"@bob\"]", "[{user: \"@appsec-lead\", emails: [ada@shop.invalid]}]");
    let looser = policy.replace("severity: high}", "severity: critical}");
    let dir = dir(&looser);
    dir.write("base.yaml", &policy).write("semgrep.json", semgrep(&[]));
    for name in ["approvals", "merge-request", "versions"] {
        dir.copy(&format!("gitlab-api/{name}.json"), &format!("{name}.json"));
    }
    let head = "1111111111111111111111111111111111111111";
    let args = [&COMPARED[..], &["--commit", head, "--format", "json"]].concat();
    let run = dir.check(&args);
    let gate = &run.json()["loosened"];
    assert_eq!((run.code, &gate["outcome"]), (0, &"pass".into()), "{run:?}");
    assert_eq!(
        gate["message"],
        "this change loosens its own gate in 1 clause; approved by @appsec-lead (merge request !7)"
    );
    // Approvals for another commit, and approvals from where the change says that they are.
    let other = [&COMPARED[..], &["--commit", "2222222222222222222222222222222222222222"]].concat();
    assert_eq!(dir.check(&other).code, 10);
    dir.write("policy.yaml", looser.replace("[approvals.json]", "[mine.json]"));
    dir.copy("gitlab-api/approvals.json", "mine.json");
    assert_eq!(dir.check(&args).code, 10);
    // Somebody who comes to the role with the change.
    dir.write("base.yaml", policy.replace("@appsec-lead", "@ann"));
    dir.write("policy.yaml", &looser);
    assert_eq!(dir.check(&args).code, 10);
}

#[test]
fn a_signed_acceptance_is_of_the_policy_that_decides_by_a_key_of_the_one_before() {
    let dir = Dir::new();
    for person in ["ann", "eve"] {
        assert_eq!(dir.run(&["attest", "keygen", "--output", person]).code, 0);
    }
    let key = |person: &str| {
        let sha256 = hex(&Sha256::digest(dir.read(&format!("{person}.pub"))));
        format!("  {person}: {{file: {person}.pub, sha256: {sha256}, user: \"@{person}\"}}\n")
    };
    let entry = "evidence:\n  accepted: {document: acceptance, files: [accepted.json], required: false}\n";
    let base = format!("{}keys:\n{}", before().replace("evidence:\n", entry), key("ann"));
    let looser = format!("{}{}", base.replace("severity: high}", "severity: critical}"), key("eve"))
        .replace("[\"@ann\", \"@bob\"]", "[\"@ann\", \"@bob\", \"@eve\"]");
    dir.write("base.yaml", &base).write("policy.yaml", &looser).write("semgrep.json", semgrep(&[]));
    let commit = ["--commit", "1111111111111111111111111111111111111111"];
    let run = |more: &[&str]| {
        let mut command = dir.command();
        command.env("GITLAB_USER_LOGIN", "dev").args(["check", "--now", NOW, "--format", "json"]);
        Run::of(command.args(COMPARED).args(commit).args(more))
    };
    let accept = |person: &str| {
        let key = format!("{person}.key");
        let args = ["attest", "accept", "--verdict", "review.json", "--key", &key, "--person", person];
        let more = ["--reason", "seen", "--expires", "2026-06-30", "--now", NOW, "--output", "accepted.json"];
        let done = dir.run(&[&args[..], &more].concat());
        assert_eq!(done.code, 0, "{done:?}");
    };
    assert_eq!(run(&["--output", "json=review.json"]).code, 10);
    accept("ann");
    let met = run(&[]);
    assert_eq!((met.code, &met.json()["loosened"]["outcome"]), (0, &"pass".into()), "{met:?}");
    // Who comes with the change signs for nobody.
    accept("eve");
    let run_of_eve = run(&[]);
    let told = run_of_eve.json()["loosened"]["obligations"][0]["not_counted"].to_string();
    assert!(run_of_eve.code == 10 && told.contains("no key of `keys` that has a `user`"), "{run_of_eve:?}");
    // An acceptance of another policy, even of the one before, says nothing of this change.
    accept("ann");
    dir.write("policy.yaml", looser.replace("severity: critical}", "severity: critical, path: \"x/**\"}"));
    let other = run(&[]);
    let told = other.json()["loosened"]["obligations"][0]["not_counted"].to_string();
    assert!(other.code == 10 && told.contains("another policy"), "{other:?}");
}
