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
