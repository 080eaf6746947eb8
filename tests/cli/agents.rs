//! What a program that changes code reads: steps with their facts, and where texts of others stand; and the log of a job.

use serde_json::{Value, json};

use crate::common::{Dir, Run, semgrep};

const POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json]}
  secrets: {category: secret, files: [gitleaks.json]}
  deps: {category: vulnerability, files: [trivy.json]}
people: {appsec: [\"@ann\"]}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review, reviewers: {any_of: [\"role:appsec\"]}}
  - {id: deps-high, title: Vulnerable dependencies, findings: {category: vulnerability, severity: high}, then: fail}
";

fn trivy(package: &str) -> String {
    let found = |id: &str, fixed: &str| {
        json!({"VulnerabilityID": id, "PkgName": package, "InstalledVersion": "4.17.11", "FixedVersion": fixed,
               "Severity": "HIGH", "Title": format!("{package} has a fault"), "PublishedDate": "2026-05-01T00:00:00Z",
               "PkgIdentifier": {"PURL": format!("pkg:npm/{package}@4.17.11")}})
    };
    json!({"SchemaVersion": 2, "ArtifactName": ".", "ArtifactType": "filesystem", "Results": [{
        "Target": "web/package-lock.json", "Class": "lang-pkgs", "Type": "npm",
        "Vulnerabilities": [found("CVE-2026-1", "4.17.12"), found("CVE-2026-2", "4.17.21, 5.0.1")]}]})
    .to_string()
}

fn gitleaks(file: &str) -> String {
    json!([{"Description": "AWS", "RuleID": "aws-access-token", "StartLine": 3, "EndLine": 3, "StartColumn": 1,
            "EndColumn": 9, "Match": "REDACTED", "Secret": "REDACTED", "File": file, "Commit": "", "Entropy": 3.1,
            "Fingerprint": "f"}])
    .to_string()
}

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("semgrep.json", semgrep(&["WARNING"]));
    dir.write("gitleaks.json", gitleaks("config.env")).write("trivy.json", trivy("lodash"));
    dir
}

fn steps(dir: &Dir) -> (Value, Vec<Value>) {
    let json = dir.check(&["--policy", "policy.yaml", "--format", "json"]).json();
    let steps = json["unblock"]["steps"].as_array().unwrap().clone();
    (json, steps)
}

fn told(steps: &[Value], keys: &[&str]) -> Vec<Value> {
    steps.iter().map(|step| keys.iter().map(|key| step[*key].clone()).collect()).collect()
}

#[test]
fn a_step_says_all_that_a_program_needs() {
    let (json, steps) = steps(&dir());
    assert_eq!(
        told(&steps, &["kind", "path", "line", "rules", "verdict_after", "text_from_report"]),
        [
            json!(["rotate", "config.env", 3, ["no-secrets"], "fail", true]),
            json!(["upgrade", "web/package-lock.json", null, ["deps-high"], "review", true]),
            json!(["approve", null, null, ["sast-medium"], "pass", false]),
        ]
    );
    let upgrade = &steps[1];
    let keys = ["package", "purl", "from", "to", "command", "clears"];
    assert_eq!(
        keys.map(|key| upgrade[key].clone()),
        [
            json!("lodash"),
            json!("pkg:npm/lodash@4.17.11"),
            json!("4.17.11"),
            json!("4.17.21"),
            json!(["npm", "install", "lodash@4.17.21"]),
            json!(2),
        ]
    );
    // Every row names the version that the step goes to.
    let rows = json["findings"].as_array().unwrap();
    let of_package: Vec<&Value> = rows.iter().filter(|row| row["package"].is_object()).collect();
    assert!(of_package.len() == 2 && of_package.iter().all(|row| row["upgrade_to"] == "4.17.21"));
    assert!(of_package.iter().all(|row| row["published"] == "2026-05-01T00:00:00Z"));
    let dir = dir();
    let run =
        dir.check(&["--policy", "policy.yaml", "--output", "codequality=q.json", "--output", "junit=j.xml"]);
    for (name, text) in
        [("text", run.stdout), ("codequality", dir.read("q.json")), ("junit", dir.read("j.xml"))]
    {
        let named = text.matches("→ 4.17.21").count();
        assert!(named == 2 && !text.contains("→ 4.17.12"), "{name}: {named}: {text}");
    }
}

#[test]
fn a_row_says_when_its_time_is_up() {
    let dir = dir();
    let rule = "  - {id: overdue, findings: {category: vulnerability, due: {critical: 7d, high: 60d, from: published}}, then: warn}\n";
    dir.write("policy.yaml", format!("{POLICY}{rule}"));
    let (json, _) = steps(&dir);
    let due: Vec<&Value> = json["findings"].as_array().unwrap().iter().map(|row| &row["due"]).collect();
    let date = json!("2026-06-30T00:00:00Z");
    assert_eq!(due, [&Value::Null, &date, &date, &Value::Null]);
    let text = dir.check(&["--policy", "policy.yaml"]).stdout;
    assert!(text.contains("CVE-2026-1 → 4.17.21 (published 2026-05-01, due 2026-06-30)"), "{text}");
}

#[test]
fn what_a_step_brings_is_not_foretold() {
    let dir = dir();
    std::fs::remove_file(dir.path().join("trivy.json")).unwrap();
    let (_, steps) = steps(&dir);
    assert_eq!(
        told(&steps, &["kind", "entry", "verdict_after"]),
        [
            // What is known to fail still does, whatever the report says.
            json!(["evidence", "deps", "fail"]),
            json!(["rotate", null, null]),
            json!(["approve", null, null]),
        ]
    );
}

#[test]
fn a_name_of_a_report_makes_no_command() {
    let dir = dir();
    dir.write("trivy.json", trivy("--registry=http://evil.invalid lodash"));
    let (_, steps) = steps(&dir);
    assert_eq!(told(&steps[1..2], &["kind", "command"]), [json!(["upgrade", null])]);
}

#[test]
fn texts_of_reports_are_marked() {
    const CANARY: &str = "ZZCANARY";
    let dir = dir();
    dir.write(
        "semgrep.json",
        semgrep(&["WARNING", "INFO"]).replace("message ", CANARY).replace("rule-", CANARY),
    );
    dir.write("gitleaks.json", gitleaks(&format!("{CANARY}.env"))).write("trivy.json", trivy(CANARY));
    let (json, _) = steps(&dir);
    let mut marked = std::collections::BTreeSet::new();
    for query in json["text_from_report"].as_array().unwrap() {
        let query = serde_json_path::JsonPath::parse(query.as_str().unwrap()).unwrap();
        for node in query.query_located(&json) {
            texts(node.node(), &node.location().to_json_pointer(), &mut |at, _| {
                marked.insert(at.to_owned());
            });
        }
    }
    let mut unmarked = Vec::new();
    texts(&json, "", &mut |at, text| {
        if text.contains(CANARY) && !marked.contains(at) {
            unmarked.push(at.to_owned());
        }
    });
    assert!(unmarked.is_empty() && marked.len() > 10, "{unmarked:?}");
}

/// Every text below a value, with where it stands.
fn texts(value: &Value, at: &str, tell: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => tell(at, text),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(i, one)| texts(one, &format!("{at}/{i}"), tell));
        }
        Value::Object(all) => all.iter().for_each(|(key, one)| texts(one, &format!("{at}/{key}"), tell)),
        _ => {}
    }
}

#[test]
fn a_job_log_has_colours_and_sections() {
    let dir = dir();
    // A report that would open a section of its own.
    dir.write(
        "semgrep.json",
        semgrep(&["WARNING"]).replace("message 0", "section_start:1:x\\r\\u001b[0Kgone"),
    );
    let run = |environment: &[(&str, &str)]| {
        let mut command = dir.command();
        command.args(["check", "--now", crate::common::NOW, "--policy", "policy.yaml"]);
        Run::of(command.envs(environment.iter().copied())).stdout
    };
    let plain = run(&[]);
    let log = run(&[("GITLAB_CI", "true")]);
    for name in ["evidence", "rules"] {
        let starts = log.matches(&format!("\u{1b}[0Ksection_start:1780315200:secgate_{name}")).count();
        let ends = log.matches(&format!("\u{1b}[0Ksection_end:1780315200:secgate_{name}\r\u{1b}[0K")).count();
        assert_eq!((starts, ends), (1, 1), "{log:?}");
    }
    assert!(
        log.contains("secgate_evidence[collapsed=true]\r\u{1b}[0K") && log.contains("\u{1b}[31;1m"),
        "{log:?}"
    );
    assert_eq!((log.matches("section_start:").count(), log.matches('\r').count()), (2, 4));
    assert_eq!(run(&[("GITLAB_CI", "true"), ("NO_COLOR", "1")]), plain);
    assert!(
        !plain.contains('\u{1b}') && plain.ends_with("[FAIL] no-secrets: 1 secret; 2 of 3 rules failed\n")
    );
}
