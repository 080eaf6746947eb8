//! gosec's JSON report (`gosec -fmt=json`), 1.x and 2.x.
//!
//! Source of the shapes: `report.go`, `issue/issue.go`, `analyzer.go`, `cmd/gosec/main.go`. Lines and CWE numbers are
//! strings; a line may be a range. `nosec` and `suppressions` mark what was switched off and is listed all the same.
//! golangci-lint writes `Issues` of another shape; it is refused.

use serde::{Deserialize, Deserializer};

use super::conceal::comparable;
use super::credential_rule::{is_about_secrets, without_literals};
use super::excerpt::{name_of_literal, numbered_lines, without_quotes};
use super::field::{first_of, number, suppress};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, RawJson, ReportWord, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Confidence, Finding, FingerprintBuilder, Location, Severity, Text,
};

/// gosec JSON.
pub(super) static FORMAT: Format = Format {
    id: "gosec",
    title: "gosec JSON: weaknesses in Go code",
    tool: "gosec",
    tried: "2.22.4",
    signals: &["`Golang errors`", "`Stats.files` 0: nothing scanned", "`Stats.found` above what is listed"],
    categories: &[Category::Sast],
    attributes: &[Attribute::Confidence],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let own = opening.has("Golang errors")
        || opening.has("GosecVersion")
        || opening.get("Stats").is_some_and(|m| m.has("found") && m.has("nosec"));
    match opening.get("Issues") {
        Some(issues) if issues.lists_objects() => {
            issues.has("details") && (issues.has("rule_id") || issues.has("confidence"))
        }
        Some(issues) => matches!(issues.kind, Some(JsonKind::Array | JsonKind::Null)) && own,
        None => !opening.whole && own,
    }
}

#[derive(Default)]
struct GosecSections {
    issues: bool,
    listed: u64,
    files: Option<u64>,
    found: Option<u64>,
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Sast);
    let mut seen = GosecSections::default();
    json.object(|json, key| match key {
        "Issues" => {
            seen.issues = true;
            if json.kind()? == JsonKind::Null {
                return json.skip();
            }
            json.array(|json, _| {
                seen.listed += 1;
                match json.item::<GosecIssue<'static>, _>(|issue| {
                    issue
                        .finding(reading.roots())
                        .inspect(|found| reading.in_code(found, issue.code.as_str()))
                })? {
                    Some(finding) => {
                        reading.finding(finding);
                        Ok(())
                    }
                    None => Err(json.shape("no gosec issue: it has neither `rule_id` nor `details`")),
                }
            })
        }
        "Golang errors" => match json.kind()? {
            JsonKind::Null => json.skip(),
            _ => json.object(|json, path| match json.kind()? {
                JsonKind::Null => json.skip(),
                _ => json.array(|json, _| {
                    json.item::<GosecError<'static>, _>(|fault| fault.add_problem(path, reading))
                }),
            }),
        },
        "Stats" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "files" => number(json).map(|n| seen.files = n),
            "found" => number(json).map(|n| seen.found = n),
            // Comments that hide something, also where the issues behind them are listed.
            "nosec" => {
                number(json).map(|n| reading.hidden(FORMAT.tool, "nosec", None, n.unwrap_or_default()))
            }
            _ => json.skip(),
        }),
        "GosecVersion" if json.kind()? == JsonKind::String => {
            json.with_value::<String, _>(|version| reading.version(&version))
        }
        _ => unknown(json, reading),
    })?;
    if !seen.issues {
        return Err(json.shape("a gosec report has a list `Issues`"));
    }
    if let Some(found) = seen.found.filter(|found| *found > seen.listed) {
        let message = format!("Stats.found is {found}, and the report lists {}", seen.listed);
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if seen.listed == 0 && seen.files == Some(0) {
        reading.nothing_scanned("no file was scanned (Stats.files is 0)");
    }
    Ok(())
}

shapes!(GosecIssue, GosecError);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GosecIssue<'a> {
    #[serde(borrow)]
    rule_id: ReportWord<'a>,
    #[serde(borrow)]
    details: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    confidence: ReportWord<'a>,
    #[serde(borrow)]
    cwe: Loose<GosecCwe<'a>>,
    #[serde(borrow)]
    file: ReportWord<'a>,
    line: GosecLines,
    #[serde(borrow)]
    code: ReportWord<'a>,
    nosec: Loose<bool>,
    #[serde(borrow)]
    suppressions: Loose<Vec<RawJson<'a>>>,
}

/// Suppression of a finding.
#[derive(Deserialize, Default)]
#[serde(default)]
struct GosecSuppression<'a> {
    #[serde(borrow)]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    justification: ReportWord<'a>,
}

/// `"79"`, `79` or `"12-15"`.
#[derive(Default)]
struct GosecLines {
    first: Option<u32>,
    last: Option<u32>,
}

impl<'de> Deserialize<'de> for GosecLines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0.trim_matches('"');
        let (first, last) = raw.split_once('-').unwrap_or((raw, ""));
        let first = LineNumber::parse(first);
        Ok(Self { first, last: LineNumber::parse(last).filter(|last| first.is_some_and(|f| f <= *last)) })
    }
}

#[derive(Deserialize)]
struct GosecCwe<'a> {
    // `ID` until 2.5.
    #[serde(borrow, default, alias = "ID")]
    id: ReportWord<'a>,
}

impl GosecIssue<'_> {
    /// `None` if it is an entry of something else.
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let (rule, details) = (self.rule_id.as_str(), self.details.as_str());
        if rule.is_empty() && details.is_empty() {
            return None;
        }
        let severity = Severity::plain(self.severity.as_str());
        let mut finding = Finding::new(Category::Sast, FORMAT.tool, rule, severity);
        finding.native_severity = self.severity.native();
        finding.confidence = Confidence::plain(self.confidence.as_str());
        finding.cwes = cwe_numbers(self.cwe.value.iter().map(|cwe| cwe.id.as_str()));
        finding.location = Location::new(self.file.as_str(), self.line.first, self.line.last, roots);
        match self.suppressions.value.as_deref() {
            Some([first, ..]) => {
                let said = serde_json::from_str::<GosecSuppression<'_>>(first.0).unwrap_or_default();
                let by = format!("gosec {}", said.kind.as_str());
                suppress(&mut finding, by.trim_end(), &[said.justification.as_str()]);
            }
            _ if self.nosec.value == Some(true) => suppress(&mut finding, "nosec comment", &[]),
            _ => {}
        }

        let secret = rule == "G101" || is_about_secrets(details, &finding.cwes);
        finding.may_hold_secret |= secret;
        let title = first_of(&[details, rule]);
        finding.title = if secret { Text::line(&without_literals(title)) } else { Text::line(title) };
        let code = numbered_lines(self.code.as_str(), self.line.first, self.line.last);
        let build = FingerprintBuilder::new(Category::Sast.as_str()).part(finding.rule_id.as_str());
        let id = match code.trim() {
            code if secret => build.part(name_of_literal(code, "")),
            "" => {
                finding.bind_to_code();
                build.folded(&comparable(details))
            }
            code => build.folded(code),
        };
        finding.identify(id);
        Some(finding)
    }
}

/// Problems that kept a file or package from being loaded, parsed or checked for types.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GosecError<'a> {
    line: LineNumber,
    #[serde(borrow)]
    error: ReportWord<'a>,
}

impl GosecError<'_> {
    fn add_problem(&self, path: &str, reading: &mut Reading<'_>) {
        // With a line it is about code, without one about a package that could not be loaded.
        let kind = if self.line.0.is_some() { ProblemKind::Parse } else { ProblemKind::Scan };
        let message = match self.error.as_str() {
            "" => "it could not be loaded".to_owned(),
            error => without_quotes(error),
        };
        reading.problem(kind, &format!("Golang errors: {message}"), Some(path).filter(|p| !p.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const ISSUE: &str = r#"{"severity":"MEDIUM","confidence":"HIGH","cwe":{"id":"327","url":"https://cwe.invalid/327"},"rule_id":"G401",
        "details":"Use of weak cryptographic primitive","file":"/src/user/user.go","code":"11: \n12: h := md5.New(\n13: )\n14: }\n",
        "line":"12-13","column":"5","nosec":false,"suppressions":null}"#;

    fn report(issues: &str) -> String {
        format!(
            r#"{{"Golang errors":{{}},"Issues":[{issues}],"Stats":{{"files":2,"lines":90,"nosec":0,"found":1}},"GosecVersion":"2.21.4"}}"#
        )
    }

    #[test]
    fn an_issue_with_its_lines_and_weakness() {
        let read = read_sound("gosec", &report(ISSUE));
        assert!(read.report.problems.is_empty());
        assert_eq!(read.report.tool.version.as_ref().unwrap().as_str(), "2.21.4");
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("G401", Severity::Medium));
        assert_eq!((finding.cwes.as_slice(), finding.confidence), (&[327][..], Some(Confidence::High)));
        let place = finding.location.as_ref().unwrap();
        assert_eq!(
            (place.path.as_str(), place.line, place.end_line),
            ("src/user/user.go", Some(12), Some(13))
        );
        let moved = ISSUE.replace(r"11: \n12: h := md5.New(\n13: )", r"40: x\n41:  h := md5.New(\n42: )");
        let moved = moved.replace("12-13", "41-42");
        assert_eq!(read_sound("gosec", &report(&moved)).findings[0].fingerprint, finding.fingerprint);
    }

    #[test]
    fn what_was_switched_off_is_suppressed() {
        let (nosec, none) = (r#""nosec":false"#, r#""suppressions":null"#);
        for (from, to, suppressed) in [
            (nosec, r#""nosec":true"#, true),
            (none, r#""suppressions":[{"kind":"inSource","justification":"x"}]"#, true),
            (none, r#""suppressions":[]"#, false),
            (nosec, r#""nosec":"true""#, false),
            (none, r#""suppressions":{"kind":1}"#, false),
        ] {
            let read = read_sound("gosec", &report(&ISSUE.replace(from, to)));
            assert_eq!(read.findings[0].suppressed, suppressed, "{to}");
        }
    }

    #[test]
    fn a_credential_is_in_no_finding_and_no_fingerprint() {
        let of = |value: &str| {
            let issue = format!(
                r#"{{"severity":"HIGH","confidence":"LOW","cwe":{{"ID":"798"}},"rule_id":"G101","details":"Potential hardcoded credentials: `{value}`",
                    "file":"a.go","code":"6: \n7: var password = \"{value}\"\n","line":"7"}}"#
            );
            read_sound("gosec", &report(&issue)).findings.remove(0)
        };
        let (one, two) = (of("hunter2"), of("correct horse"));
        assert!(!format!("{one:?}").contains("hunter2"));
        assert_eq!((one.fingerprint, one.cwes.as_slice()), (two.fingerprint, &[798][..]));
    }

    #[test]
    fn what_was_not_scanned_is_told() {
        let none = report("").replace(r#""found":1"#, r#""found":0"#);
        let errors = none.replace(
            r#""Golang errors":{}"#,
            r#""Golang errors":{"/src/a.go":[{"line":3,"column":1,"error":"expected ';', found \"hunter2\""}],"b":[{"line":0,"column":0,"error":"no Go files"}]}"#,
        );
        let read = read_sound("gosec", &errors);
        let kinds: Vec<_> = read.report.problems.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [ProblemKind::Parse, ProblemKind::Scan]);
        assert!(!format!("{:?}", read.report.problems).contains("hunter2"));
        assert_eq!(read_sound("gosec", &report("")).report.problems.len(), 1, "found is 1, none listed");
        assert!(read_sound("gosec", &none).report.problems.is_empty());
        assert!(
            read_sound("gosec", &none.replace(r#""Issues":[]"#, r#""Issues":null"#))
                .report
                .problems
                .is_empty()
        );
        assert!(
            read_sound("gosec", &none.replace(r#""files":2"#, r#""files":0"#))
                .report
                .nothing_scanned
                .is_some()
        );
        let renamed = report(ISSUE).replace(r#""Stats""#, r#""More":[{}],"Stats""#);
        assert_eq!(read_sound("gosec", &renamed).report.problems.len(), 1);
    }

    #[test]
    fn what_is_no_gosec_report_is_refused() {
        for text in [
            report("null"),
            report("{}"),
            report("").replace("Issues", "issues"),
            report("").replace(r#""Issues":[]"#, r#""Issues":{}"#),
            report("").replace(r#"errors":{}"#, r#"errors":[]"#),
        ] {
            assert!(read_as("gosec", &text).error.is_some(), "{text}");
        }
        let golangci =
            r#"{"Issues":[{"FromLinter":"gosec","Text":"G101","Pos":{"Filename":"a.go"}}],"Report":{}}"#;
        assert_ne!(read_text(golangci).format, Some("gosec"));
        assert_ne!(read_text(r#"{"Issues":[],"Report":{"Linters":[]}}"#).format, Some("gosec"));
    }
}
