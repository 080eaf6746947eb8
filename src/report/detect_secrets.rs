//! detect-secrets' scan output and baseline (Yelp), 0.10 to 1.x.
//!
//! Source of the shapes: `detect_secrets/core/baseline.py`, `potential_secret.py` and `secrets_collection.py`.
//! `results` maps each file to its secrets. `hashed_secret`, a plain SHA-1 of the value, is kept only under the key of
//! `--secret-key`. Each plugin looks at one line by itself, and a secret is a part of it (`plugins/base.py`); of a
//! private key the line is only the first. `is_secret: false` is an audit's word for a false positive. `is_verified: false` is also what is written where nothing can verify.
//! `--slim` leaves out `generated_at` and line numbers.

use serde::Deserialize;

use super::field::suppress;
use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::{Leak, unknown};
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, Sighting};

/// detect-secrets JSON.
pub(super) static FORMAT: Format = Format {
    id: "detect-secrets",
    title: "detect-secrets scan output or baseline: credentials in code",
    tool: "detect-secrets",
    tried: "1.0.3 to 1.5.0",
    signals: &["`plugins_used` empty: nothing scanned"],
    unrated: true,
    categories: &[Category::Secret],
    attributes: &[Attribute::Verified],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let signed = ["plugins_used", "filters_used"]
        .iter()
        .any(|k| opening.get(k).is_some_and(|m| m.kind == Some(JsonKind::Array)));
    match opening.get("results") {
        // `results` comes late, perhaps behind the bytes looked at.
        None => signed && !opening.whole,
        Some(results) => signed && results.kind == Some(JsonKind::Object),
    }
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    let (mut results, mut found, mut plugins) = (false, false, None);
    json.object(|json, key| match key {
        "results" => {
            results = true;
            json.object(|json, file| {
                json.array(|json, _| {
                    found = true;
                    entry(json, reading, file)
                })
            })
        }
        "plugins_used" if json.kind()? == JsonKind::Array => {
            plugins = Some(0);
            json.array(|json, index| {
                plugins = Some(index + 1);
                json.skip()
            })
        }
        "version" if json.kind()? == JsonKind::String => {
            json.with_value::<String, _>(|version| reading.version(&version))
        }
        "generated_at" if json.kind()? == JsonKind::String => {
            json.with_value::<String, _>(|time| reading.generated(&time))
        }
        "generated_at" => {
            reading.generated_unreadable();
            json.skip()
        }
        "version" | "plugins_used" | "filters_used" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if plugins == Some(0) && !found {
        reading.nothing_scanned("no plugin looked for anything (plugins_used is empty)");
    }
    if results { Ok(()) } else { Err(json.shape("a detect-secrets report has an object `results`")) }
}

fn entry(json: &mut Json, reading: &mut Reading<'_>, file: &str) -> Result<(), ReadError> {
    match json.item::<DetectedSecret<'static>, _>(|item| item.finding(file, reading.context()))? {
        Some(finding) => {
            reading.finding(finding);
            Ok(())
        }
        None => Err(json.shape("no detect-secrets finding: it has neither `type` nor `hashed_secret`")),
    }
}

shapes!(DetectedSecret);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct DetectedSecret<'a> {
    #[serde(borrow, rename = "type")]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    filename: ReportWord<'a>,
    #[serde(borrow)]
    hashed_secret: ReportWord<'a>,
    line_number: LineNumber,
    is_secret: Loose<bool>,
    is_verified: Loose<bool>,
}

impl DetectedSecret<'_> {
    /// `None` if it is an entry of something else. `file` is the key that it stands under.
    fn finding(&self, file: &str, around: ReportContext<'_>) -> Option<Finding> {
        if self.kind.0.is_none() && self.hashed_secret.0.is_none() {
            return None;
        }
        let path = if self.filename.as_str().is_empty() { file } else { self.filename.as_str() };
        let leak = Leak {
            tool: FORMAT.tool,
            rule: self.kind.as_str(),
            path,
            lines: (self.line_number.0, None),
            ..Leak::default()
        };
        let mut finding = leak.finding(around);
        finding.trace = around.key.and_then(|key| key.trace_of_sha1(self.hashed_secret.as_str()));
        if !self.kind.as_str().eq_ignore_ascii_case("Private Key") {
            finding.sighting = Sighting::OnItsLines;
        }
        if self.is_secret.value == Some(false) {
            suppress(&mut finding, "audited as no secret", &[]);
        }
        finding.verified = self.is_verified.value.filter(|&verified| verified);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use crate::report::Generated;
    use crate::report::testing::{read_as, read_text};

    fn report(entries: &str) -> String {
        format!(
            r#"{{"version":"1.5.0","plugins_used":[{{"name":"AWSKeyDetector"}}],"filters_used":[],
                "results":{{"a/b.env":[{entries}]}},"generated_at":"2026-06-01T10:00:00Z"}}"#
        )
    }

    #[test]
    fn without_a_plugin_nothing_was_looked_for() {
        let none = r#"{"version":"1.5.0","plugins_used":[],"filters_used":[],"results":{}}"#;
        assert!(read_text(none).report.nothing_scanned.is_some());
        assert!(read_text(&report("")).report.nothing_scanned.is_none());
    }

    #[test]
    fn an_audited_false_positive_is_suppressed_and_no_digest_is_kept() {
        let read = read_text(&report(
            r#"{"type":"AWS Access Key","filename":"a/b.env","hashed_secret":"32e6ad9003cc","is_verified":true,"line_number":3},
               {"type":"Secret Keyword","filename":"a/b.env","hashed_secret":"aa26e36f8877","is_verified":false,"line_number":4,"is_secret":false}"#,
        ));
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.findings.len(), read.active().count()), (2, 1));
        let finding = &read.findings[0];
        assert_eq!(
            (finding.rule_id.as_str(), finding.path(), finding.verified),
            ("AWS Access Key", Some("a/b.env"), Some(true))
        );
        assert_eq!(read.findings[1].verified, None);
        assert!(matches!(read.report.generated, Generated::At(_)));
        assert_eq!(read.report.tool.version.as_ref().unwrap().as_str(), "1.5.0");
        assert!(!format!("{:?}", read.findings).contains("32e6ad9003cc"));
    }

    #[test]
    fn old_and_slim_reports() {
        let old = r#"{"exclude":{"files":null,"lines":null},"generated_at":"2020-01-01T00:00:00Z","plugins_used":[],
            "results":{"x.py":[{"hashed_secret":"00","line_number":2,"type":"Private Key"}]},"version":"0.12.0","word_list":{}}"#;
        let slim = r#"{"version":"1.5.0","plugins_used":[],"filters_used":[],"results":{"x.py":[{"type":"Private Key","filename":"x.py","hashed_secret":"00"}]}}"#;
        for text in [old, slim] {
            let read = read_text(text);
            assert_eq!(read.format, Some("detect-secrets"));
            assert_eq!(read.findings[0].path(), Some("x.py"));
        }
    }

    #[test]
    fn results_are_a_map_of_lists() {
        assert!(read_text(&report("")).error.is_none());
        for results in [
            "[]",
            "null",
            r#"{"a":null}"#,
            r#"{"a":{}}"#,
            r#"{"a":[7]}"#,
            r#"{"a":[{"b":1}]}"#,
            r#"{"a":[],"a":[]}"#,
        ] {
            let text = format!(r#"{{"version":"1.5.0","results":{results}}}"#);
            let error = read_as("detect-secrets", &text).error;
            assert!(error.is_some_and(|e| e.to_string().contains("results")), "{text}");
        }
        assert!(read_as("detect-secrets", r#"{"version":"1.5.0","plugins_used":[]}"#).error.is_some());
        let renamed = report("").replace("\"filters_used\":[]", r#""resultt":[{"type":"x"}]"#);
        assert_eq!(read_text(&renamed).report.problems.len(), 1);
    }
}
