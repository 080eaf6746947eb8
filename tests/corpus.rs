//! Every report of the shared corpus against the counts of an independent oracle.
//!
//! The corpus lies beside the repository, in `../shared/corpus`. Without it the test is skipped with a message;
//! under `SECGATE_DEMAND_SHARED` it fails instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where it fails"
)]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use secgate::finding::{Attribute, Finding, Fix};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if folder.join("MANIFEST.json").is_file() {
        return Some(folder);
    }
    assert!(std::env::var_os("SECGATE_DEMAND_SHARED").is_none(), "../shared/corpus is missing and demanded");
    eprintln!("skipped: ../shared/corpus is not there");
    None
}

/// What `secgate findings` says of a file: its evidence, and whether every active finding is listed.
fn findings(arguments: &[&str]) -> (i32, Value) {
    let output = Command::cargo_bin("secgate")
        .unwrap()
        .args(["findings", "--no-env", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), json)
}

/// Why a reading disagrees with the manifest.
fn disagreement(entry: &Value, code: i32, json: &Value) -> Option<String> {
    if entry["expect"] == "refuse" {
        return (code != 2).then(|| format!("exit {code}, expected 2"));
    }
    let evidence = &json["evidence"][0];
    let status = evidence["status"].as_str().unwrap_or("none");
    let partial = ["incomplete", "failed", "nothing_scanned"];
    let fits = match entry["expect"].as_str() {
        Some("ok") => status == "complete",
        _ => partial.contains(&status),
    };
    if code != 0 || !fits {
        return Some(format!(
            "exit {code}, status {status}, expected {}: {}",
            entry["expect"], evidence["message"]
        ));
    }
    let counts = &evidence["findings"];
    let mut wrong = Vec::new();
    for (name, expected) in [("total", &entry["total"]), ("suppressed", &entry["suppressed"])] {
        if &counts[name] != expected {
            wrong.push(format!("{name} {} expected {expected}", counts[name]));
        }
    }
    for (severity, expected) in entry["by_severity"].as_object().unwrap() {
        if &counts[severity] != expected {
            wrong.push(format!("{severity} {} expected {expected}", counts[severity]));
        }
    }
    if json["findings"].as_array().map(Vec::len)
        != counts["total"].as_u64().and_then(|n| usize::try_from(n).ok())
    {
        wrong.push("the list is not as long as the count".to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

#[test]
fn every_report_agrees_with_the_oracle() {
    let Some(folder) = corpus() else { return };
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    let known: Vec<&str> = secgate::report::FORMATS.iter().map(|f| f.id).collect();
    let (mut agreed, mut refused, mut wrong, mut unread) = (0, 0, Vec::new(), 0);
    for entry in manifest.as_array().unwrap() {
        let format = entry["format"].as_str().unwrap();
        let path = folder.join(entry["path"].as_str().unwrap());
        let path = path.to_str().unwrap();
        if format == "unrecognised" {
            let (code, json) = findings(&[path]);
            // GitLab's code quality was of no known scanner when the corpus was made.
            if code == 2 || json["evidence"][0]["format"] == "codequality" && path.contains("codequality") {
                agreed += 1;
            } else {
                wrong.push(format!("{path}: not refused, exit {code}"));
            }
            continue;
        }
        let (code, json) = findings(&[path]);
        if !known.contains(&format) {
            // Of a format that is not read yet, nothing may be counted.
            if code == 2 {
                unread += 1;
            } else {
                wrong.push(format!("{path}: {format} is read as another format"));
            }
            continue;
        }
        match disagreement(entry, code, &json) {
            None => {}
            Some(_) if code == 2 => refused += 1,
            Some(why) => wrong.push(format!("{path} by content: {why}")),
        }
        let (code, json) = findings(&["--input", &format!("{format}={path}")]);
        match disagreement(entry, code, &json) {
            None => agreed += 1,
            Some(why) => wrong.push(format!("{path} as {format}: {why}")),
        }
    }
    println!(
        "{agreed} reports agree, {refused} of them only where the format is given; {unread} are of formats not read"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Found(Vec<Finding>);

impl secgate::report::Sink for Found {
    fn finding(&mut self, finding: Finding) {
        self.0.push(finding);
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

/// Whether a report can tell an attribute stands in a table, and `policy lint` believes it.
#[test]
fn no_report_tells_what_its_format_never_tells() {
    let Some(folder) = corpus() else { return };
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    let mut told = std::collections::BTreeSet::new();
    for entry in manifest.as_array().unwrap() {
        let id = entry["format"].as_str().unwrap();
        let Ok(format) = secgate::report::Format::by_id(id) else { continue };
        let path = folder.join(entry["path"].as_str().unwrap());
        let mut found = Found(Vec::new());
        let options = secgate::report::Options { max_report: 1 << 30, ..secgate::report::Options::default() };
        let hint = secgate::report::Hint { format: Some(id), category: None };
        secgate::report::read_source(
            &secgate::report::Source::File(path.clone()),
            hint,
            &options,
            &mut found,
        );
        for finding in found.0 {
            let has = [
                (Attribute::Confidence, finding.confidence.is_some()),
                (Attribute::Verified, finding.verified.is_some()),
                (Attribute::Scope, finding.scope.is_some()),
                (Attribute::Fix, finding.fix != Fix::Unknown),
                (Attribute::Age, finding.published.is_some()),
                (Attribute::Package, finding.package.is_some()),
            ];
            for (attribute, _) in has.into_iter().filter(|(_, has)| *has) {
                assert!(format.attributes.contains(&attribute), "{}: {attribute}", path.display());
                told.insert((id.to_owned(), attribute));
            }
        }
    }
    println!("{} pairs of format and attribute seen", told.len());
    assert!(told.len() > 20, "{told:?}");
}
