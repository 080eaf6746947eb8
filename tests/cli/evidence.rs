//! Which file is evidence for what: a file serves every entry that names it, and nothing is passed over in silence.

use serde_json::{Value, json};

use crate::common::{Dir, Run, semgrep};

/// A Trivy report with one critical vulnerability.
fn trivy() -> String {
    json!({
        "SchemaVersion": 2, "CreatedAt": "2026-05-31T00:00:00Z", "ArtifactName": ".", "ArtifactType": "filesystem",
        "Trivy": {"Version": "0.74.0"},
        "Results": [{"Target": "pom.xml", "Class": "lang-pkgs", "Type": "pom", "Vulnerabilities": [{
            "VulnerabilityID": "CVE-2026-1", "PkgName": "a:b", "InstalledVersion": "1", "FixedVersion": "2", "Severity": "CRITICAL",
        }]}],
    })
    .to_string()
}

/// A `CycloneDX` document with one component and one critical vulnerability.
fn bom() -> String {
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "components": [{"bom-ref": "c", "type": "library", "name": "b", "version": "1", "purl": "pkg:maven/a/b@1",
            "licenses": [{"license": {"id": "MIT"}}]}],
        "vulnerabilities": [{"bom-ref": "v", "id": "CVE-2026-1", "ratings": [{"severity": "critical"}], "affects": [{"ref": "c"}]}],
    })
    .to_string()
}

fn check(dir: &Dir, policy: &str, args: &[&str]) -> Run {
    dir.write("policy.yaml", policy);
    dir.check(&[&["--no-env", "--format", "json", "--policy", "policy.yaml"], args].concat())
}

/// The entries with the files that were read for them, and their status.
fn read_for(run: &Run) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = run.json()["evidence"].as_array().unwrap().clone();
    told.iter()
        .map(|e| format!("{} {} {}", text(&e["entry"]), text(&e["path"]), text(&e["status"])))
        .collect()
}

fn outcome(run: &Run, rule: &str) -> String {
    let rules = run.json()["rules"].as_array().unwrap().clone();
    rules.iter().find(|r| r["id"] == rule).unwrap()["outcome"].as_str().unwrap().to_owned()
}

const DEPS: &str = "\
version: 1
gate: merge
evidence:
  deps: {category: vulnerability, files: [trivy.json]}
rules:
  - {id: critical, findings: {category: vulnerability, severity: critical}, then: fail}
";

#[test]
fn a_report_that_a_document_names_too_is_read_for_both() {
    let dir = Dir::new();
    dir.write("trivy.json", trivy());
    let policy = DEPS.replace("rules:\n", "  meta: {document: json, files: [trivy.json]}\nrules:\n")
        + "  - {id: scanner, document: {name: meta, require: {\"$.Trivy.Version\": \"0.74.0\"}}, then: fail}\n";
    for args in
        [&[][..], &["trivy.json"], &["--evidence", "deps=trivy.json"], &["--document", "meta=trivy.json"]]
    {
        let run = check(&dir, &policy, args);
        assert_eq!(run.code, 1, "{args:?} {run:?}");
        assert_eq!(
            (outcome(&run, "critical"), outcome(&run, "scanner")),
            ("fail".into(), "pass".into()),
            "{args:?}"
        );
        assert_eq!(read_for(&run), ["deps trivy.json complete", "meta trivy.json complete"], "{args:?}");
    }
}

#[test]
fn one_file_is_scan_and_sbom() {
    let dir = Dir::new();
    dir.write("bom.cdx.json", bom());
    let policy = DEPS
        .replace("trivy.json]}\n", "bom.cdx.json]}\n  bom: {document: sbom, files: [bom.cdx.json]}\n")
        + "  - {id: licences, sbom: {names_subject: false, licenses: {deny: [AGPL-3.0-only], unknown: review}}, then: fail}\n";
    let run = check(&dir, &policy, &[]);
    assert_eq!((run.code, outcome(&run, "licences").as_str()), (1, "pass"), "{run:?}");
    // The same from a bundle, without the files.
    let run = check(&dir, &policy, &["--bundle", "b.tar"]);
    assert_eq!(run.code, 1);
    let again = dir.run(&["verify", "--recompute", "b.tar"]);
    assert!(again.all().contains("the same verdict byte for byte"), "{again:?}");
}

#[test]
fn an_optional_entry_with_a_wide_glob_takes_no_report_away() {
    let dir = Dir::new();
    dir.write("trivy.json", trivy());
    for more in [
        "notes: {document: json, files: [\"*.json\"], required: false}",
        "kev: {feed: kev, files: [\"*.json\"], required: false}",
    ] {
        let run = check(&dir, &DEPS.replace("rules:\n", &format!("  {more}\nrules:\n")), &[]);
        assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{more}: {run:?}");
    }
}

#[test]
fn a_report_that_was_given_is_one_though_only_a_document_names_it() {
    let dir = Dir::new();
    dir.write("trivy.json", clean_trivy())
        .write("more/scan.json", trivy())
        .write("more/notes.json", "{\"ready\": true}");
    let policy =
        DEPS.replace("rules:\n", "  notes: {document: json, files: [\"*.json\"], required: false}\nrules:\n");
    let run = check(&dir, &policy, &["trivy.json", "more"]);
    assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{run:?}");
    assert_eq!(
        read_for(&run),
        [
            "- more/scan.json complete",
            "deps trivy.json complete",
            "notes more/notes.json complete",
            "notes more/scan.json complete",
            "notes trivy.json complete"
        ]
    );
}

/// A clean Trivy report.
fn clean_trivy() -> String {
    let mut report: Value = serde_json::from_str(&trivy()).unwrap();
    report["Results"][0]["Vulnerabilities"] = json!([]);
    report.to_string()
}

#[test]
fn a_rule_whose_required_entry_is_not_there_fails() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&[]));
    let run = check(&dir, &DEPS.replace("trivy.json", "scan.json"), &["semgrep.json"]);
    assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{run:?}");
}

const CODE: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [\"reports/**/*.json\"]}
rules:
  - {id: s, findings: {category: sast, severity: high}, then: fail}
";

#[test]
#[cfg(unix)]
fn hidden_linked_and_oddly_named_reports_are_read() {
    use std::os::unix::fs::symlink;

    let bad = semgrep(&["ERROR"]);
    for kind in [
        "plain",
        "linked folder",
        "linked file",
        "hidden file",
        "hidden folder",
        "receipt's name",
        "folder that links to itself",
    ] {
        let dir = Dir::new();
        dir.write("reports/a.json", semgrep(&[])).write("real/b.json", &bad);
        let path = |name: &str| dir.path().join(name);
        match kind {
            "plain" => drop(dir.write("reports/sub/b.json", &bad)),
            "linked folder" => symlink("../real", path("reports/sub")).unwrap(),
            "linked file" => symlink("../real/b.json", path("reports/b.json")).unwrap(),
            "hidden file" => drop(dir.write("reports/.b.json", &bad)),
            "hidden folder" => drop(dir.write("reports/.b/b.json", &bad)),
            "receipt's name" => drop(dir.write("reports/a.json.receipt.json", &bad)),
            _ => {
                symlink(".", path("reports/loop")).unwrap();
                symlink("..", path("reports/up")).unwrap();
                dir.write("reports/b.json", &bad);
            }
        }
        for args in [&["reports"][..], &[]] {
            let run = check(&dir, CODE, args);
            assert_eq!((run.code, outcome(&run, "s").as_str()), (1, "fail"), "{kind} {args:?}: {run:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn what_is_left_out_of_a_folder_is_told_with_the_reason() {
    let dir = Dir::new();
    dir.write("reports/a.json", semgrep(&[]))
        .write("reports/main.py", "x = 1\n")
        .write("reports/lib/util.py", "y = 2\n")
        .write("reports/package.json", "{\"name\": \"shop\"}")
        .write("reports/.git/config", "[core]\n")
        .write("reports/.secgate/b.json", semgrep(&["ERROR"]))
        .write("reports/verdict.json", "{\"schema\": \"secgate/verdict/v1\"}");
    std::os::unix::fs::symlink(".", dir.path().join("reports/loop")).unwrap();
    let policy = CODE.replace("reports/**/*.json", "a.json");
    let run = check(&dir, &policy, &["reports"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        read_for(&run),
        [
            "sast reports/a.json complete",
            "- reports/.git ignored",
            "- reports/.secgate ignored",
            "- reports/loop ignored",
            "- reports ignored",
            "- reports ignored"
        ]
    );
    let messages = run.json()["evidence"].to_string();
    for part in [
        "a folder of version control",
        "3 files left out (2 .py, 1 .json)",
        "a link to a folder that it lies in",
        "secgate's own files",
    ] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    for format in ["text", "markdown", "html", "junit"] {
        let told = dir.check(&["--no-env", "--policy", "policy.yaml", "--format", format, "reports"]).stdout;
        assert!(told.contains("3 files left out"), "{format}: {told}");
    }
    // A bundle says the same.
    assert_eq!(check(&dir, &policy, &["reports", "--bundle", "b.tar"]).code, 0);
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
}

#[test]
fn what_cannot_be_told_in_a_folder_is_unreadable() {
    for (name, text) in [
        ("b.json", "Traceback (most recent call last)"),
        ("b.json", "{\"results\": ["),
        ("b.json", "{\"note\": \"\\ud800\", \"results\": [{\"a\": 1}]} trailing"),
        ("b.sarif", ""),
        ("b", "{\"results\": [{"),
        ("b.txt", "[{\"cut\": "),
    ] {
        let dir = Dir::new();
        dir.write("reports/a.json", semgrep(&[])).write(&format!("reports/{name}"), text);
        let run = check(&dir, &CODE.replace("reports/**/*.json", "a.json"), &["reports"]);
        assert_eq!(run.code, 2, "{name} {text}: {run:?}");
    }
}

#[test]
fn a_whole_project_can_be_given() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR"]))
        .write("src/main.rs", "fn main() {}\n")
        .write("tsconfig.json", "{\n  // comments are allowed\n}\n")
        .write("Makefile", "all:\n")
        .write("logo.png", [0x89, b'P', b'N', b'G', 0, 1, 2, 3])
        .write("pom.xml", "<project/>")
        .write(".gitignore", "target\n")
        .write("empty/__init__.py", "")
        .write("LICENSE", "MIT\n");
    let run = check(&dir, &CODE.replace("reports/**/*.json", "semgrep.json"), &["."]);
    assert_eq!((run.code, outcome(&run, "s").as_str()), (1, "fail"), "{run:?}");
    let ignored = read_for(&run).iter().filter(|line| line.ends_with("ignored")).count();
    assert_eq!(ignored, 1, "{:?}", read_for(&run));
}
