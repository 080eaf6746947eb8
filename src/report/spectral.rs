//! Spectral's JSON report (`spectral lint --format json`), 5.x and 6.x.
//!
//! Source of the shapes: `packages/core/src/types/spectral.ts` (`IRuleResult`) and `packages/formatters/src/json.ts` of
//! the spectral repository. Severity is a number of the language-server protocol, lines count from 0. Three codes are
//! no rules: the document did not parse, is of no kind that a rule speaks of, or names parts that cannot be had.

use serde::Deserialize;

use super::field::first_of;
use super::json::{Json, JsonKind, shapes};
use super::value::{Loose, ReportWord};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// Spectral JSON.
pub(super) static FORMAT: Format = Format {
    id: "spectral",
    title: "Spectral JSON: problems of API descriptions",
    tool: "spectral",
    tried: "6.16",
    signals: &["`parser`, `unrecognized-format`, `invalid-ref`"],
    categories: &[Category::Contract],
    attributes: &[],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// A diagnostic of the language-server protocol has the same keys but `path`.
fn looks_like(opening: &Opening) -> bool {
    opening.first_element().is_some_and(|first| {
        first.has_kind("path", JsonKind::Array)
            && ["code", "message", "severity", "range"].iter().all(|k| first.has(k))
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Contract);
    json.array(|json, _| {
        let read = json.item::<SpectralResult<'static>, _>(|item| {
            item.add_problem(reading);
            item.finding(reading.roots())
        })?;
        let finding =
            read.ok_or_else(|| json.shape("no Spectral result: it has neither `code` nor `message`"))?;
        reading.finding(finding);
        Ok(())
    })
}

shapes!(SpectralResult);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct SpectralResult<'a> {
    code: Loose<SpectralCode>,
    #[serde(borrow)]
    message: ReportWord<'a>,
    severity: Loose<i64>,
    path: Loose<Vec<Loose<SpectralCode>>>,
    range: Loose<SpectralRange>,
    #[serde(borrow)]
    source: ReportWord<'a>,
}

/// A rule's name, or a step of a path: a name or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum SpectralCode {
    Name(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct SpectralRange {
    start: Loose<SpectralPosition>,
    end: Loose<SpectralPosition>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct SpectralPosition {
    line: Loose<u32>,
}

impl SpectralCode {
    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Loose<SpectralPosition> {
    /// Counted from 1.
    fn line(&self) -> Option<u32> {
        self.value.as_ref().and_then(|p| p.line.value).and_then(|line| line.checked_add(1))
    }
}

impl SpectralResult<'_> {
    fn code(&self) -> String {
        self.code.value.as_ref().map(SpectralCode::text).unwrap_or_default()
    }

    /// A document that was not linted as what it is.
    fn add_problem(&self, reading: &mut Reading<'_>) {
        let (kind, what) = match self.code().as_str() {
            "parser" => (ProblemKind::Parse, "parser: the document does not parse"),
            "unrecognized-format" => {
                (ProblemKind::Scan, "unrecognized-format: no rule speaks of this document")
            }
            "invalid-ref" => (ProblemKind::Scan, "invalid-ref: a part that the document names was not read"),
            _ => return,
        };
        reading.problem(kind, what, Some(self.source.as_str()).filter(|path| !path.is_empty()));
    }

    /// `None` if it says nothing at all.
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let code = self.code();
        if code.is_empty() && self.message.0.is_none() {
            return None;
        }
        let (severity, word) = match self.severity.value {
            Some(0) => (Severity::High, "error"),
            Some(1) => (Severity::Medium, "warn"),
            Some(2) => (Severity::Low, "info"),
            Some(3) => (Severity::Info, "hint"),
            _ => (Severity::Unknown, ""),
        };
        let mut finding = Finding::new(Category::Contract, FORMAT.tool, &code, severity);
        finding.native_severity = Some(Text::line(word)).filter(|word| !word.is_empty());
        finding.title = Text::line(first_of(&[self.message.as_str(), &code]));
        let range = self.range.value.as_ref();
        let lines = (range.and_then(|r| r.start.line()), range.and_then(|r| r.end.line()));
        finding.location = Location::new(self.source.as_str(), lines.0, lines.1, roots);
        let steps = self.path.value.as_deref().unwrap_or_default();
        let id = FingerprintBuilder::new(Category::Contract.as_str()).part(&code);
        let step =
            |step: &Loose<SpectralCode>| step.value.as_ref().map(SpectralCode::text).unwrap_or_default();
        if steps.is_empty() {
            finding.bind_to_code();
        }
        finding.identify(steps.iter().fold(id, |id, s| id.part(&step(s))));
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_text};

    fn entry(keys: &str) -> String {
        format!(
            r#"[{{"code":"operation-tags","path":["paths","/a",0],"message":"Operation must have tags.",{keys},
                "range":{{"start":{{"line":0,"character":4}},"end":{{"line":9,"character":1}}}},"source":"/builds/a/api.yaml"}}]"#
        )
    }

    #[test]
    fn severities_are_numbers() {
        for (number, is) in [
            ("0", Severity::High),
            ("1", Severity::Medium),
            ("2", Severity::Low),
            ("3", Severity::Info),
            ("4", Severity::Unknown),
            ("-1", Severity::Unknown),
            ("\"0\"", Severity::Unknown),
            ("null", Severity::Unknown),
            ("1e400", Severity::Unknown),
            ("0.5", Severity::Unknown),
        ] {
            let read = read_as("spectral", &entry(&format!("\"severity\":{number}")));
            assert!(read.error.is_none(), "{number}: {:?}", read.error);
            assert_eq!(read.findings[0].severity, is, "{number}");
        }
    }

    #[test]
    fn a_finding_and_its_place() {
        let read = read_text(&entry("\"severity\":1"));
        assert_eq!(read.format, Some("spectral"));
        let finding = &read.findings[0];
        assert_eq!((finding.category, finding.rule_id.as_str()), (Category::Contract, "operation-tags"));
        let place = finding.location.as_ref().unwrap();
        assert_eq!(
            (place.path.as_str(), place.line, place.end_line),
            ("builds/a/api.yaml", Some(1), Some(10))
        );
        let moved =
            read_text(&entry("\"severity\":1").replace("\"line\":0", "\"line\":90")).findings.remove(0);
        assert_eq!(moved.fingerprint, finding.fingerprint);
        let other = read_text(&entry("\"severity\":1").replace("/a\",0", "/a\",1")).findings.remove(0);
        assert_ne!(other.fingerprint, finding.fingerprint);
        assert!(read.report.problems.is_empty());
    }

    #[test]
    fn a_document_that_was_not_linted_is_no_whole_scan() {
        for (code, kind) in [
            ("parser", ProblemKind::Parse),
            ("unrecognized-format", ProblemKind::Scan),
            ("invalid-ref", ProblemKind::Scan),
        ] {
            let read = read_text(&entry("\"severity\":0").replace("operation-tags", code));
            assert_eq!((read.findings.len(), read.report.problems[0].kind), (1, kind), "{code}");
        }
    }

    #[test]
    fn odd_fields_leave_the_finding() {
        let keys = r#""severity":0,"x":1"#;
        for (from, to) in [
            ("\"operation-tags\"", "7"),
            ("\"operation-tags\"", "null"),
            ("\"line\":0", "\"line\":1e400"),
            ("[\"paths\",\"/a\",0]", "[{}]"),
            ("\"/builds/a/api.yaml\"", "null"),
        ] {
            let read = read_text(&entry(keys).replace(from, to));
            assert!(read.error.is_none(), "{to}: {:?}", read.error);
            assert_eq!(read.findings.len(), 1);
        }
        let read = read_as("spectral", &entry(keys).replace("\"start\"", "\"stars\""));
        assert_eq!((read.findings.len(), read.error.is_none()), (1, true));
    }

    #[test]
    fn an_empty_list_is_clean_and_another_list_is_refused() {
        assert!(read_as("spectral", "[]").error.is_none());
        assert!(read_text("[]").error.is_some());
        for text in [r#"[{"filePath":"a","messages":[]}]"#, "[1]", "[[]]", "{}", "null", "[{}]"] {
            assert!(read_as("spectral", text).error.is_some(), "{text}");
        }
    }
}
