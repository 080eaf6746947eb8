//! `secgate attest` and `secgate verify`: what is signed, what is refused, and what a broken chain says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::common::{Dir, NOW, Run, SAST_POLICY, semgrep};

/// The commit of every verdict here, unless a test says otherwise.
pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";
const TREE: &str = "2222222222222222222222222222222222222222";
const IMAGE: &str =
    "registry.invalid/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A passing verdict about [`COMMIT`], written to `name`.
pub(crate) fn verdict_in(dir: &Dir, name: &str, more: &[&str]) -> Run {
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["INFO"]));
    let output = format!("json={name}");
    dir.check(&[&["--policy", "policy.yaml", "--commit", COMMIT, "--output", &output], more].concat())
}

fn keys(dir: &Dir) {
    assert_eq!(dir.run(&["attest", "keygen"]).code, 0);
}

fn sign(dir: &Dir, verdict: &str, output: &str, more: &[&str]) -> Run {
    let args = ["attest", "--verdict", verdict, "--key", "secgate.key", "--output", output];
    dir.run(&[&args[..], more].concat())
}

fn verify(dir: &Dir, args: &[&str]) -> Run {
    dir.run(&[&["verify", "--key", "secgate.pub", "--now", NOW], args].concat())
}

/// The statement of the envelope on a line of a file.
fn statement(dir: &Dir, name: &str, line: usize) -> Value {
    use base64ct::Encoding as _;
    let envelope: Value = serde_json::from_str(dir.read(name).lines().nth(line).unwrap()).unwrap();
    let payload = base64ct::Base64::decode_vec(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn a_key_is_private_and_never_overwritten() {
    let dir = Dir::new();
    let made = dir.run(&["attest", "keygen", "--output", "gate"]);
    assert_eq!(made.code, 0, "{made:?}");
    let secret = dir.read("gate.key");
    let bits = fs::metadata(dir.path().join("gate.key")).unwrap().permissions().mode();
    assert_eq!(bits & 0o777, 0o600);
    assert!(made.stdout.contains("file: \"gate.pub\", sha256: \""), "{}", made.stdout);
    let body = secret.lines().nth(1).unwrap();
    assert!(!made.all().contains(body));
    for there in ["gate.key", "gate.pub"] {
        let again = dir.run(&["attest", "keygen", "--output", "gate"]);
        assert_eq!((again.code, dir.read("gate.key")), (2, secret.clone()), "{again:?}");
        assert!(again.stderr.contains("never overwritten"), "{again:?}");
        fs::remove_file(dir.path().join(there)).ok().filter(|()| there == "gate.pub");
        dir.write("gate.key", &secret);
    }
}

#[test]
fn a_verdict_is_signed_with_what_it_is_about() {
    let dir = Dir::new();
    keys(&dir);
    assert_eq!(verdict_in(&dir, "verdict.json", &["--subject", IMAGE]).code, 0);
    let signed = sign(&dir, "verdict.json", "merge.jsonl", &["--tree", TREE]);
    assert_eq!(signed.code, 0, "{signed:?}");
    let verdict = statement(&dir, "merge.jsonl", 0);
    assert_eq!(verdict["predicateType"], "secgate:verdict/v1");
    assert_eq!(verdict["predicate"]["verdict"]["schema"], "secgate/verdict/v1");
    assert_eq!(verdict["subject"][0]["digest"]["sha256"], "a".repeat(64));
    assert_eq!(verdict["subject"][1]["digest"]["gitCommit"], COMMIT);
    assert_eq!(verdict["subject"][2]["digest"]["gitTree"], TREE);
    let summary = statement(&dir, "merge.jsonl", 1);
    assert_eq!(summary["predicateType"], "https://slsa.dev/verification_summary/v1");
    assert_eq!(summary["predicate"]["verificationResult"], "PASSED");
    assert_eq!(summary["subject"], verdict["subject"]);
    // The same inputs give the same bytes.
    let first = dir.read("merge.jsonl");
    assert_eq!(sign(&dir, "verdict.json", "merge.jsonl", &["--tree", TREE]).code, 0);
    assert_eq!(dir.read("merge.jsonl"), first);
    let verified = verify(&dir, &["merge.jsonl", "--commit", COMMIT, "--subject", IMAGE, "--max-age", "1h"]);
    assert_eq!((verified.code, verified.last_line()), (0, "verified"), "{verified:?}");
}

#[test]
fn only_a_decision_about_something_is_signed() {
    let dir = Dir::new();
    keys(&dir);
    let refused = |name: &str, why: &str| {
        let run = sign(&dir, name, "out.jsonl", &[]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(why), "{why}: {run:?}");
        assert!(!dir.exists("out.jsonl"));
    };
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", "{");
    dir.check(&["--policy", "policy.yaml", "--commit", COMMIT, "--output", "json=error.json"]);
    refused("error.json", "not a decision");
    dir.write("semgrep.json", semgrep(&["INFO"]));
    dir.check(&["--policy", "policy.yaml", "--output", "json=nothing.json"]);
    refused("nothing.json", "--commit SHA");
    verdict_in(&dir, "good.json", &[]);
    dir.write(
        "edited.json",
        dir.read("good.json").replacen("\"outcome\":\"pass\"", "\"outcome\":\"fail\"", 1),
    );
    refused("edited.json", "contradicts itself");
    dir.write("cut.json", dir.read("good.json").trim_end());
    refused("cut.json", "cut off");
    refused("semgrep.json", "schema");
    refused("absent.json", "cannot be opened");
    // A statement of an earlier run does not survive one that could not be made.
    sign(&dir, "good.json", "old.jsonl", &[]);
    assert_eq!(sign(&dir, "error.json", "old.jsonl", &[]).code, 2);
    assert!(!dir.exists("old.jsonl"));
    // What is no attestation is not replaced.
    let kept = sign(&dir, "good.json", "policy.yaml", &[]);
    assert_eq!(kept.code, 2);
    assert!(kept.stderr.contains("nothing was removed") && dir.exists("policy.yaml"), "{kept:?}");
}

#[test]
fn a_review_and_an_advisory_verdict_have_no_summary() {
    let dir = Dir::new();
    keys(&dir);
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["WARNING"]));
    let check = ["--policy", "policy.yaml", "--commit", COMMIT, "--output", "json=review.json"];
    assert_eq!(dir.check(&check).code, 10);
    assert_eq!(sign(&dir, "review.json", "review.jsonl", &[]).code, 0);
    assert_eq!(dir.read("review.jsonl").lines().count(), 1);
    let verified = verify(&dir, &["review.jsonl"]);
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.contains("is review"), "{verified:?}");
    dir.write("policy.yaml", SAST_POLICY.replace("gate: merge", "gate: merge\nenforcement: advisory"));
    dir.write("semgrep.json", semgrep(&["INFO"]));
    assert_eq!(dir.check(&check).code, 0);
    assert_eq!(sign(&dir, "review.json", "advisory.jsonl", &[]).code, 0);
    assert_eq!(dir.read("advisory.jsonl").lines().count(), 1);
    let verified = verify(&dir, &["advisory.jsonl"]);
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.contains("advisory"), "{verified:?}");
}

#[test]
fn what_does_not_hold_is_named() {
    let dir = Dir::new();
    keys(&dir);
    dir.run(&["attest", "keygen", "--output", "other"]);
    verdict_in(&dir, "verdict.json", &["--subject", IMAGE]);
    sign(&dir, "verdict.json", "merge.jsonl", &[]);
    let fails = |args: &[&str], why: &str| {
        let now: &[&str] = if args.contains(&"--now") { &[] } else { &["--now", NOW] };
        let run = dir.run(&[&["verify"], now, args].concat());
        assert_eq!((run.code, run.last_line()), (1, "not verified"), "{run:?}");
        assert!(run.stdout.contains(why), "{why}: {run:?}");
    };
    fails(&["merge.jsonl", "--key", "other.pub"], "signed by none of the keys other.pub");
    let ours = ["merge.jsonl", "--key", "secgate.pub"];
    fails(&[&ours[..], &["--commit", TREE]].concat(), "not about commit 2222");
    let other = format!("sha256:{}", "b".repeat(64));
    fails(&[&ours[..], &["--subject", &other]].concat(), "not about sha256:bbbb");
    fails(&[&ours[..], &["--policy", &other]].concat(), "none of those demanded");
    fails(&[&ours[..], &["--now", "2026-06-01T14:00:01Z", "--max-age", "2h"]].concat(), "has expired");
    fails(&[&ours[..], &["--now", "2026-05-01T12:00:00Z"]].concat(), "in the future");
    dir.write("bare.json", statement(&dir, "merge.jsonl", 0).to_string());
    fails(&["bare.json", "--key", "secgate.pub"], "is not signed");
    dir.write("junk.json", "{}");
    fails(&["junk.json", "--key", "secgate.pub"], "not a DSSE envelope");
    fails(&["absent.json", "--key", "secgate.pub"], "cannot be opened");
    let usage = dir.run(&["verify", "merge.jsonl", "--key", "secgate.key"]);
    assert_eq!(usage.code, 2);
    assert!(usage.stderr.contains("is a private key"), "{usage:?}");
}

#[test]
fn no_flipped_bit_of_an_envelope_goes_unnoticed() {
    let dir = Dir::new();
    keys(&dir);
    verdict_in(&dir, "verdict.json", &[]);
    sign(&dir, "verdict.json", "merge.jsonl", &[]);
    let good = dir.read("merge.jsonl").lines().next().unwrap().as_bytes().to_vec();
    // Spaced out by a step that meets every part of the envelope; key ids are hints that nobody signed.
    let text = String::from_utf8(good.clone()).unwrap();
    let hint = text.find("\"keyid\":\"").unwrap() + 9;
    for at in (0..good.len()).step_by(good.len() / 60).filter(|at| !(hint..hint + 64).contains(at)) {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        dir.write("flipped.jsonl", &flipped);
        let run = verify(&dir, &["flipped.jsonl"]);
        assert_eq!(run.code, 1, "byte {at}: {run:?}");
    }
}

#[test]
fn the_chain_joins_by_commit_or_tree_and_names_what_is_missing() {
    let dir = Dir::new();
    keys(&dir);
    let gate = |gate: &str, commit: &str, now: &str, image: bool| {
        dir.write("policy.yaml", SAST_POLICY.replace("gate: merge", &format!("gate: {gate}")));
        dir.write("semgrep.json", semgrep(&["INFO"]));
        let mut args = vec![
            "check",
            "--now",
            now,
            "--policy",
            "policy.yaml",
            "--commit",
            commit,
            "--output",
            "json=v.json",
        ];
        if image {
            args.extend(["--subject", IMAGE]);
        }
        assert_eq!(dir.run(&args).code, 0);
        let output = format!("{gate}.jsonl");
        assert_eq!(sign(&dir, "v.json", &output, &["--tree", TREE]).code, 0);
    };
    let merged = "3333333333333333333333333333333333333333";
    // The merge gate saw the branch's commit; what was built is the merge commit with the same tree.
    gate("merge", COMMIT, "2026-06-01T08:00:00Z", false);
    gate("package", merged, "2026-06-01T09:00:00Z", true);
    gate("release", merged, "2026-06-01T10:00:00Z", true);
    gate("production", merged, "2026-06-01T11:00:00Z", true);
    let all = ["merge.jsonl", "package.jsonl", "release.jsonl", "production.jsonl"];
    let chain = ["--subject", IMAGE, "--chain", "merge,package,release,production"];
    let whole = verify(&dir, &[&all[..], &chain, &["--max-age", "72h"]].concat());
    assert_eq!(whole.code, 0, "{whole:?}");
    for (at, missing) in all.iter().enumerate() {
        let rest: Vec<&str> =
            all.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, name)| *name).collect();
        let run = verify(&dir, &[&rest[..], &chain].concat());
        assert_eq!(run.code, 1, "{missing}");
        let gate = missing.trim_end_matches(".jsonl");
        let line = format!("[FAIL] {gate}: there is no signed verdict of gate {gate} about");
        assert!(run.stdout.contains(&line), "{run:?}");
    }
    // A later word of the same gate counts, and a gate that was skipped and made good for afterwards is seen.
    gate("package", merged, "2026-06-01T11:30:00Z", true);
    let late = verify(&dir, &[&all[..], &chain].concat());
    assert_eq!(late.code, 1, "{late:?}");
    assert!(
        late.stdout.contains("release: it decided at 2026-06-01T10:00:00Z, before gate package did"),
        "{late:?}"
    );
    let other = format!("x@sha256:{}", "b".repeat(64));
    let run = verify(&dir, &[&all[..], &["--subject", &other, "--chain", "package"]].concat());
    assert!(run.stdout.contains("package.jsonl#1 is about sha256:aaaa"), "{run:?}");
}

#[test]
fn a_review_is_accepted_by_a_person_who_signs() {
    let dir = Dir::new();
    keys(&dir);
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["WARNING"]));
    let check = ["--policy", "policy.yaml", "--commit", COMMIT, "--output", "json=review.json"];
    assert_eq!(dir.check(&check).code, 10);
    let accept = |person: &str, expires: &str| {
        let args = ["attest", "accept", "--verdict", "review.json", "--key", "secgate.key", "--now", NOW];
        let more =
            ["--person", person, "--reason", "seen", "--expires", expires, "--output", "accepted.json"];
        dir.run(&[&args[..], &more].concat())
    };
    assert_eq!(accept("@lead", "2026-05-31").code, 2);
    assert_eq!(accept("@lead", "soon").code, 2);
    let done = accept("@lead", "2026-06-30");
    assert_eq!(done.code, 0, "{done:?}");
    let said = statement(&dir, "accepted.json", 0);
    let review: Value = serde_json::from_str(&dir.read("review.json")).unwrap();
    assert_eq!(said["predicate"]["findings_digest"], review["findings_digest"]);
    assert_eq!(said["predicate"]["policy"]["sha256"], review["policy"]["sha256"]);
    assert_eq!(said["predicate"]["expires"], "2026-07-01T00:00:00Z");
    assert_eq!(said["predicate"]["commit"], COMMIT);
}

/// A passing verdict of the gate `production` for an environment, signed: what a project with this path says.
fn production_verdict(dir: &Dir, project: &str, environment: &str, output: &str) {
    let policy = SAST_POLICY.replace(
        "gate: merge",
        "gate: production\nparameters: {environment: {one_of: [staging, production]}}",
    );
    dir.write("production.yaml", policy).write("semgrep.json", semgrep(&["INFO"]));
    let environment = format!("environment={environment}");
    let args = ["check", "--now", NOW, "--policy", "production.yaml", "--commit", COMMIT, "--subject", IMAGE];
    let more = ["--param", environment.as_str(), "--output", "json=v.json"];
    let mut command = dir.command();
    command.env("CI_PROJECT_PATH", project).args(args).args(more);
    assert_eq!(Run::of(&mut command).code, 0);
    assert_eq!(sign(dir, "v.json", output, &[]).code, 0);
}

#[test]
fn a_verdict_of_another_project_or_environment_proves_nothing() {
    let dir = Dir::new();
    keys(&dir);
    production_verdict(&dir, "team/shop", "staging", "staging.jsonl");
    production_verdict(&dir, "team/shop", "production", "production.jsonl");
    production_verdict(&dir, "other/project", "production", "other.jsonl");
    let chain = ["--subject", IMAGE, "--chain", "production"];
    let says = |file: &str, more: &[&str], code: i32, words: &str| {
        let run = verify(&dir, &[&[file][..], &chain, more].concat());
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stdout.contains(words), "{words}: {run:?}");
    };
    let production = ["--param", "environment=production"];
    says("production.jsonl", &production, 0, "project team/shop, environment=production at");
    says(
        "staging.jsonl",
        &production,
        1,
        "decided with staging, and the parameter environment must be production",
    );
    says("staging.jsonl", &[], 1, "if that is meant, say --param environment=staging");
    says("production.jsonl", &[&production[..], &["--project", "team/shop"]].concat(), 0, "verified");
    says(
        "other.jsonl",
        &[&production[..], &["--project", "team/shop"]].concat(),
        1,
        "names the project other/project",
    );
    // The digest that `policy digest` prints is the one that is demanded.
    let digest = dir.run(&["policy", "digest", "./production.yaml"]);
    assert_eq!(digest.code, 0, "{digest:?}");
    let sha256 = digest.stdout.split('"').nth(1).unwrap();
    says("production.jsonl", &[&production[..], &["--policy", sha256]].concat(), 0, "verified");
    // A later word that names no project may be about this one: a failure counts, a pass does not.
    for (severity, words) in [("ERROR", "is fail, at 2026-06-01T12:00:10Z"), ("INFO", "names no project")] {
        dir.write("semgrep.json", semgrep(&[severity]));
        let at =
            ["check", "--now", "2026-06-01T12:00:10Z", "--policy", "production.yaml", "--commit", COMMIT];
        let more = ["--subject", IMAGE, "--param", "environment=production", "--output", "json=v.json"];
        dir.run(&[&at[..], &more].concat());
        assert_eq!(sign(&dir, "v.json", "nameless.jsonl", &[]).code, 0);
        let more = [&production[..], &["--project", "team/shop", "nameless.jsonl"]].concat();
        says("production.jsonl", &more, 1, words);
    }
}

#[test]
fn nothing_is_asked_of_verdicts_where_an_artifact_is_verified() {
    let dir = Dir::new();
    keys(&dir);
    let digest = format!("sha256:{}", "a".repeat(64));
    for more in [
        &["--commit", COMMIT][..],
        &["--subject", IMAGE],
        &["--policy", &digest],
        &["--project", "team/shop"],
        &["--param", "a=b"],
        &["--max-age", "1h"],
        &["--machine-clock"],
        &["--verdict", "pass"],
        &["--chain", "merge"],
        &["--recompute", "b"],
    ] {
        let run = verify(&dir, &[&["v.jsonl", "--artifact", &digest][..], more].concat());
        let said = run.stderr.contains("cannot be used with") && run.stderr.contains(more[0]);
        assert!(run.code == 2 && said, "{more:?}: {run:?}");
    }
}
