//! The JSON of trufflehog3 3.x (feeltheajf; Python), an array of issues. Versions 1 and 2 wrote the entries of
//! truffleHog 2.
//!
//! Source of the shape: `trufflehog3/models.py`, `Issue`. Line numbers are strings; of history they count within
//! the diff. `context` maps line numbers to the lines themselves.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::Leak;
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, Severity, Sighting};

/// trufflehog3 JSON.
pub(super) static FORMAT: Format = Format {
    id: "trufflehog3",
    title: "trufflehog3 JSON: credentials in code and history",
    tool: "trufflehog3",
    tried: "3.0.10",
    categories: &[Category::Secret],
    attributes: &[],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.first_element().is_some_and(|first| {
        let rule = first.get("rule").filter(|rule| rule.kind == Some(JsonKind::Object));
        let rule = rule.is_some_and(|rule| ["id", "message", "severity"].iter().any(|k| rule.has(k)));
        let others = ["path", "line", "secret", "context"].iter().filter(|k| first.has(k)).count();
        // Linters have an object `rule` and a `line`, too.
        rule && others >= 2 || others == 4
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    json.array(|json, _| {
        match json.item::<Trufflehog3Issue<'static>, _>(|issue| issue.finding(reading.context()))? {
            Some(finding) => {
                reading.finding(finding);
                Ok(())
            }
            None => {
                Err(json
                    .shape("no trufflehog3 issue: it has no two of `path`, `secret` and an object `rule`"))
            }
        }
    })
}

shapes!(Trufflehog3Issue);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Trufflehog3Issue<'a> {
    #[serde(borrow)]
    rule: Loose<Trufflehog3Rule<'a>>,
    #[serde(borrow)]
    path: ReportWord<'a>,
    line: LineNumber,
    #[serde(borrow)]
    secret: ReportWord<'a>,
    #[serde(borrow)]
    context: Loose<BTreeMap<String, ReportWord<'a>>>,
    /// Of a scan of history.
    #[serde(borrow)]
    commit: ReportWord<'a>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Trufflehog3Rule<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
    #[serde(borrow)]
    message: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
}

impl Trufflehog3Issue<'_> {
    /// `None` if nothing says what was found, nor where.
    fn finding(&self, around: ReportContext<'_>) -> Option<Finding> {
        let said = [self.rule.value.is_some(), self.path.0.is_some(), self.secret.0.is_some()];
        if said.iter().filter(|said| **said).count() < 2 {
            return None;
        }
        let none = Trufflehog3Rule::default();
        let rule = self.rule.value.as_ref().unwrap_or(&none);
        let context = self.context.value.as_ref().zip(self.line.0);
        let leak = Leak {
            tool: FORMAT.tool,
            rule: rule.id.as_str(),
            title: rule.message.as_str(),
            path: self.path.as_str(),
            lines: (self.line.0, None),
            values: &[self.secret.as_str()],
            text: context
                .and_then(|(context, line)| context.get(&line.to_string()))
                .map_or("", ReportWord::as_str),
        };
        let mut finding = leak.finding(around);
        finding.sighting = Sighting::of_commit(self.commit.as_str());
        if let Some(word) = &rule.severity.0 {
            finding.severity = Severity::plain(word);
            finding.native_severity = rule.severity.native();
        }
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_text};

    fn issue(rule: &str) -> String {
        format!(
            r#"[{{"rule":{rule},"path":"lib/client.py","line":"12","secret":"s3cr3t","id":"1367237d",
                "context":{{"11":"def f():","12":"    token = 's3cr3t'"}},"branch":null,"commit":null}}]"#
        )
    }

    #[test]
    fn severity_is_the_rules() {
        for (rule, severity) in [
            (r#"{"id":"aws","message":"AWS s3cr3t","severity":"HIGH"}"#, Severity::High),
            (r#"{"id":"aws","message":"AWS s3cr3t","severity":"low"}"#, Severity::Low),
            (r#"{"id":"aws","message":"AWS s3cr3t","severity":"HUGE"}"#, Severity::Unknown),
            (r#"{"id":"aws","message":"AWS s3cr3t"}"#, Severity::Critical),
            (r#"{"id":"aws","message":"AWS s3cr3t","severity":null}"#, Severity::Critical),
        ] {
            let read = read_text(&issue(rule));
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!(read.format, Some("trufflehog3"));
            let finding = &read.findings[0];
            assert_eq!((finding.severity, finding.title.as_str()), (severity, "AWS ***"), "{rule}");
            assert_eq!(finding.location.as_ref().unwrap().line, Some(12));
            assert!(!format!("{:?}", read.findings).contains("s3cr3t"));
        }
    }

    #[test]
    fn an_odd_rule_keeps_the_finding_and_another_tools_array_is_refused() {
        for rule in ["7", "\"aws\"", "null", "{}"] {
            let read = read_as("trufflehog3", &issue(rule));
            assert!(read.error.is_none(), "{rule}: {:?}", read.error);
            assert_eq!(read.findings[0].severity, Severity::Critical);
        }
        // A linter for Salt states has an object `rule` and lines.
        let linter = r#"[{"id":"201","filename":"a.sls","linenumber":4,"line":"x ","message":"Trailing whitespace",
            "rule":{"id":"201","shortdesc":"Trailing whitespace","severity":"LOW"}}]"#;
        assert!(read_text(linter).error.is_some());
        for text in [linter, r#"[{"a":1}]"#, "{}", "null", "[[]]"] {
            assert!(read_as("trufflehog3", text).error.is_some(), "{text}");
        }
        assert!(read_as("trufflehog3", "[]").error.is_none());
    }
}
