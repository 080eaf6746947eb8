//! What the policy language can say, through the binary.

use crate::common::{Dir, root};

const HEAD: &str =
    "version: 1\ngate: merge\nevidence:\n  deps: {category: vulnerability, files: [grype.json]}\n";

/// A Grype report with one vulnerability, which has a fix since a day.
const GRYPE: &str = r#"{"descriptor":{"name":"grype","version":"0.104.0","timestamp":"2026-01-01T00:00:00Z"},"matches":[
 {"vulnerability":{"id":"CVE-2026-1","severity":"High","fix":{"versions":["2.0"],"state":"fixed",
   "available":[{"version":"2.0","date":"2025-12-01","kind":"release"}]}},
  "artifact":{"name":"lib","version":"1.0","type":"npm","purl":"pkg:npm/lib@1.0"}}],
 "source":{"type":"directory","target":"."}}"#;

fn check(rules: &str) -> crate::common::Run {
    let dir = Dir::new();
    dir.write("policy.yaml", format!("{HEAD}{rules}")).write("grype.json", GRYPE);
    dir.run(&["check", "--policy", "policy.yaml", "--now", "2026-01-01T12:00:00Z"])
}

#[test]
fn the_examples_hold() {
    let examples = root().join("policies/examples");
    let run = Dir::new().run(&["policy", "test", examples.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_fix_that_has_been_there_stops_and_says_so() {
    let late = check("rules: [{id: late, findings: {ecosystem: npm, fix_available_for: 14d}, then: fail}]\n");
    assert_eq!(late.code, 1, "{}", late.stdout);
    let early =
        check("rules: [{id: late, findings: {ecosystem: npm, fix_available_for: 60d}, then: fail}]\n");
    assert_eq!(early.code, 0, "{}", early.stdout);
}

#[test]
fn what_nobody_knows_is_told_and_can_be_a_review() {
    let rule = |more: &str| {
        check(&format!(
            "rules:\n  - {{id: r, findings: {{category: vulnerability, reachable: yes}}{more}, then: fail}}\n  \
             - {{id: told, findings: {{not: {{end_of_life: false}}}}, then: warn}}\n"
        ))
    };
    let matched = rule("");
    assert_eq!(matched.code, 1, "{}", matched.stdout);
    assert!(matched.stdout.contains("reachable, end_of_life unknown"), "{}", matched.stdout);
    let review = rule(", unknown: review");
    assert_eq!(review.code, 10, "{}", review.stdout);
    assert!(review.stdout.contains("of which nobody knows enough"), "{}", review.stdout);
    assert_eq!(rule(", unknown: {reachable: ignore}").code, 0);
}

#[test]
fn parameters_take_globs_and_a_default() {
    let run = |parameter: &str, value: &[&str]| {
        let dir = Dir::new();
        let rules = format!(
            "parameters: {{branch: {{one_of: [main, \"release/*\"]{parameter}}}}}\n\
             rules:\n  - {{id: r, findings: {{severity: low}}, then: fail, when: {{branch: \"release/*\"}}}}\n  \
             - {{id: told, findings: {{}}, then: warn}}\n"
        );
        dir.write("policy.yaml", format!("{HEAD}{rules}")).write("grype.json", GRYPE);
        dir.run(&[&["check", "--policy", "policy.yaml", "--now", "2026-01-01T12:00:00Z"], value].concat())
            .code
    };
    let release = ["--param", "branch=release/1.2"];
    assert_eq!(run(", globs: true", &release), 1);
    assert_eq!(run(", globs: true", &["--param", "branch=main"]), 0);
    assert_eq!(run(", globs: true", &["--param", "branch=release/1/2"]), 2);
    assert_eq!(run("", &release), 2);
    assert_eq!(run(", globs: true, default: main", &["--param", "branch=feature/x"]), 0);
    assert_eq!(run(", default: \"release/*\"", &[]), 1);
}

#[test]
fn a_diff_of_policies_says_what_is_looser_and_what_is_stricter() {
    let dir = Dir::new();
    let policy = |rule: &str| format!("{HEAD}rules: [{{id: r, findings: {{{rule}}}, then: fail}}]\n");
    dir.write("a.yaml", policy("severity: high")).write("b.yaml", policy("severity: critical"));
    let looser = dir.run(&["policy", "diff", "a.yaml", "b.yaml"]);
    assert_eq!(looser.code, 1, "{}", looser.stderr);
    assert!(
        looser.stdout.starts_with("looser: rule `r`: `findings.severity`: high → critical"),
        "{}",
        looser.stdout
    );
    let stricter = dir.run(&["policy", "diff", "b.yaml", "a.yaml"]);
    assert_eq!(stricter.code, 0);
    assert!(
        stricter.stdout.starts_with("stricter: rule `r`: `findings.severity`: critical → high"),
        "{}",
        stricter.stdout
    );
    let same = dir.run(&["policy", "diff", "a.yaml", "a.yaml", "--format", "json"]);
    assert_eq!(same.json()["looser"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_scanner_that_is_not_trusted_is_no_evidence() {
    let run = |trust: &str| {
        let rules = "rules: [{id: r, findings: {severity: critical}, then: fail}]\n";
        check(&format!("trust: {trust}\n{rules}"))
    };
    let denied = run("{deny: [{tool: grype, version: \"0.104.*\", reason: it was tampered with}]}");
    assert_eq!(denied.code, 1, "{}", denied.stdout);
    assert!(
        denied.stdout.contains("grype 0.104.0 is not trusted: it was tampered with"),
        "{}",
        denied.stdout
    );
    assert_eq!(run("{deny: [{tool: grype, version: 0.105.0, reason: no}]}").code, 0);
    assert_eq!(run("{at_least: {grype: \"0.105\"}}").code, 1);
    assert_eq!(run("{at_least: {grype: \"0.104\"}}").code, 0);
    assert_eq!(run("{at_least: {grype: newest}}").code, 2);
}

#[test]
fn a_shared_check_is_explained() {
    let run = Dir::new().run(&["explain", "privileged-container"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("KSV-0017, CKV_K8S_16"), "{}", run.stdout);
}
