//! What the policy language can say, through the binary.

use std::process::Command;

use crate::common::{Dir, root};
use crate::formats::is_there;

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
fn an_old_vulnerability_database_is_no_evidence() {
    let policy = format!(
        "{HEAD}trust: {{database_max_age: 48h}}\nrules: [{{id: r, findings: {{severity: critical}}, then: fail}}]\n"
    );
    let run = |database: &str| {
        let dir = Dir::new();
        let report = GRYPE.replace(r#""version":"0.104.0""#, &format!(r#""version":"0.104.0"{database}"#));
        dir.write("policy.yaml", &policy).write("grype.json", report);
        dir.run(&["check", "--policy", "policy.yaml", "--now", "2026-01-01T12:00:00Z"])
    };
    let built = |time: &str| {
        [format!(r#","db":{{"status":{{"built":"{time}"}}}}"#), format!(r#","db":{{"built":"{time}"}}"#)]
    };
    for fresh in built("2025-12-30T12:00:00Z") {
        assert_eq!(run(&fresh).code, 0, "{}", run(&fresh).stdout);
    }
    for old in built("2025-12-30T11:00:00Z") {
        let old = run(&old);
        assert_eq!(old.code, 1, "{}", old.stdout);
        let why = "the vulnerability database of grype is 2d 1h old, more than 2d";
        assert!(old.stdout.contains(why), "{}", old.stdout);
    }
    for unknown in ["", r#","db":{"status":{"built":"lately"}}"#, r#","db":{"built":"2026-02-01T00:00:00Z"}"#]
    {
        let unknown = run(unknown);
        assert_eq!(unknown.code, 10, "{}", unknown.stdout);
        assert!(unknown.stdout.contains("its vulnerability database is"), "{}", unknown.stdout);
    }
}

#[test]
fn the_dates_of_the_databases_of_other_scanners() {
    let run = |format: &str, report: String| {
        let dir = Dir::new();
        let category = if format == "xeol" { "quality" } else { "vulnerability" };
        let policy = format!(
            "version: 1\ngate: merge\ntrust: {{database_max_age: 48h}}\nevidence:\n  \
             a: {{category: {category}, files: [report.json], format: {format}}}\nrules:\n  \
             - {{id: r, findings: {{category: {category}, rule_id: none}}, then: fail}}\n"
        );
        dir.write("policy.yaml", policy).write("report.json", report);
        let run = dir.run(&["check", "--policy", "policy.yaml", "--now", "2026-11-22T08:00:00Z"]);
        assert_ne!(run.code, 2, "{}", run.stdout);
        run.code
    };
    let fixture = |path: &str| std::fs::read_to_string(root().join("fixtures").join(path)).unwrap();
    let xeol = fixture("xeol/image.json");
    let built = |time: &str| xeol.replace(r#""0.10.8""#, &format!(r#""0.10.8","db":{{"built":"{time}"}}"#));
    assert_eq!(run("xeol", built("2026-11-21T00:00:00Z")), 0);
    assert_eq!(run("xeol", built("2026-11-01T00:00:00Z")), 1);
    assert_eq!(run("xeol", xeol.clone()), 10);
    // Of the API and a mirror, the one in use; an offset may lack its minutes.
    let checked = fixture("dependency-check/clean.json");
    let asked = |time: &str| checked.replace("2026-11-20T08:00:00Z", time);
    assert_eq!(run("dependency-check", asked("2026-11-20T08:00:00Z")), 0);
    assert_eq!(run("dependency-check", asked("2026-11-20T09:00:00+01")), 0);
    assert_eq!(run("dependency-check", asked("2026-11-20T09:00:00+02")), 1);
    assert_eq!(run("dependency-check", checked.replace("Last Checked", "Last Modified")), 10);
    // Nothing may have changed since, so that an old date alone is a question.
    let go = fixture("govulncheck/clean.json");
    let modified =
        |time: &str| go.replacen(r#""db":"#, &format!(r#""db_last_modified": "{time}", "db":"#), 1);
    assert_eq!(run("govulncheck", modified("2026-11-21T00:00:00Z")), 0);
    assert_eq!(run("govulncheck", modified("2026-11-01T00:00:00Z")), 10);
    // Never told, and so never asked for: `policy lint` says it.
    assert_eq!(run("trivy", fixture("trivy/image-clean.json")), 0);
}

#[test]
fn a_shared_check_is_explained() {
    let run = Dir::new().run(&["explain", "privileged-container"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("KSV-0017, CKV_K8S_16"), "{}", run.stdout);
}

#[test]
fn policies_mean_the_same_to_readers_of_yaml_1_1() {
    let rule = |word: &str| {
        check(&format!("rules: [{{id: r, findings: {{reachable: {word}, severity: high}}, then: fail}}]\n"))
            .code
    };
    assert_eq!([rule("[yes, unknown]"), rule("[true, unknown]"), rule("[\"yes\", unknown]")], [1, 1, 1]);
    assert_eq!([rule("no"), rule("false")], [rule("\"no\""); 2]);
    assert_eq!([rule("\"true\""), rule("True"), rule("on")], [2, 2, 2]);
    if !is_there("python3", &["-c", "import yaml"], "SECGATE_DEMAND_YAML") {
        return;
    }
    let judge = |of: &std::path::Path, files: &[String]| {
        let script = root().join("ci/scripts/yaml_1_1.py");
        Command::new("python3").arg(script).args(files).current_dir(of).output().unwrap()
    };
    let mut files = vec!["README.md".to_owned()];
    for folder in ["docs", "policies", "policies/examples", "mappings"] {
        for file in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name.rsplit_once('.').is_some_and(|(_, kind)| ["md", "yaml"].contains(&kind)) {
                files.push(format!("{folder}/{name}"));
            }
        }
    }
    let all = judge(root(), &files);
    assert!(
        all.status.success(),
        "{}{}",
        String::from_utf8_lossy(&all.stdout),
        String::from_utf8_lossy(&all.stderr)
    );
    let dir = Dir::new();
    dir.write("p.yaml", "a: {on: commit}\nb: [yes, true]\n");
    let bad = judge(dir.path(), &["p.yaml".to_owned()]);
    let said = String::from_utf8(bad.stdout).unwrap();
    assert_eq!((bad.status.code(), said.lines().count()), (Some(1), 3), "{said}");
}
