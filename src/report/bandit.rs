//! Bandit's JSON report (`bandit -f json`), 1.x.
//!
//! Source of the shapes: `bandit/formatters/json.py`, `core/issue.py`, `core/manager.py`, `core/metrics.py`. Findings
//! under a `# nosec` are already gone. B105 to B107 quote the password in `issue_text`; `code` holds source lines
//! with their numbers before them. `metrics` counts what was scanned before results were filtered by level, so its
//! totals need not agree with the list.

use serde::Deserialize;

use super::conceal::comparable;
use super::credential_rule::is_about_secrets;
use super::excerpt::{name_of_literal, numbered_lines};
use super::field::{first_of, number};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Confidence, Finding, FingerprintBuilder, Location, Severity, Text,
};

/// Bandit JSON.
pub(super) static FORMAT: Format = Format {
    id: "bandit",
    title: "Bandit JSON: weaknesses in Python code",
    tool: "bandit",
    tried: "1.9.4",
    signals: &["`errors`", "`metrics._totals.loc` 0: nothing scanned"],
    categories: &[Category::Sast],
    attributes: &[Attribute::Confidence],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys that only a Bandit finding has.
const ITEM_KEYS: [&str; 6] =
    ["issue_severity", "issue_confidence", "issue_text", "issue_cwe", "test_id", "test_name"];

fn looks_like(opening: &Opening) -> bool {
    let errors = opening.get("errors").is_some_and(|m| m.kind == Some(JsonKind::Array));
    let metrics = opening.get("metrics").is_some_and(|m| {
        m.kind == Some(JsonKind::Object)
            && m.members.iter().any(|(k, file)| k == "_totals" || file.has("loc") && file.has("nosec"))
    });
    match opening.get("results") {
        // Any two: an odd number in the first finding ends what is seen of it.
        Some(results) if results.lists_objects() => {
            ITEM_KEYS.iter().filter(|key| results.has(key)).count() >= 2
        }
        Some(results) => results.is_empty_array() && metrics && (errors || !opening.whole),
        // `results` comes last, perhaps behind the bytes looked at.
        None => !opening.whole && errors && metrics,
    }
}

#[derive(Default)]
struct BanditSections {
    results: bool,
    errors: bool,
    lines: Option<u64>,
    old_stats: bool,
    totals: BanditHidden,
    of_files: BanditHidden,
}

/// Findings that comments hide: Bandit leaves them out, and counts them (`bandit/core/tester.py`).
#[derive(Default)]
struct BanditHidden {
    /// Behind `# nosec`.
    nosec: u64,
    /// Behind `# nosec` with ids of tests.
    skipped_tests: u64,
}

impl BanditHidden {
    fn count(&mut self, json: &mut Json, key: &str) -> Result<(), ReadError> {
        match key {
            "nosec" => number(json).map(|count| self.nosec = count.unwrap_or_default()),
            "skipped_tests" => number(json).map(|count| self.skipped_tests = count.unwrap_or_default()),
            _ => json.skip(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.nosec = self.nosec.saturating_add(other.nosec);
        self.skipped_tests = self.skipped_tests.saturating_add(other.skipped_tests);
    }

    fn hand_over(&self, file: Option<&str>, reading: &mut Reading<'_>) {
        reading.hidden(FORMAT.tool, "nosec", file, self.nosec);
        reading.hidden(FORMAT.tool, "skipped_tests", file, self.skipped_tests);
    }
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Sast);
    let mut seen = BanditSections::default();
    json.object(|json, key| match key {
        "results" => {
            seen.results = true;
            json.array(|json, _| {
                match json.item::<BanditResult<'static>, _>(|item| {
                    item.finding(reading.roots()).inspect(|found| reading.in_code(found, item.code.as_str()))
                })? {
                    Some(finding) => {
                        reading.finding(finding);
                        Ok(())
                    }
                    None => Err(json.shape("no Bandit finding: it has neither `test_id` nor `issue_text`")),
                }
            })
        }
        "errors" => {
            seen.errors = true;
            json.array(|json, _| json.item::<BanditError<'static>, _>(|fault| fault.add_problem(reading)))
        }
        "metrics" => json.object(|json, key| match key {
            "_totals" => json.object(|json, key| match key {
                "loc" => number(json).map(|lines| seen.lines = lines),
                _ => seen.totals.count(json, key),
            }),
            file if json.kind()? == JsonKind::Object => {
                let mut of_file = BanditHidden::default();
                json.object(|json, key| of_file.count(json, key))?;
                of_file.hand_over(Some(file), reading);
                seen.of_files.add(&of_file);
                Ok(())
            }
            _ => json.skip(),
        }),
        "generated_at" if json.kind()? == JsonKind::String => {
            json.with_value::<String, _>(|time| reading.generated(&time))
        }
        "generated_at" => {
            reading.generated_unreadable();
            json.skip()
        }
        // Before 1.0, in place of `metrics`.
        "stats" => {
            seen.old_stats = true;
            json.skip()
        }
        _ => unknown(json, reading),
    })?;
    // What no file accounts for.
    BanditHidden {
        nosec: seen.totals.nosec.saturating_sub(seen.of_files.nosec),
        skipped_tests: seen.totals.skipped_tests.saturating_sub(seen.of_files.skipped_tests),
    }
    .hand_over(None, reading);
    if !seen.results {
        return Err(json.shape("a Bandit report has a list `results`"));
    }
    if !seen.errors {
        let message = "the report has no list `errors`, so it does not say what failed";
        reading.problem(ProblemKind::Scan, message, None);
    }
    match seen.lines {
        Some(0) => reading.nothing_scanned("no line of code was scanned (metrics._totals.loc is 0)"),
        None if !seen.old_stats => {
            let message = "the report has no `metrics._totals.loc`, so it does not say what was scanned";
            reading.problem(ProblemKind::Scan, message, None);
        }
        Some(_) | None => {}
    }
    Ok(())
}

shapes!(BanditResult, BanditError);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct BanditResult<'a> {
    #[serde(borrow)]
    test_id: ReportWord<'a>,
    #[serde(borrow)]
    test_name: ReportWord<'a>,
    #[serde(borrow)]
    issue_text: ReportWord<'a>,
    #[serde(borrow)]
    issue_severity: ReportWord<'a>,
    #[serde(borrow)]
    issue_confidence: ReportWord<'a>,
    issue_cwe: Loose<BanditCwe>,
    #[serde(borrow)]
    filename: ReportWord<'a>,
    line_number: LineNumber,
    line_range: Loose<Vec<LineNumber>>,
    #[serde(borrow)]
    code: ReportWord<'a>,
}

#[derive(Deserialize)]
struct BanditCwe {
    #[serde(default)]
    id: LineNumber,
}

impl BanditResult<'_> {
    /// `None` if it is an entry of something else.
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let (id, name, text) = (self.test_id.as_str(), self.test_name.as_str(), self.issue_text.as_str());
        let rule = first_of(&[id, name]);
        if rule.is_empty() && text.is_empty() {
            return None;
        }
        let severity = Severity::plain(self.issue_severity.as_str());
        let mut finding = Finding::new(Category::Sast, FORMAT.tool, rule, severity);
        finding.native_severity = self.issue_severity.native();
        finding.confidence = Confidence::plain(self.issue_confidence.as_str());
        if rule != name && !name.is_empty() {
            finding.rule_aliases.push(Text::line(name));
        }
        finding.cwes.extend(self.issue_cwe.value.as_ref().and_then(|cwe| cwe.id.0));
        let last = self.line_range.value.iter().flatten().filter_map(|line| line.0).max();
        let last = last.filter(|last| self.line_number.0.is_some_and(|first| *last >= first));
        finding.location = Location::new(self.filename.as_str(), self.line_number.0, last, roots);

        let secret = matches!(id, "B105" | "B106" | "B107")
            || is_about_secrets(&name.replace("hardcoded", ""), &finding.cwes);
        finding.may_hold_secret |= secret;
        let (said, value) = if secret { split_quoted(text) } else { (text, "") };
        finding.title = Text::line(first_of(&[said, name, id]));
        let code = numbered_lines(self.code.as_str(), self.line_number.0, last);
        let build = FingerprintBuilder::new(Category::Sast.as_str()).part(finding.rule_id.as_str());
        let id = match code.trim() {
            code if secret => build.part(name_of_literal(code, value)),
            "" => {
                finding.bind_to_code();
                build.folded(&comparable(text))
            }
            code => build.folded(code),
        };
        finding.identify(id);
        Some(finding)
    }
}

/// A message's text before what it quotes, and what it quotes.
fn split_quoted(text: &str) -> (&str, &str) {
    let (said, value) = text.split_once(['\'', '"', '`']).unwrap_or((text, ""));
    (said.trim_end_matches([' ', ':', '(']), value.trim_end_matches(['\'', '"', '`']))
}

/// A file that was not scanned.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct BanditError<'a> {
    #[serde(borrow)]
    filename: ReportWord<'a>,
    #[serde(borrow)]
    reason: ReportWord<'a>,
}

impl BanditError<'_> {
    fn add_problem(&self, reading: &mut Reading<'_>) {
        let reason = self.reason.as_str();
        let kind = if reason.starts_with("syntax error") { ProblemKind::Parse } else { ProblemKind::Scan };
        let path = Some(self.filename.as_str()).filter(|path| !path.is_empty());
        let reason = if reason.is_empty() { "the file was not scanned" } else { reason };
        reading.problem(kind, &format!("errors: {}", super::excerpt::without_quotes(reason)), path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Generated;
    use crate::report::testing::{read_as, read_sound};

    const ITEM: &str = r#"{"code":"5 def run(cmd):\n6     os.system(cmd)\n7     return\n","col_offset":4,"filename":"./app/views.py",
        "issue_confidence":"HIGH","issue_cwe":{"id":78,"link":"https://cwe.invalid/78"},"issue_severity":"HIGH",
        "issue_text":"Starting a process with a shell.","line_number":6,"line_range":[6],"test_id":"B605","test_name":"start_process"}"#;

    fn report(items: &str) -> String {
        format!(
            r#"{{"errors":[],"generated_at":"2026-06-01T10:00:00Z","metrics":{{"_totals":{{"loc":20,"nosec":0}},
                "./app/views.py":{{"loc":20,"nosec":0}}}},"results":[{items}]}}"#
        )
    }

    #[test]
    fn a_finding_with_its_place_and_weakness() {
        let read = read_sound("bandit", &report(ITEM));
        assert!(read.report.problems.is_empty() && read.report.nothing_scanned.is_none());
        assert!(matches!(read.report.generated, Generated::At(_)));
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("B605", Severity::High));
        assert_eq!((finding.cwes.as_slice(), finding.confidence), (&[78][..], Some(Confidence::High)));
        let place = finding.location.as_ref().unwrap();
        assert_eq!((place.path.as_str(), place.line), ("app/views.py", Some(6)));
        assert_eq!(finding.title.as_str(), "Starting a process with a shell.");
    }

    #[test]
    fn the_fingerprint_follows_the_code_and_not_the_line() {
        let of = |item: &str| read_sound("bandit", &report(item)).findings[0].fingerprint;
        let moved = ITEM
            .replace("5 def run(cmd):\\n6     os.system(cmd)\\n7 ", "55 # new\\n56   os.system(cmd)\\n57 ")
            .replace("\"line_number\":6,\"line_range\":[6]", "\"line_number\":56,\"line_range\":[56]");
        assert_ne!(moved, ITEM);
        assert_eq!(of(ITEM), of(&moved));
        assert_ne!(of(ITEM), of(&ITEM.replace("os.system(cmd)", "os.system(x)")));
    }

    #[test]
    fn a_password_is_in_no_finding_and_no_fingerprint() {
        let of = |value: &str| {
            let item = format!(
                r#"{{"code":"3 PASSWORD = \"{value}\"\n","filename":"a.py","issue_severity":"LOW","issue_confidence":"MEDIUM","issue_cwe":{{"id":259}},
                    "issue_text":"Possible hardcoded password: '{value}'","line_number":3,"line_range":[3],"test_id":"B105","test_name":"hardcoded_password_string"}}"#
            );
            read_sound("bandit", &report(&item)).findings.remove(0)
        };
        let (one, two) = (of("hunter2"), of("it's \\\"x"));
        assert_eq!(one.title.as_str(), "Possible hardcoded password");
        assert!(!format!("{one:?}{two:?}").contains("hunter2"));
        assert_eq!(one.fingerprint, two.fingerprint);
    }

    #[test]
    fn what_was_not_scanned_is_told() {
        let errors = report(ITEM).replace(
            "\"errors\":[]",
            r#""errors":[{"filename":"b.py","reason":"syntax error while parsing AST from file"},{"filename":"c.py","reason":"Permission denied"}]"#,
        );
        let kinds: Vec<_> = read_sound("bandit", &errors).report.problems.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [ProblemKind::Parse, ProblemKind::Scan]);
        assert!(
            read_sound("bandit", &report("").replace("\"loc\":20", "\"loc\":0"))
                .report
                .nothing_scanned
                .is_some()
        );
        for (from, to) in [
            ("\"loc\":20", "\"lines\":20"),
            ("\"loc\":20", "\"loc\":null"),
            ("\"errors\":[],", ""),
            ("\"results\"", "\"resultt\":[{}],\"results\""),
        ] {
            let read = read_as("bandit", &report(ITEM).replace(from, to));
            assert!(read.error.is_none() && !read.report.problems.is_empty(), "{to}");
        }
    }

    #[test]
    fn odd_fields_lose_no_finding_and_broken_lists_are_refused() {
        for (from, to) in [
            ("\"line_number\":6", "\"line_number\":1e400"),
            ("[6]", "\"6\""),
            ("{\"id\":78,", "{\"id\":\"x\","),
            ("\"HIGH\",\"issue_text\"", "7,\"issue_text\""),
        ] {
            assert_eq!(read_sound("bandit", &report(&ITEM.replace(from, to))).findings.len(), 1, "{to}");
        }
        for text in [
            report("null"),
            report("{}"),
            report(&format!("{ITEM},[]")),
            report(ITEM).replace("\"results\"", "\"result\""),
            report("").replace("[]}", "null}"),
            report("").replace("\"errors\":[]", "\"errors\":{}"),
        ] {
            assert!(read_as("bandit", &text).error.is_some(), "{text}");
        }
    }
}
