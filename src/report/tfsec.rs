//! tfsec's JSON report (`tfsec --format json`), all versions.
//!
//! Source of the shapes: `internal/app/tfsec/scanner/result.go` of the first versions (ERROR, WARNING, INFO, one
//! `link`), `pkg/result/result.go` of the middle ones (`status` is a word), and defsec's `pkg/scan/flat.go` of the last
//! (`status` is 0, 1 or 2). Passed and ignored checks are listed only if asked for.

use serde::Deserialize;
use serde_json::Value;

use super::conceal::comparable;
use super::credential_rule::{is_about_secrets, without_literals};
use super::field::{first_of, suppress};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// tfsec JSON.
pub(super) static FORMAT: Format = Format {
    id: "tfsec",
    title: "tfsec JSON: misconfigurations of Terraform",
    tool: "tfsec",
    tried: "three generations to 1.x",
    categories: &[Category::Misconfiguration],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// `{"results": null}` and `{"results": []}` are reports of other scanners as well, and claimed by none.
fn looks_like(opening: &Opening) -> bool {
    opening.get("results").filter(|results| results.lists_objects()).is_some_and(|first| {
        let named = first.has("rule_id") || first.has("long_id");
        let described = ["link", "links", "rule_provider", "rule_description", "resolution"];
        named && first.has_kind("location", JsonKind::Object) && described.iter().any(|key| first.has(key))
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Misconfiguration);
    let mut results = false;
    json.object(|json, key| match key {
        "results" => {
            results = true;
            if json.kind()? == JsonKind::Null {
                return json.skip();
            }
            json.array(|json, _| {
                match json.item::<TfsecResult<'static>, _>(|item| item.finding(reading.roots()))? {
                    Some(finding) => {
                        reading.finding(finding);
                        Ok(())
                    }
                    None => Err(json.shape("no tfsec result: it has neither `rule_id` nor `description`")),
                }
            })
        }
        _ => unknown(json, reading),
    })?;
    if results { Ok(()) } else { Err(json.shape("a tfsec report has a list `results`")) }
}

shapes!(TfsecResult);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct TfsecResult<'a> {
    #[serde(borrow)]
    rule_id: ReportWord<'a>,
    #[serde(borrow)]
    long_id: ReportWord<'a>,
    #[serde(borrow)]
    legacy_rule_id: ReportWord<'a>,
    #[serde(borrow)]
    rule_description: ReportWord<'a>,
    #[serde(borrow)]
    description: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    status: Loose<Value>,
    #[serde(borrow)]
    resource: ReportWord<'a>,
    #[serde(borrow)]
    location: Loose<TfsecLocation<'a>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct TfsecLocation<'a> {
    #[serde(borrow)]
    filename: ReportWord<'a>,
    start_line: LineNumber,
    end_line: LineNumber,
}

/// The severity of all versions; trimmed, letter case ignored.
fn severity(word: &str) -> Severity {
    let is = |w: &str| word.trim().eq_ignore_ascii_case(w);
    if is("ERROR") {
        Severity::High
    } else if is("WARNING") {
        Severity::Medium
    } else {
        Severity::plain(word)
    }
}

impl TfsecResult<'_> {
    /// `None` if it is an entry of something else.
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let ids = [self.rule_id.as_str(), self.long_id.as_str(), self.legacy_rule_id.as_str()];
        let rule = first_of(&ids);
        let (summary, description) = (self.rule_description.as_str(), self.description.as_str());
        if rule.is_empty() && summary.is_empty() && description.is_empty() {
            return None;
        }
        let severity = severity(self.severity.as_str());
        let mut finding = Finding::new(Category::Misconfiguration, FORMAT.tool, rule, severity);
        finding.native_severity = self.severity.native();
        let others = ids.iter().filter(|id| !id.is_empty() && **id != rule);
        finding.rule_aliases = others.map(|id| Text::line(id)).collect();
        if self.is_off() {
            suppress(&mut finding, "tfsec status passed or ignored", &[]);
        }
        if let Some(place) = &self.location.value {
            let lines = (place.start_line.0, place.end_line.0);
            finding.location = Location::new(place.filename.as_str(), lines.0, lines.1, roots);
        }
        // A description names the resource, and of a rule about secrets perhaps the value.
        let secret = ids.iter().any(|id| is_about_secrets(id, &[])) || is_about_secrets(summary, &[]);
        finding.may_hold_secret |= secret;
        let description = if secret { without_literals(description) } else { description.to_owned() };
        finding.title = Text::line(first_of(&[&description, summary, rule]));
        let id = FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(finding.rule_id.as_str());
        if self.resource.as_str().is_empty() && !secret {
            finding.bind_to_code();
        }
        finding.identify(id.part(self.resource.as_str()).folded(&comparable(&description)));
        Some(finding)
    }

    /// Passed, or ignored by a comment; every other status is a failure.
    fn is_off(&self) -> bool {
        match &self.status.value {
            Some(Value::Number(status)) => matches!(status.as_u64(), Some(1 | 2)),
            Some(Value::String(status)) => matches!(status.as_str(), "passed" | "ignored"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const ITEM: &str = r#"{"rule_id":"AVD-AWS-0107","long_id":"aws-ec2-no-public-ingress-sgr","rule_description":"Open ingress.",
        "rule_provider":"aws","links":["https://tfsec.invalid"],"description":"Rule allows ingress from everywhere.","severity":"CRITICAL",
        "warning":false,"status":0,"resource":"aws_security_group.web","location":{"filename":"/src/main.tf","start_line":4,"end_line":6}}"#;

    fn report(items: &str) -> String {
        format!("{{\"results\":[{items}]}}")
    }

    #[test]
    fn a_result_of_each_generation() {
        let read = read_sound("tfsec", &report(ITEM));
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("AVD-AWS-0107", Severity::Critical));
        assert_eq!(finding.rule_aliases[0].as_str(), "aws-ec2-no-public-ingress-sgr");
        let place = finding.location.as_ref().unwrap();
        assert_eq!((place.path.as_str(), place.line, place.end_line), ("src/main.tf", Some(4), Some(6)));
        let old = r#"{"rule_id":"AWS006","link":"https://tfsec.invalid","location":{"filename":"a.tf","start_line":1,"end_line":1},
            "description":"d","severity":"SEVERITY"}"#;
        for (word, is) in [
            ("ERROR", Severity::High),
            ("WARNING", Severity::Medium),
            ("INFO", Severity::Info),
            ("WARN", Severity::Unknown),
        ] {
            assert_eq!(
                read_sound("tfsec", &report(&old.replace("SEVERITY", word))).findings[0].severity,
                is,
                "{word}"
            );
        }
    }

    #[test]
    fn only_passed_and_ignored_are_suppressed() {
        for (status, suppressed) in [
            ("0", false),
            ("1", true),
            ("2", true),
            ("3", false),
            ("-1", false),
            ("\"failed\"", false),
            ("\"ignored\"", true),
            ("\"passed\"", true),
            ("\"1\"", false),
            ("null", false),
            ("true", false),
        ] {
            let read =
                read_sound("tfsec", &report(&ITEM.replace("\"status\":0", &format!("\"status\":{status}"))));
            assert_eq!(read.findings[0].suppressed, suppressed, "{status}");
        }
    }

    #[test]
    fn nothing_found_is_read_only_as_what_it_is_said_to_be() {
        for text in ["{\"results\":null}", "{\"results\":[]}"] {
            assert_ne!(read_text(text).format, Some("tfsec"));
            let read = read_as("tfsec", text);
            assert!(read.error.is_none() && read.findings.is_empty());
        }
        for text in ["{}", "{\"results\":{}}", "{\"results\":0}", "{\"results\":[[]]}", "{\"results\":[{}]}"]
        {
            assert!(read_as("tfsec", text).error.is_some(), "{text}");
        }
        let renamed = format!("{{\"results\":[],\"resultt\":[{ITEM}]}}");
        assert_eq!(read_as("tfsec", &renamed).report.problems.len(), 1);
    }

    #[test]
    fn odd_fields_lose_no_finding() {
        for (from, to) in [
            ("{\"filename\":\"/src/main.tf\",", "[{\"filename\":\"/src/main.tf\"}],\"x\":{"),
            ("\"start_line\":4", "\"start_line\":1e400"),
            ("\"CRITICAL\"", "null"),
            ("\"aws_security_group.web\"", "[1]"),
        ] {
            assert_eq!(read_as("tfsec", &report(&ITEM.replace(from, to))).findings.len(), 1, "{to}");
        }
    }
}
