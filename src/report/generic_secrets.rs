//! `{"findings": […]}`, the shape that gates made of `jq` counts expect of a secret scanner.
//!
//! No tool's own format. Elements have the keys of a wrapped gitleaks report, or the same in lower case. Other
//! tools write `findings` too (Semgrep's platform API): an element without a rule and a file in text is refused,
//! and `findings` alone does not tell the format.

use serde::Deserialize;
use serde_json::Value;

use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::{Leak, unknown};
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, Severity};

/// A list of secrets under `findings`.
pub(super) static FORMAT: Format = Format {
    id: "generic-secrets",
    title: "`{\"findings\": […]}` with rule, file, line and severity: credentials",
    tool: "generic-secrets",
    signals: &["lists beside `findings`"],
    categories: &[Category::Secret],
    attributes: &[],
    // `{"findings": []}` says nothing but that there are none; the reader checks the rest.
    empty_findings: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.get("findings").filter(|findings| findings.lists_objects()).is_some_and(|findings| {
        ["rule", "RuleID", "file", "File"].iter().any(|key| findings.has_kind(key, JsonKind::String))
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    let mut findings = false;
    json.object(|json, key| match key {
        "findings" => {
            findings = true;
            json.array(|json, _| match json.item::<GenericSecret<'static>, _>(|item| item.finding(reading.context()))? {
                Some(finding) => {
                    reading.finding(finding);
                    Ok(())
                }
                None => Err(json.shape("not a list of secrets: the element has neither `rule` (or `RuleID`) nor `file` (or `File`)")),
            })
        }
        "error" | "errors" => {
            let error = json.with_value::<Value, _>(|error| says_something(&error))?;
            if error {
                reading.problem(ProblemKind::Scan, &format!("the report has `{key}` beside its findings"), None);
            }
            Ok(())
        }
        _ => unknown(json, reading),
    })?;
    if findings { Ok(()) } else { Err(json.shape("a list of secrets has the key `findings`")) }
}

/// Anything but null, false, 0 and what is empty.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

shapes!(GenericSecret);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GenericSecret<'a> {
    #[serde(borrow)]
    rule: ReportWord<'a>,
    #[serde(borrow, rename = "RuleID")]
    rule_id: ReportWord<'a>,
    #[serde(borrow)]
    file: ReportWord<'a>,
    #[serde(borrow, rename = "File")]
    go_file: ReportWord<'a>,
    line: LineNumber,
    #[serde(rename = "StartLine")]
    start_line: LineNumber,
    #[serde(borrow)]
    severity: Loose<ReportWord<'a>>,
    #[serde(borrow, rename = "Severity")]
    go_severity: Loose<ReportWord<'a>>,
    #[serde(borrow)]
    secret: ReportWord<'a>,
    #[serde(borrow, rename = "Secret")]
    go_secret: ReportWord<'a>,
    #[serde(borrow, rename = "match")]
    matched: ReportWord<'a>,
    #[serde(borrow, rename = "Match")]
    go_match: ReportWord<'a>,
}

impl GenericSecret<'_> {
    /// `None` if it is an element of something else.
    fn finding(&self, around: ReportContext<'_>) -> Option<Finding> {
        let said = |one: &'_ ReportWord<'_>, other: &'_ ReportWord<'_>| one.0.is_none() && other.0.is_none();
        if said(&self.rule, &self.rule_id) && said(&self.file, &self.go_file) {
            return None;
        }
        let either = |one, other| {
            Some(ReportWord::as_str(one)).filter(|w| !w.is_empty()).unwrap_or(ReportWord::as_str(other))
        };
        let leak = Leak {
            tool: FORMAT.tool,
            rule: either(&self.rule, &self.rule_id),
            path: either(&self.file, &self.go_file),
            lines: (self.line.0.or(self.start_line.0), None),
            values: &[self.secret.as_str(), self.go_secret.as_str()],
            text: either(&self.matched, &self.go_match),
            ..Leak::default()
        };
        let mut finding = leak.finding(around);
        // Of two severities the worse one counts.
        let given = [&self.severity, &self.go_severity]
            .into_iter()
            .filter(|s| s.given)
            .filter_map(|s| s.value.as_ref());
        let worst = given
            .filter(|word| word.0.is_some())
            .max_by_key(|word| Severity::plain(word.as_str()).rank(Severity::Critical));
        if let Some(word) = worst {
            finding.severity = Severity::plain(word.as_str());
            finding.native_severity = word.native();
        }
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_text};

    fn one(element: &str) -> Finding {
        let read = read_text(&format!(r#"{{"findings":[{element}]}}"#));
        assert!(read.error.is_none(), "{element}: {:?}", read.error);
        assert_eq!(read.format, Some("generic-secrets"));
        read.findings.into_iter().next().unwrap()
    }

    #[test]
    fn both_spellings_and_their_severities() {
        let finding = one(
            r#"{"rule":"aws","file":"a.env","line":3,"severity":"medium","secret":"hunter2","match":"k=hunter2"}"#,
        );
        assert_eq!(
            (finding.rule_id.as_str(), finding.path(), finding.severity),
            ("aws", Some("a.env"), Severity::Medium)
        );
        assert!(!format!("{finding:?}").contains("hunter2"));
        let finding = one(r#"{"RuleID":"aws","File":"a.env","StartLine":"7","Severity":"LOW"}"#);
        assert_eq!((finding.location.as_ref().unwrap().line, finding.severity), (Some(7), Severity::Low));
        assert_eq!(one(r#"{"rule":"aws"}"#).severity, Severity::Critical);
        assert_eq!(one(r#"{"file":"x","severity":null}"#).severity, Severity::Critical);
        assert_eq!(one(r#"{"file":"x","severity":"hugh"}"#).severity, Severity::Unknown);
        assert_eq!(one(r#"{"file":"x","severity":"low","Severity":"HIGH"}"#).severity, Severity::High);
    }

    #[test]
    fn findings_alone_do_not_tell_the_format() {
        assert!(read_text(r#"{"findings":[]}"#).error.is_some());
        let read = read_as("generic-secrets", r#"{"findings":[]}"#);
        assert!(read.error.is_none() && read.report.problems.is_empty());
    }

    #[test]
    fn what_is_no_list_of_secrets_is_refused() {
        for text in [
            r#"{"findings":null}"#,
            r#"{"findings":true}"#,
            r#"{"findings":{"0":{}}}"#,
            r#"{"findings":["aws"]}"#,
            r#"{"findings":[["aws","a.env",3]]}"#,
            r#"{"findings":[{"rule":"aws"},{"rule":{"name":"x"},"rule_name":"x","location":{"file_path":"a"}}]}"#,
            r#"{"results":[]}"#,
            "{}",
            r#"{"findings":[{"rule":"aws"}],"findings":[]}"#,
        ] {
            assert!(read_as("generic-secrets", text).error.is_some(), "{text}");
        }
    }

    #[test]
    fn findings_under_another_name_and_errors_are_told() {
        for text in [r#"{"findings":[],"findingt":[{"rule":"aws"}]}"#, r#"{"findings":[],"error":"x"}"#] {
            assert_eq!(read_as("generic-secrets", text).report.problems.len(), 1, "{text}");
        }
        assert!(
            read_as("generic-secrets", r#"{"findings":[],"errors":[],"version":"1"}"#)
                .report
                .problems
                .is_empty()
        );
    }
}
