//! No edit of a policy makes a verdict better than the gate from before the change would have given, and no policy that
//! extends another decides better than that other. `SECGATE_CASES` is how many pairs are tried (64 unless it is set).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use secgate::decide::{Decision, Outcome};
use secgate::gather::Limits;
use secgate::run::RunRequest;
use sha2::{Digest as _, Sha256};

/// Parts of a policy that are written or left out, changed or not.
const PARTS: [(&str, &[&str]); 8] = [
    ("severity", &["", "severity: {unknown: low}\n", "severity: {unknown: critical}\n"]),
    (
        "base",
        &[
            "",
            "base: {from: [base-report], without: review}\n",
            "base: {from: [base-report], without: warn}\n",
        ],
    ),
    ("waivers", &["", "waivers: {max_duration: 90d}\n", "waivers: {max_duration: 90d, not_author: true}\n"]),
    ("reviewers", &["", "reviewers: {any_of: [\"role:appsec\"], not: [author]}\n"]),
    ("allow", &["", ", allow: 1"]),
    ("level", &["high", "medium", "critical"]),
    ("state", &["", ", state: new", ", state: [new, newly_disclosed]"]),
    ("require", &["{\"$.ok\": true}", "{\"$.ok\": present}", "{\"$.more\": true}"]),
];

/// A policy of these choices.
fn policy(choices: &[usize; 8], then: &str) -> String {
    let part = |at: usize| {
        let (_, words) = PARTS.get(at).unwrap();
        *words.get(choices.get(at).unwrap() % words.len()).unwrap()
    };
    let (allow, level, state, require) = (part(4), part(5), part(6), part(7));
    let state = if part(1).is_empty() { "" } else { state };
    format!(
        "version: 1\ngate: merge\n{}{}{}{}people: {{appsec: [\"@ann\"]}}\nevidence:\n  \
         deps: {{category: vulnerability, files: [trivy.json]}}\n  facts: {{document: json, files: [facts.json]}}\n\
         rules:\n  - {{id: deps, findings: {{category: vulnerability, severity: {level}{state}}}, then: {then}{allow}}}\n  \
         - {{id: ready, document: {{name: facts, require: {require}}}, then: {then}}}\n",
        part(0),
        part(1),
        part(2),
        part(3)
    )
}

fn report(severities: &[&str]) -> String {
    let entry = |(at, severity): (usize, &&str)| {
        format!(
            r#"{{"VulnerabilityID":"CVE-2026-100{at}","PkgName":"a{at}","InstalledVersion":"1","Severity":"{severity}"}}"#
        )
    };
    let entries: Vec<String> = severities.iter().enumerate().map(entry).collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{{"Target":"p.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{}]}}]}}"#,
        entries.join(",")
    )
}

/// What a policy file of a folder decides there.
fn decided(folder: &Path, policy: &str, before: Option<&str>, base: bool) -> Decision {
    let limits = Limits { max_report: 1 << 20, max_stdin: 0, max_findings: 10 };
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    let mut request = RunRequest::of_nothing("merge", now, limits);
    request.policy.policy = Some(folder.join(policy));
    request.gate_before.base_policy = before.map(|name| folder.join(name));
    request.evidence =
        vec![("deps".to_owned(), folder.join("trivy.json")), ("facts".to_owned(), folder.join("facts.json"))];
    if base {
        request.base.base_reports = vec![folder.join("main.json")];
    }
    match request.resolve() {
        Ok(resolved) => resolved.decide(None),
        Err(error) => request.undecided(&error),
    }
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("SECGATE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const SEVERITIES: [&str; 5] = ["LOW", "MEDIUM", "HIGH", "CRITICAL", "UNKNOWN"];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_edit_of_a_policy_lets_through_what_the_gate_before_stopped(
        before in prop::array::uniform8(0_usize..3),
        after in prop::array::uniform8(0_usize..3),
        thens in prop::array::uniform2(prop::sample::select(vec!["fail", "review", "warn"])),
        head in prop::collection::vec(prop::sample::select(SEVERITIES.to_vec()), 0..4),
        main in prop::collection::vec(prop::sample::select(SEVERITIES.to_vec()), 0..4),
        ok in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let (old, new) = (policy(&before, thens[0]), policy(&after, thens[1]));
        fs::write(folder.join("old.yaml"), &old).unwrap();
        fs::write(folder.join("new.yaml"), &new).unwrap();
        fs::write(folder.join("trivy.json"), report(&head)).unwrap();
        fs::write(folder.join("main.json"), report(&main)).unwrap();
        fs::write(folder.join("facts.json"), format!("{{\"ok\": {ok}}}")).unwrap();
        let compares = |text: &str| text.contains("base:");
        let alone = decided(folder, "old.yaml", None, compares(&old));
        let both = decided(folder, "new.yaml", Some("old.yaml"), compares(&new));
        // A base that is no longer given is another question than an edit of the policy.
        if compares(&old) == compares(&new) && alone.verdict >= Outcome::Review {
            prop_assert!(both.verdict >= Outcome::Review, "{old}\n{new}\n{:?} {:?}", alone.verdict, both.verdict);
        }
        let digest = secgate::report::hex(&Sha256::digest(&old));
        let rows = new.split_once("rules:\n").map_or("", |(_, rows)| rows).replace("id: ", "id: own-");
        let child = format!("version: 1\ngate: merge\nextends: {{file: old.yaml, sha256: {digest}}}\nrules:\n{rows}");
        fs::write(folder.join("child.yaml"), child).unwrap();
        let child = decided(folder, "child.yaml", None, compares(&old));
        prop_assert!(child.verdict >= alone.verdict, "{old}\n{rows}\n{:?} {:?}", alone.verdict, child.verdict);
    }
}
