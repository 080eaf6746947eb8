//! OSCAL assessment results 1.1: each rule an observation, each control of a framework a finding.
//!
//! <https://pages.nist.gov/OSCAL/resources/concepts/layer/assessment/assessment-results/>. Ids are made of what they name,
//! so that the same verdicts give the same bytes.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::content::title;
use super::{AuditRecord, RecordedDecision, list, text};
use crate::finding::clean;

const OSCAL: &str = "1.1.3";

/// A UUID of version 5's form, made of a text.
fn uuid(of: &str) -> String {
    let digest = Sha256::digest(of);
    let hex = crate::finding::hex(&digest);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // Version 5, and the variant of RFC 9562.
    format!("{}-{}-5{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// An id as OSCAL's tokens are: a letter first, then letters, digits, `.`, `-` and `_`.
fn token(framework: &str, id: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let id: String = id.chars().map(fits).collect();
    format!("{framework}-{id}").to_ascii_lowercase()
}

/// Text that is not empty, which OSCAL demands.
fn words(text: &str, otherwise: &str) -> String {
    let text = clean(text.trim()).into_owned();
    if text.is_empty() { otherwise.to_owned() } else { text }
}

pub(super) fn write(record: &AuditRecord) -> String {
    let last = record.decisions.last().map(|one| text(&one.verdict, "/evaluated_at")).unwrap_or_default();
    let whole: String = record.decisions.iter().map(|one| one.sha256.as_str()).collect();
    let policies = uuid(&format!("policies {whole}"));
    let results: Vec<Value> = record.decisions.iter().map(|one| result(record, one)).collect();
    let mut links: Vec<Value> = Vec::new();
    for one in &record.decisions {
        let (source, sha256) = (text(&one.verdict, "/policy/source"), text(&one.verdict, "/policy/sha256"));
        let hash = json!({"algorithm": "SHA-256", "value": sha256});
        let link = json!({"href": href(source), "hashes": [hash]});
        if !links.contains(&link) {
            links.push(link);
        }
    }
    let document = json!({"assessment-results": {
        "uuid": uuid(&format!("results {whole}")),
        "metadata": {
            "title": words(&title(record), "Record of a gate"),
            "last-modified": last,
            "version": whole.get(..12).unwrap_or("1"),
            "oscal-version": OSCAL,
        },
        "import-ap": {
            "href": format!("#{policies}"),
            "remarks": "The plan is the policy that each gate decided by.",
        },
        "results": results,
        "back-matter": {"resources": [{
            "uuid": policies,
            "title": "Policies of the gates",
            "rlinks": links,
        }]},
    }});
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// A path as a reference.
fn href(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(out, "%{byte:02X}");
        }
    }
    if out.is_empty() { "#".to_owned() } else { out }
}

fn result(record: &AuditRecord, one: &RecordedDecision) -> Value {
    let verdict = &one.verdict;
    let (gate, at) = (text(verdict, "/gate"), text(verdict, "/evaluated_at"));
    let id = |what: &str| uuid(&format!("{} {what}", one.sha256));
    let evidence: Vec<Value> = list(verdict, "/evidence")
        .iter()
        .filter(|e| !text(e, "/path").is_empty())
        .map(|e| {
            let description = format!(
                "{} {}, {}, sha256:{}",
                text(e, "/tool/name"),
                text(e, "/tool/version"),
                text(e, "/status"),
                text(e, "/sha256")
            );
            json!({"href": href(text(e, "/path")), "description": words(&description, "a file")})
        })
        .collect();
    let observations: Vec<Value> = list(verdict, "/rules")
        .iter()
        .map(|rule| {
            let name = text(rule, "/id");
            let said = format!("{}. {}", text(rule, "/outcome"), text(rule, "/message"));
            let mut observation = json!({
                "uuid": id(&format!("rule {name}")),
                "title": words(text(rule, "/title"), name),
                "description": words(&said, "no message"),
                "methods": ["TEST"],
                "types": ["control-objective"],
                "collected": at,
            });
            if let (Some(object), false) = (observation.as_object_mut(), evidence.is_empty()) {
                object.insert("relevant-evidence".to_owned(), evidence.clone().into());
            }
            observation
        })
        .collect();
    let (mut findings, mut selected) = (Vec::new(), Vec::new());
    for framework in &record.frameworks {
        for control in framework.assess(record) {
            let of_gate: Vec<_> = control.rules.iter().filter(|rule| rule.gate == gate).collect();
            if of_gate.is_empty() {
                continue;
            }
            let control_id = token(&framework.id, &control.id);
            selected.push(json!({"control-id": control_id}));
            let satisfied = of_gate.iter().all(|rule| rule.outcome == "pass" || rule.outcome == "warn");
            let said: Vec<String> = of_gate
                .iter()
                .map(|rule| format!("{}: {} {}", rule.rule, rule.outcome, rule.message))
                .collect();
            let related: Vec<Value> = of_gate
                .iter()
                .map(|rule| json!({"observation-uuid": id(&format!("rule {}", rule.rule))}))
                .collect();
            findings.push(json!({
                "uuid": id(&format!("control {control_id}")),
                "title": words(&format!("{} {}", framework.framework, control.id), "a control"),
                "description": words(&format!("{}. {}", control.title, said.join("; ")), "a control"),
                "target": {
                    "type": "objective-id",
                    "target-id": control_id,
                    "status": {"state": if satisfied { "satisfied" } else { "not-satisfied" }},
                },
                "related-observations": related,
            }));
        }
    }
    let selection = if selected.is_empty() {
        json!({"description": "No mapping of controls was given.", "include-all": {}})
    } else {
        json!({"include-controls": selected})
    };
    let commit = text(verdict, "/context/commit");
    let about = if commit.is_empty() { String::new() } else { format!(", about commit {commit}") };
    let project = text(verdict, "/context/project");
    let of = if project.is_empty() { String::new() } else { format!(" of {project}") };
    let mut result = json!({
        "uuid": id("result"),
        "title": words(&format!("Gate {gate}{of}"), "Gate"),
        "description": format!(
            "{} by the policy {} sha256:{}{about}; verdict sha256:{}",
            text(verdict, "/verdict"), clean(text(verdict, "/policy/source")), text(verdict, "/policy/sha256"), one.sha256
        ),
        "start": at,
        "end": at,
        "reviewed-controls": {"control-selections": [selection]},
    });
    if let Some(object) = result.as_object_mut() {
        if !observations.is_empty() {
            object.insert("observations".to_owned(), observations.into());
        }
        if !findings.is_empty() {
            object.insert("findings".to_owned(), findings.into());
        }
    }
    result
}
