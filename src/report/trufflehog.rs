//! `TruffleHog` 3 (`trufflehog … --json`): one JSON object a line, with log lines between where standard error
//! went to the same file; also the same objects as an array, or spread over many lines (`jq .`).
//!
//! Source of the shapes: `pkg/output/json.go`, `proto/source_metadata.proto`, and for log lines `pkg/log/log.go`
//! (levels `error` and `info-N`). A clean scan writes nothing to standard output; only its log shows that it
//! ran: "finished scanning" with the number of chunks, and of secrets, which is the number of findings.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::{Leak, without_credentials};
use super::value::{LineNumber, Loose, ReportWord, Strings};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, Sighting, Text};

/// `TruffleHog` 3 JSON.
pub(super) static FORMAT: Format = Format {
    id: "trufflehog",
    title: "TruffleHog 3 JSON lines: credentials, verified or not",
    tool: "trufflehog",
    tried: "3",
    signals: &[
        "lines of its log that warn or tell errors",
        "the log counts more than is listed",
        "a log that tells no scan, or one of nothing: nothing scanned",
    ],
    unrated: true,
    categories: &[Category::Secret],
    attributes: &[Attribute::Verified],
    empty_array: true,
    lines: true,
    silent_when_clean: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let first = &opening.top;
    let finding = first.has("SourceMetadata") && (first.has("DetectorName") || first.has("DetectorType"));
    let log = first.has("level") && first.has("msg");
    let ours = |logger: &Member| logger.text.as_deref().is_some_and(|name| name.starts_with("trufflehog"));
    (opening.is_object() || opening.first_element().is_some())
        && (finding || log && first.get("logger").is_some_and(ours))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    walk(json, reading, v3)
}

/// The finding that a line of version 3 is.
fn v3(line: &TruffleHogLine<'_>, around: ReportContext<'_>) -> Option<Finding> {
    line.finding(around)
}

shapes!(TruffleHogLine);

/// One line: a finding of version 3 or 2, or of the log.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct TruffleHogLine<'a> {
    #[serde(borrow, rename = "SourceMetadata")]
    source: Loose<TruffleHogSource<'a>>,
    #[serde(borrow, rename = "DetectorName")]
    detector: Loose<ReportWord<'a>>,
    #[serde(rename = "DetectorType")]
    detector_type: Loose<i64>,
    #[serde(rename = "Verified")]
    verified: Loose<bool>,
    #[serde(borrow, rename = "VerificationError")]
    verification_error: ReportWord<'a>,
    #[serde(borrow, rename = "Raw")]
    raw: ReportWord<'a>,
    #[serde(borrow, rename = "RawV2")]
    raw_v2: ReportWord<'a>,
    #[serde(borrow, rename = "ExtraData")]
    extra: Loose<TruffleHogExtra<'a>>,

    #[serde(borrow, rename = "stringsFound")]
    pub(super) strings_found: Loose<Strings<'a>>,
    #[serde(borrow)]
    pub(super) reason: ReportWord<'a>,
    #[serde(borrow)]
    pub(super) path: ReportWord<'a>,

    #[serde(borrow)]
    level: ReportWord<'a>,
    #[serde(borrow)]
    msg: ReportWord<'a>,
    chunks: Loose<u64>,
    verified_secrets: Loose<u64>,
    unverified_secrets: Loose<u64>,
}

#[derive(Deserialize)]
struct TruffleHogSource<'a> {
    /// By kind of source: Git, Filesystem, Docker, Slack …
    #[serde(borrow, rename = "Data")]
    data: BTreeMap<String, Loose<TruffleHogLocation<'a>>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct TruffleHogLocation<'a> {
    #[serde(borrow)]
    file: ReportWord<'a>,
    #[serde(borrow)]
    filename: ReportWord<'a>,
    #[serde(borrow)]
    path: ReportWord<'a>,
    line: LineNumber,
    #[serde(borrow)]
    image: ReportWord<'a>,
    /// Of a scan of history.
    #[serde(borrow)]
    commit: ReportWord<'a>,
}

#[derive(Deserialize)]
struct TruffleHogExtra<'a> {
    /// Of a custom detector.
    #[serde(borrow, default)]
    name: ReportWord<'a>,
}

impl TruffleHogLine<'_> {
    /// The finding of version 3, if it is one.
    fn finding(&self, around: ReportContext<'_>) -> Option<Finding> {
        if !self.source.given || !self.detector.given && !self.detector_type.given {
            return None;
        }
        let name = self.detector.value.as_ref().map_or("", ReportWord::as_str);
        let number = self.detector_type.value.map(|number| format!("detector {number}")).unwrap_or_default();
        let rule = if name.is_empty() { &number } else { name };
        let custom = self.extra.value.as_ref().map_or("", |extra| extra.name.as_str());
        let title = if custom.is_empty() { rule.to_owned() } else { format!("{rule}: {custom}") };
        let none = TruffleHogLocation::default();
        let place = self
            .source
            .value
            .iter()
            .flat_map(|s| s.data.values())
            .find_map(|p| p.value.as_ref())
            .unwrap_or(&none);
        let path = [&place.file, &place.filename, &place.path]
            .into_iter()
            .map(ReportWord::as_str)
            .find(|p| !p.is_empty());
        let leak = Leak {
            tool: FORMAT.tool,
            rule,
            title: &title,
            path: path.unwrap_or_default(),
            lines: (place.line.0, None),
            values: &[self.raw_v2.as_str(), self.raw.as_str()],
            text: "",
        };
        let mut finding = leak.finding(around);
        finding.sighting = Sighting::of_commit(place.commit.as_str());
        // Where the check itself failed, `Verified: false` says nothing.
        let failed = !self.verification_error.as_str().is_empty();
        finding.verified = self.verified.value.filter(|&verified| verified || !failed);
        finding.target = Some(Text::line(place.image.as_str())).filter(|image| !image.is_empty());
        Some(finding)
    }

    fn is_log(&self) -> bool {
        self.level.0.is_some() && self.msg.0.is_some()
    }
}

/// Reads lines, an array, or one object; `finding` tells which of them are findings.
pub(super) fn walk(
    json: &mut Json,
    reading: &mut Reading<'_>,
    finding: fn(&TruffleHogLine<'_>, ReportContext<'_>) -> Option<Finding>,
) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    let mut seen = TruffleHogCounts::default();
    if json.kind().is_ok_and(|kind| kind == JsonKind::Array) {
        let whole = array(json, reading, &mut seen, finding);
        if whole.is_err() {
            reading.forget();
        }
        return whole;
    }
    while !json.at_end()? {
        let place = format!("line {}", json.line_number());
        if json.kind().is_ok_and(|kind| kind == JsonKind::Object) {
            let said = json.item::<TruffleHogLine<'static>, _>(|line| {
                seen.count_line(&line, finding, &place, reading)
            })?;
            json.end_of_line()?;
            if let Some(finding) = said {
                reading.finding(finding);
            }
        } else if let Some(line) = json.line()? {
            line.skip()?;
            seen.other(&place, reading);
        }
    }
    if seen.findings == 0 && seen.logs == 0 {
        return Err(json.shape(NONE));
    }
    seen.add_problems(reading, false);
    Ok(())
}

/// The same in one array, which must be whole.
fn array(
    json: &mut Json,
    reading: &mut Reading<'_>,
    seen: &mut TruffleHogCounts,
    finding: fn(&TruffleHogLine<'_>, ReportContext<'_>) -> Option<Finding>,
) -> Result<(), ReadError> {
    json.array(|json, _| {
        let place = json.path_text();
        let said =
            json.item::<TruffleHogLine<'static>, _>(|line| seen.count_line(&line, finding, &place, reading))?;
        if let Some(finding) = said {
            reading.finding(finding);
        }
        Ok(())
    })?;
    json.end()?;
    if seen.others > 0 && seen.findings == 0 && seen.logs == 0 {
        return Err(json.shape(NONE));
    }
    seen.add_problems(reading, true);
    Ok(())
}

const NONE: &str = "no TruffleHog report: nothing in it is a finding";

/// Counts of what was read so far.
#[derive(Default)]
struct TruffleHogCounts {
    findings: u64,
    logs: u64,
    others: u64,
    finished: bool,
    chunks: u64,
    /// Number of secrets by the scanner's own count.
    counted: u64,
}

impl TruffleHogCounts {
    fn count_line(
        &mut self,
        line: &TruffleHogLine<'_>,
        finding: fn(&TruffleHogLine<'_>, ReportContext<'_>) -> Option<Finding>,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> Option<Finding> {
        let found = finding(line, reading.context());
        if found.is_some() {
            self.findings += 1;
        } else if line.is_log() {
            self.log(line, reading);
        } else {
            self.other(place, reading);
        }
        found
    }

    fn other(&mut self, place: &str, reading: &mut Reading<'_>) {
        self.others += 1;
        reading.problem(
            ProblemKind::Scan,
            &format!("{place} is neither a finding nor a line of the log"),
            None,
        );
    }

    fn log(&mut self, line: &TruffleHogLine<'_>, reading: &mut Reading<'_>) {
        self.logs += 1;
        if !is_quiet(line.level.as_str()) {
            let path = Some(line.path.as_str()).filter(|p| !p.is_empty());
            reading.problem(
                ProblemKind::Scan,
                &format!("log: {}", without_credentials(line.msg.as_str())),
                path,
            );
        }
        if line.msg.as_str() == "finished scanning" {
            self.finished = true;
            self.chunks += line.chunks.value.unwrap_or_default();
            let counts = [line.verified_secrets.value, line.unverified_secrets.value];
            self.counted = counts.into_iter().flatten().fold(self.counted, u64::saturating_add);
        }
    }

    /// Content of all lines together.
    fn add_problems(&self, reading: &mut Reading<'_>, array: bool) {
        let Self { findings, counted, .. } = self;
        if counted > findings {
            let message = format!("the log counts {counted} secrets, the report holds {findings}");
            reading.problem(ProblemKind::Scan, &message, None);
        }
        let empty_array = array && self.logs == 0;
        if self.findings == 0 && !empty_array {
            if !self.finished {
                reading.nothing_scanned("there are only lines of a log, and none says that a scan finished");
            } else if self.chunks == 0 {
                reading.nothing_scanned("the log says that a scan finished without reading anything");
            }
        }
    }
}

/// Levels that tell of no failure: all but `error`, and those above it, which are written `info--N`.
fn is_quiet(level: &str) -> bool {
    let digits = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    matches!(level, "info" | "debug" | "trace" | "warn" | "warning")
        || level.strip_prefix("info-").is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_text};

    const GIT: &str = r#"{"SourceMetadata":{"Data":{"Git":{"commit":"0a1b","file":"deploy/.env","line":3}}},"SourceType":16,"DetectorType":2,"DetectorName":"AWS","Verified":true,"Raw":"AKIAX0","RawV2":"AKIAX0:s3","Redacted":"AKIAX0","ExtraData":null}"#;
    const DOCKER: &str = r#"{"SourceMetadata":{"Data":{"Docker":{"file":"/app/.env","image":"shop:1","layer":"sha256:0"}}},"DetectorType":8,"DetectorName":"Github","Verified":false,"VerificationError":"timeout","Raw":"ghp_0"}"#;
    const START: &str =
        r#"{"level":"info-0","ts":"2026-06-01T10:00:00Z","logger":"trufflehog","msg":"running source"}"#;
    const ERROR: &str = r#"{"level":"error","ts":"2026-06-01T10:00:00Z","logger":"trufflehog","msg":"error scanning https://u:hunter2@h/x","error":"hunter2"}"#;

    fn end(chunks: u64, verified: u64) -> String {
        format!(
            r#"{{"level":"info-0","ts":"t","logger":"trufflehog","msg":"finished scanning","chunks":{chunks},"verified_secrets":{verified},"unverified_secrets":0}}"#
        )
    }

    #[test]
    fn lines_an_array_and_objects_over_many_lines() {
        let pretty = GIT.replace(',', ",\n  ");
        for (text, count) in [
            (format!("{GIT}\n{DOCKER}\n"), 2),
            (format!("{START}\n{GIT}\r\n\n{DOCKER}"), 2),
            (format!("[{GIT},\n{DOCKER}]"), 2),
            (pretty.clone(), 1),
            (format!("{pretty}\n{pretty}\n"), 2),
        ] {
            let read = read_text(&text);
            assert!(read.error.is_none(), "{text}: {:?}", read.error);
            assert_eq!((read.format, read.findings.len()), (Some("trufflehog"), count), "{text}");
            assert!(read.report.problems.is_empty() && read.report.nothing_scanned.is_none());
            let finding = &read.findings[0];
            assert_eq!(
                (finding.rule_id.as_str(), finding.path(), finding.verified),
                ("AWS", Some("deploy/.env"), Some(true))
            );
            assert_eq!(finding.severity, Severity::Critical);
            assert!(!format!("{:?}", read.findings).contains("AKIAX0"));
        }
        let docker = &read_text(DOCKER).findings[0];
        assert_eq!((docker.verified, docker.target.as_ref().map(Text::as_str)), (None, Some("shop:1")));
    }

    #[test]
    fn a_log_alone_is_clean_only_if_it_says_that_a_scan_read_something() {
        for (text, quiet, scanned) in [
            (format!("{START}\n{}\n", end(7, 0)), true, true),
            (format!("{START}\n{}\n", end(0, 0)), true, false),
            (format!("{START}\n"), true, false),
            (format!("{ERROR}\n"), false, false),
            (format!("{ERROR}\n{}\n", end(7, 0)), false, true),
            (format!("{START}\n{}\n", end(7, 2)), false, true),
        ] {
            let read = read_text(&text);
            assert!(read.error.is_none(), "{text}: {:?}", read.error);
            assert_eq!(
                (read.report.problems.is_empty(), read.report.nothing_scanned.is_none()),
                (quiet, scanned),
                "{text}"
            );
            assert!(!format!("{:?}", read.report).contains("hunter2"));
        }
        let fatal = START.replace("info-0", "info--5");
        assert_eq!(read_text(&format!("{fatal}\n{GIT}")).report.problems.len(), 1);
    }

    #[test]
    fn any_other_line_is_a_problem() {
        for other in [
            "{\"a\":1}",
            "🐷🔑🐷  TruffleHog. Unearth your secrets.",
            "null",
            "[1]",
            "2026-06-01 running source",
        ] {
            let read = read_text(&format!("{GIT}\n{other}\n{GIT}\n"));
            assert!(read.error.is_none(), "{other}: {:?}", read.error);
            assert_eq!((read.findings.len(), read.report.problems.len()), (2, 1), "{other}");
            assert!(read.report.problems[0].message.as_str().starts_with("line 2 "));
            assert!(read_as("trufflehog", other).error.is_some(), "{other}");
        }
        let renamed = GIT.replace("SourceMetadata", "SourceMetadatb");
        assert_eq!(read_text(&format!("{GIT}\n{renamed}")).report.problems.len(), 1);
    }

    #[test]
    fn complete_lines_before_a_fault_count() {
        for fault in ["{oops", "{\"SourceMetadata\": {\"Data\": {\"Git\": {\"commit\": \"4b", "{} {}", "{},"]
        {
            let read = read_text(&format!("{GIT}\n{fault}"));
            assert!(read.error.is_some(), "{fault}");
            assert_eq!(read.findings.len(), 1);
        }
        assert!(read_text(&format!("{GIT}{GIT}")).error.is_some());
        let read = read_text(&format!("[{GIT},{{oops]"));
        assert!(read.error.is_some() && read.findings.is_empty());
    }

    #[test]
    fn odd_values_keep_the_finding() {
        for (from, to) in [
            ("3}", "1e400}"),
            ("\"AWS\"", "7"),
            ("true", "\"yes\""),
            ("{\"Git\"", "[{\"Git\""),
            ("\"AKIAX0\"", "null"),
        ] {
            let text = GIT.replacen(from, to, 1);
            let text = if to.starts_with('[') { text.replacen("}}}", "}}]}", 1) } else { text };
            let read = read_text(&text);
            assert!(read.error.is_none(), "{text}: {:?}", read.error);
            assert_eq!(read.findings.len(), 1);
        }
        assert_eq!(
            read_text(&GIT.replace("\"DetectorName\":\"AWS\",", "")).findings[0].rule_id.as_str(),
            "detector 2"
        );
    }
}
