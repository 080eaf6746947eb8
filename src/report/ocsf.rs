//! Findings in the Open Cybersecurity Schema Framework (OCSF), as Prowler writes them (`--output-formats json-ocsf`).
//!
//! Source of the shapes: the classes Detection, Compliance and Vulnerability Finding of the OCSF schema 1.x and
//! `prowler/lib/outputs/ocsf/ocsf.py`. Prowler lists every check of every resource: `status_code` says how it went, and what
//! a mute list names has the status Suppressed. A check that a person has to make (`MANUAL`) is no finding; a note tells
//! how many there are.

use super::field::{first_of, suppress};
use super::json::Json;
use super::tree::{Tree, findings};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Severity, Text};

/// OCSF.
pub(super) static FORMAT: Format = Format {
    id: "ocsf",
    title: "OCSF findings (Prowler's JSON): misconfigurations of clouds",
    tool: "ocsf",
    tried: "Prowler 4.2.1 to 5.4.0",
    signals: &["no check, or manual ones alone: nothing scanned"],
    categories: &[Category::Misconfiguration],
    attributes: &[],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.first_element().is_some_and(|first| {
        first.has("metadata")
            && (first.has("finding_info") || first.has("finding"))
            && ["class_uid", "severity_id", "category_uid"].iter().any(|key| first.has(key))
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Misconfiguration);
    let mut manual = 0_u64;
    let checks = findings(json, reading, |entry, reading| check(entry, &mut manual, reading))?;
    if checks == 0 {
        reading.nothing_scanned("no check was made (the list is empty)");
    } else if checks == manual {
        reading.nothing_scanned("every check has to be made by a person (MANUAL)");
    } else if manual > 0 {
        reading.note(&format!("{manual} checks have to be made by a person (MANUAL)"));
    }
    Ok(())
}

fn check(entry: Tree<'_>, manual: &mut u64, reading: &mut Reading<'_>) -> Result<Vec<Finding>, &'static str> {
    let info = if entry.has("finding_info") { entry.at("finding_info") } else { entry.at("finding") };
    let rule = first_of(&[entry.text("metadata.event_code"), info.text("uid"), info.text("title")]);
    if !info.is_object() || rule.is_empty() {
        return Err(
            "a finding of OCSF has an object `finding_info`, and neither `metadata.event_code` nor a title",
        );
    }
    // Of other products the name is theirs to choose, and stays out of what is told.
    let prowler = entry.text("metadata.product.name").eq_ignore_ascii_case("prowler");
    let tool = if prowler { "prowler" } else { FORMAT.tool };
    reading.tool(tool);
    if prowler {
        reading.version(entry.text("metadata.product.version"));
    }
    match entry.text("status_code").trim().to_ascii_uppercase().as_str() {
        "PASS" => return Ok(Vec::new()),
        "MANUAL" => {
            *manual += 1;
            return Ok(Vec::new());
        }
        _ => {}
    }
    let mut finding = Finding::new(Category::Misconfiguration, tool, rule, severity(entry));
    finding.native_severity = entry.native("severity");
    let said = [info.text("title"), entry.text("message"), rule];
    finding.title = Text::line(first_of(&said));
    let resource = entry.list("resources").next();
    let resource = resource.map_or("", |resource| first_of(&[resource.text("uid"), resource.text("name")]));
    finding.target = Some(Text::line(resource)).filter(|resource| !resource.is_empty());
    finding.identify(FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(rule).part(resource));
    let status = entry.text("status");
    if status.eq_ignore_ascii_case("suppressed") || status.eq_ignore_ascii_case("resolved") {
        suppress(&mut finding, &format!("{} in the report", status.to_ascii_lowercase()), &[]);
    }
    Ok(vec![finding])
}

/// By its word, else by its number.
fn severity(entry: Tree<'_>) -> Severity {
    match entry.text("severity").trim().to_ascii_lowercase().as_str() {
        "informational" => Severity::Info,
        "fatal" => Severity::Critical,
        "" => match entry.count("severity_id") {
            Some(1) => Severity::Info,
            Some(2) => Severity::Low,
            Some(3) => Severity::Medium,
            Some(4) => Severity::High,
            Some(5 | 6) => Severity::Critical,
            _ => Severity::Unknown,
        },
        word => Severity::plain(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    const CHECK: &str = r#"{"message":"m","metadata":{"event_code":"s3_public","product":{"name":"Prowler","version":"5.4.0"}},"severity_id":4,"severity":"High","status":"New","status_code":"FAIL",
        "finding_info":{"title":"Bucket is public","uid":"prowler-aws-s3-1"},"resources":[{"uid":"arn:bucket","name":"bucket"}],"class_uid":2004}"#;

    #[test]
    fn how_a_check_went() {
        for (from, to, all, active) in [
            ("", "", 1, 1),
            ("FAIL", "PASS", 0, 0),
            ("FAIL", "odd", 1, 1),
            (r#""New""#, r#""Suppressed""#, 1, 0),
        ] {
            let text = if from.is_empty() { CHECK.to_owned() } else { CHECK.replace(from, to) };
            let read = read_sound("ocsf", &format!("[{text}]"));
            assert_eq!((read.findings.len(), read.active().count()), (all, active), "{to}");
            assert_eq!(read.report.tool.name.as_str(), "prowler");
            assert!(read.report.nothing_scanned.is_none());
        }
        let manual = CHECK.replace("FAIL", "MANUAL");
        assert!(read_sound("ocsf", &format!("[{manual}]")).report.nothing_scanned.is_some());
        assert!(read_sound("ocsf", &format!("[{manual},{CHECK}]")).report.note.is_some());
        assert!(read_as("ocsf", "[]").report.nothing_scanned.is_some());
    }

    #[test]
    fn severities_and_odd_shapes() {
        for (from, to, severity) in [
            (r#""severity":"High""#, r#""severity":"Informational""#, Severity::Info),
            (r#""severity":"High""#, r#""x":1"#, Severity::High),
            (r#""severity":"High""#, r#""severity":"odd""#, Severity::Unknown),
        ] {
            let read = read_sound("ocsf", &format!("[{}]", CHECK.replace(from, to)));
            assert_eq!(read.findings[0].severity, severity, "{to}");
        }
        for text in ["{}", "[{}]", "[1]", "null"] {
            assert!(read_as("ocsf", text).error.is_some(), "{text}");
        }
    }
}
