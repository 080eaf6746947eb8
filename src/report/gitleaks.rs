//! Gitleaks' JSON report (`--report-format json`), written by 1.x to 8.x.
//!
//! Source of the shapes: `report/finding.go` of version 8 (`Context` for `Match` in 8.0), `scan/leak.go` of 7,
//! `manager/manager.go` of 3 to 6, `main.go` of 1 (`reason` for `rule`). A clean run writes `[]`, older versions
//! `null`. `Commit` says where in the history a leak was found, not what was scanned; `gitleaks dir` leaves it empty.

use serde::Deserialize;

use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::Leak;
use super::value::{LineNumber, ReportWord};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, Sighting};

/// Gitleaks JSON.
pub(super) static FORMAT: Format = Format {
    id: "gitleaks",
    title: "Gitleaks JSON: credentials in code and history",
    tool: "gitleaks",
    tried: "1 to 8",
    unrated: true,
    categories: &[Category::Secret],
    attributes: &[],
    empty_array: true,
    null: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys of version 8, which are Go field names.
const KEYS: [&str; 13] = [
    "RuleID",
    "Description",
    "StartLine",
    "EndLine",
    "StartColumn",
    "EndColumn",
    "Match",
    "Secret",
    "File",
    "SymlinkFile",
    "Commit",
    "Entropy",
    "Fingerprint",
];

fn looks_like(opening: &Opening) -> bool {
    let Some(first) = opening.first_element() else {
        return false;
    };
    let keys = KEYS.iter().filter(|k| first.has(k)).count();
    let named = first.has_kind("rule", JsonKind::String) || first.has_kind("reason", JsonKind::String);
    keys >= 4
        || keys >= 2 && first.has("RuleID")
        || first.has("offender") && (named || first.has("file"))
        || named && first.has("lineNumber") && first.has("commitMessage")
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    if json.kind()? == JsonKind::Null {
        return json.skip();
    }
    json.array(|json, _| {
        let found = json.item::<GitleaksFinding<'static>, _>(|item| {
            item.finding(reading.context()).map(|finding| reading.finding(finding))
        })?;
        found.ok_or_else(|| {
            json.shape("no gitleaks finding: it has neither `RuleID` (or `rule`) nor `File` nor `Secret`")
        })
    })
}

shapes!(GitleaksFinding);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GitleaksFinding<'a> {
    #[serde(borrow, rename = "RuleID")]
    rule_id: ReportWord<'a>,
    #[serde(borrow, rename = "Description")]
    description: ReportWord<'a>,
    #[serde(rename = "StartLine")]
    start_line: LineNumber,
    #[serde(rename = "EndLine")]
    end_line: LineNumber,
    #[serde(borrow, rename = "Match", alias = "Context")]
    matched: ReportWord<'a>,
    #[serde(borrow, rename = "Secret")]
    secret: ReportWord<'a>,
    #[serde(borrow, rename = "File")]
    file: ReportWord<'a>,
    #[serde(borrow, alias = "reason")]
    rule: ReportWord<'a>,
    #[serde(borrow)]
    line: ReportWord<'a>,
    #[serde(rename = "lineNumber")]
    line_number: LineNumber,
    #[serde(borrow)]
    offender: ReportWord<'a>,
    #[serde(borrow, rename = "file")]
    old_file: ReportWord<'a>,
    #[serde(borrow, rename = "Commit", alias = "commit")]
    commit: ReportWord<'a>,
}

impl GitleaksFinding<'_> {
    /// `None` if nothing says what was found, nor where.
    fn finding(&self, around: ReportContext<'_>) -> Option<Finding> {
        let known = [
            &self.rule_id,
            &self.rule,
            &self.file,
            &self.old_file,
            &self.secret,
            &self.matched,
            &self.offender,
        ];
        if known.iter().all(|word| word.0.is_none()) {
            return None;
        }
        let leak = Leak {
            tool: FORMAT.tool,
            rule: either(&self.rule_id, &self.rule),
            title: self.description.as_str(),
            path: either(&self.file, &self.old_file),
            lines: (self.start_line.0.or(self.line_number.0), self.end_line.0),
            values: &[self.secret.as_str(), self.offender.as_str()],
            text: either(&self.matched, &self.line),
        };
        let mut finding = leak.finding(around);
        finding.sighting = Sighting::of_commit(self.commit.as_str());
        Some(finding)
    }
}

/// The first of two words that says something.
fn either<'w>(one: &'w ReportWord<'_>, other: &'w ReportWord<'_>) -> &'w str {
    if one.as_str().is_empty() { other.as_str() } else { one.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_text};

    const V8: &str = r#"[{"RuleID":"aws-access-token","Description":"AWS key AKIAX0","StartLine":3,"EndLine":4,"StartColumn":1,
        "EndColumn":9,"Match":"key = \"AKIAX0\"","Secret":"AKIAX0","File":"deploy/.env","SymlinkFile":"","Commit":"0a1b",
        "Entropy":3.6,"Author":"A","Email":"a@b.c","Date":"2026-05-30T08:00:00Z","Message":"m","Tags":[],"Fingerprint":"0a1b:x:3"}]"#;

    #[test]
    fn all_generations() {
        let old = |keys: &str| {
            format!(
                r#"[{{"line":"key = AKIAX0","offender":"AKIAX0","commit":"0a1b","file":"deploy/.env",{keys}}}]"#
            )
        };
        for (text, rule, title, line) in [
            (V8.to_owned(), "aws-access-token", "AWS key ***", Some(3)),
            (
                old(r#""rule":"AWS","lineNumber":3,"commitMessage":"m","tags":"key, AWS""#),
                "AWS",
                "AWS",
                Some(3),
            ),
            (old(r#""rule":"AWS","commitMessage":"m","repo":".""#), "AWS", "AWS", None),
            (old(r#""reason":"AWS","commitMsg":"m","branch":"b""#), "AWS", "AWS", None),
        ] {
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!(read.format, Some("gitleaks"));
            let finding = &read.findings[0];
            assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), (rule, title));
            assert_eq!(finding.path(), Some("deploy/.env"));
            assert_eq!(finding.location.as_ref().unwrap().line, line);
            assert_eq!((finding.category, finding.severity), (Category::Secret, Severity::Critical));
            assert_eq!(read.report.commit, None);
            assert!(!format!("{:?}", read.findings).contains("AKIAX0"));
        }
    }

    #[test]
    fn clean_reports() {
        for text in ["[]", "[ ]\r\n", "null"] {
            let read = read_as("gitleaks", text);
            assert!(read.error.is_none() && read.findings.is_empty(), "{text}");
            assert!(read.report.categories.contains(&Category::Secret));
        }
        assert!(read_text("null").error.is_some());
    }

    #[test]
    fn a_line_that_is_none_is_dropped_and_the_finding_stays() {
        for line in ["1e400", "-1e400", "18446744073709551616", "0", "\"12\"", "null", "[]", "{}"] {
            let read = read_text(&V8.replace("\"StartLine\":3", &format!("\"StartLine\":{line}")));
            assert!(read.error.is_none(), "{line}: {:?}", read.error);
            assert_eq!(read.findings.len(), 1);
        }
    }

    #[test]
    fn another_tools_array_is_refused_with_its_place() {
        for text in [
            r#"[{"a":1}]"#,
            r#"[{"rule":{"id":"x"},"path":"p","secret":"s"}]"#,
            "[3]",
            r#"[["aws","x"]]"#,
            r#"{"leaks":[]}"#,
        ] {
            assert!(read_as("gitleaks", text).error.is_some(), "{text}");
        }
        let error = read_as("gitleaks", r#"[{"a":1}]"#).error.unwrap().to_string();
        assert!(error.contains("[0]") && error.contains("RuleID"), "{error}");
        let twice = V8.replace("\"RuleID\":", "\"RuleID\":\"x\",\"RuleID\":");
        assert!(read_text(&twice).error.unwrap().to_string().contains("duplicate"));
    }
}
