//! GitLab's code-quality report: an array of entries in the shape of Code Climate's, as linters and secgate write it.
//!
//! Source of the shapes: `doc/ci/testing/code_quality.md` of GitLab, and `SPEC.md` of the Code Climate engines, whose
//! lines are the same objects with `type`, `categories` and perhaps `positions` for `lines`. The fingerprint of an entry
//! is not its identity here: many linters work the line into it.

use serde::Deserialize;

use super::conceal::comparable;
use super::field::first_of;
use super::json::{Json, shapes};
use super::value::{LineNumber, Loose, OptionalObject, ReportWord};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// GitLab code quality.
pub(super) static FORMAT: Format = Format {
    id: "codequality",
    title: "GitLab code quality: entries of linters",
    tool: "codequality",
    categories: &[Category::Quality],
    attributes: &[],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.first_element().is_some_and(|first| {
        let place = first.get("location").is_some_and(|at| at.has("path"));
        place && first.has("description") && ["fingerprint", "check_name"].iter().any(|key| first.has(key))
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Quality);
    json.array(|json, _| {
        let finding = json.item::<QualityEntry<'static>, _>(|entry| entry.finding(reading.roots()))?;
        let finding = finding.ok_or_else(|| {
            json.shape("no entry of a code-quality report: it has neither `description` nor `check_name`")
        })?;
        reading.finding(finding);
        Ok(())
    })
}

shapes!(QualityEntry);

#[derive(Deserialize, Default)]
#[serde(default)]
struct QualityEntry<'a> {
    #[serde(borrow)]
    description: ReportWord<'a>,
    #[serde(borrow)]
    check_name: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    location: OptionalObject<QualityLocation<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QualityLocation<'a> {
    #[serde(borrow)]
    path: ReportWord<'a>,
    lines: OptionalObject<QualityLines>,
    positions: OptionalObject<QualityPositions>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QualityLines {
    begin: LineNumber,
    end: LineNumber,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QualityPositions {
    begin: OptionalObject<QualityPosition>,
    end: OptionalObject<QualityPosition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QualityPosition {
    line: Loose<u32>,
}

impl QualityLocation<'_> {
    fn lines(&self) -> (Option<u32>, Option<u32>) {
        let of = |position: &OptionalObject<QualityPosition>| {
            position.0.as_ref().and_then(|position| position.line.value).filter(|line| *line > 0)
        };
        let lines = self.lines.0.as_ref().map(|lines| (lines.begin.0, lines.end.0));
        let positions = || self.positions.0.as_ref().map(|at| (of(&at.begin), of(&at.end)));
        lines.or_else(positions).unwrap_or_default()
    }
}

impl QualityEntry<'_> {
    /// `None` if it says nothing at all.
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let (rule, description) = (self.check_name.as_str(), self.description.as_str());
        if rule.is_empty() && description.is_empty() {
            return None;
        }
        let severity = match self.severity.as_str().trim().to_ascii_lowercase().as_str() {
            "blocker" => Severity::Critical,
            "critical" => Severity::High,
            "major" => Severity::Medium,
            "minor" => Severity::Low,
            "info" => Severity::Info,
            _ => Severity::Unknown,
        };
        let mut finding = Finding::new(Category::Quality, FORMAT.tool, rule, severity);
        finding.native_severity = self.severity.native();
        finding.title = Text::line(first_of(&[description, rule]));
        if let Some(at) = &self.location.0 {
            let (begin, end) = at.lines();
            finding.location = Location::new(at.path.as_str(), begin, end, roots);
        }
        let id = FingerprintBuilder::new(Category::Quality.as_str()).part(rule);
        finding.identify(id.folded(&comparable(description)));
        finding.bind_to_code();
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const ENTRY: &str = r#"[{"description":"'unused' is assigned a value but never used.","check_name":"no-unused-vars",
        "fingerprint":"7815696ecbf1c96e6894b779456d330e","severity":"minor","location":{"path":"lib/index.js","lines":{"begin":42}}}]"#;

    #[test]
    fn severities_and_places() {
        for (word, severity) in [
            ("blocker", Severity::Critical),
            ("critical", Severity::High),
            ("major", Severity::Medium),
            ("minor", Severity::Low),
            ("info", Severity::Info),
            ("odd", Severity::Unknown),
        ] {
            let read = read_sound("codequality", &ENTRY.replace("minor", word));
            assert_eq!((read.findings.len(), read.findings[0].severity), (1, severity), "{word}");
        }
        let by_position =
            ENTRY.replace(r#""lines":{"begin":42}"#, r#""positions":{"begin":{"line":42,"column":3}}"#);
        for text in [ENTRY, &by_position] {
            let read = read_sound("codequality", text);
            let place = read.findings[0].location.as_ref().unwrap();
            assert_eq!((place.path.as_str(), place.line), ("lib/index.js", Some(42)));
        }
    }

    #[test]
    fn the_line_is_no_part_of_what_it_is() {
        let one = read_sound("codequality", ENTRY).findings.remove(0);
        let moved =
            read_sound("codequality", &ENTRY.replace("42", "7").replace("7815", "aaaa")).findings.remove(0);
        assert_eq!(one.fingerprint, moved.fingerprint);
        assert!(one.told_by_code);
    }

    #[test]
    fn a_clean_list_needs_a_name_and_others_are_refused() {
        assert!(read_as("codequality", "[]").error.is_none());
        assert!(read_text("[]").error.is_some());
        for text in ["{}", "null", "[1]", "[{}]", r#"[{"location":{"path":"a"}}]"#] {
            assert!(read_as("codequality", text).error.is_some(), "{text}");
        }
    }
}
