//! SonarQube's issues and security hotspots (`api/issues/search`, `api/hotspots/search`), also joined in one object.
//!
//! Source of the shapes: `SearchResponseFormat` and the response examples of `issue/ws` and `hotspot/ws` in the
//! sonarqube repository. The server answers in pages of at most 500, hence a page that holds fewer than `total` is no
//! whole report. `hash` is the MD5 of a line of code: used inside a fingerprint, but where the line may hold a
//! credential.

use serde::Deserialize;

use super::conceal::{comparable, speaks_of_credentials};
use super::credential_rule::is_about_secrets;
use super::excerpt::without_quotes;
use super::field::{first_of, number, suppress};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, OptionalObjects, ReportWord, Strings, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// Issues and hotspots.
pub(super) static FORMAT: Format = Format {
    id: "sonarqube-issues",
    title: "SonarQube issues and security hotspots (api/issues/search, api/hotspots/search)",
    tool: "sonarqube",
    signals: &["one page of more (`paging.total`)"],
    categories: &[Category::Sast, Category::Quality],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Of an empty list the paging tells it from other trackers' issues.
fn looks_like(opening: &Opening) -> bool {
    let list = |key| opening.get(key).filter(|list| list.kind == Some(JsonKind::Array));
    let paged = opening.get("paging").is_some_and(|p| p.has("pageIndex") && p.has("pageSize"))
        || ["total", "p", "ps"].iter().all(|key| opening.has(key));
    list("issues").is_some_and(|issues| match issues.element {
        Some(_) => issues.has("rule") && issues.has("component"),
        None => issues.is_empty_array() && paged,
    }) || list("hotspots").is_some_and(|hotspots| match hotspots.element {
        Some(_) => hotspots.has("vulnerabilityProbability") || hotspots.has("securityCategory"),
        None => hotspots.is_empty_array() && paged,
    })
}

/// Lists that hold no finding; SonarQube Cloud adds the organizations.
const OTHER_LISTS: [&str; 9] = [
    "components",
    "rules",
    "users",
    "languages",
    "facets",
    "projects",
    "organizations",
    "actionPlans",
    "actions",
];

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut seen = SonarSections::default();
    json.object(|json, key| match key {
        "issues" => {
            seen.lists = true;
            reading.covers(Category::Sast);
            reading.covers(Category::Quality);
            json.array(|json, _| {
                seen.entries += 1;
                let read = json.item::<SonarIssue<'static>, _>(|issue| issue.finding(reading.roots()))?;
                reading.finding(
                    read.ok_or_else(|| json.shape("no issue: it has neither `rule` nor `message`"))?,
                );
                Ok(())
            })
        }
        "hotspots" => {
            seen.lists = true;
            reading.covers(Category::Sast);
            json.array(|json, _| {
                seen.entries += 1;
                let read = json.item::<Hotspot<'static>, _>(|hotspot| hotspot.finding(reading.roots()))?;
                reading
                    .finding(read.ok_or_else(|| json.shape("no hotspot: it has no `message` and no rule"))?);
                Ok(())
            })
        }
        "total" => seen.total(json),
        "paging" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "total" => seen.total(json),
            _ => json.skip(),
        }),
        key if OTHER_LISTS.contains(&key) => json.skip(),
        _ => unknown(json, reading),
    })?;
    if !seen.lists {
        return Err(json.shape("a SonarQube report has a list `issues` or `hotspots`"));
    }
    seen.add_problems(reading);
    Ok(())
}

#[derive(Default)]
struct SonarSections {
    lists: bool,
    entries: u64,
    totals: Vec<Option<u64>>,
}

impl SonarSections {
    fn total(&mut self, json: &mut Json) -> Result<(), ReadError> {
        self.totals.push(number(json)?);
        Ok(())
    }

    fn add_problems(&self, reading: &mut Reading<'_>) {
        if self.totals.contains(&None) {
            reading.problem(ProblemKind::Scan, "`total` is no number", None);
        }
        let (least, most) =
            (self.totals.iter().min().copied().flatten(), self.totals.iter().max().copied().flatten());
        let Some(most) = most else { return };
        if most > self.entries {
            let message = format!("the report is a page: it holds {} of {most} entries", self.entries);
            reading.problem(ProblemKind::Scan, &message, None);
        }
        if let Some(least) = least.filter(|least| *least != most) {
            let message = format!("`total` and `paging.total` disagree: {least} and {most}");
            reading.problem(ProblemKind::Scan, &message, None);
        }
    }
}

shapes!(SonarIssue, Hotspot);

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct SonarIssue<'a> {
    #[serde(borrow)]
    rule: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    status: ReportWord<'a>,
    #[serde(borrow, rename = "issueStatus")]
    newer_status: ReportWord<'a>,
    #[serde(borrow)]
    message: ReportWord<'a>,
    #[serde(borrow, rename = "type")]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    tags: Strings<'a>,
    #[serde(borrow)]
    impacts: OptionalObjects<Impact<'a>>,
    #[serde(borrow)]
    hash: ReportWord<'a>,
    #[serde(borrow)]
    component: ReportWord<'a>,
    #[serde(borrow)]
    project: ReportWord<'a>,
    line: LineNumber,
    text_range: Loose<SonarTextRange>,
}

/// Impact of an issue on one quality of the software (since version 10.2; with BLOCKER and INFO since 10.8).
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Impact<'a> {
    #[serde(borrow)]
    software_quality: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
}

impl Impact<'_> {
    fn is_on_security(&self) -> bool {
        self.software_quality.as_str().trim().eq_ignore_ascii_case("SECURITY")
    }

    fn severity(&self) -> Severity {
        let word = self.severity.as_str();
        if word.trim().eq_ignore_ascii_case("BLOCKER") { Severity::Critical } else { Severity::plain(word) }
    }
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Hotspot<'a> {
    #[serde(borrow)]
    rule_key: ReportWord<'a>,
    #[serde(borrow)]
    security_category: ReportWord<'a>,
    #[serde(borrow)]
    vulnerability_probability: ReportWord<'a>,
    #[serde(borrow)]
    status: ReportWord<'a>,
    #[serde(borrow)]
    resolution: ReportWord<'a>,
    #[serde(borrow)]
    message: ReportWord<'a>,
    #[serde(borrow)]
    component: ReportWord<'a>,
    #[serde(borrow)]
    project: ReportWord<'a>,
    line: LineNumber,
    text_range: Loose<SonarTextRange>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct SonarTextRange {
    start_line: LineNumber,
    end_line: LineNumber,
}

/// A place in a component, whose key is `PROJECT:PATH`; the project's own key is no place.
fn place(
    component: &str,
    project: &str,
    line: LineNumber,
    range: &Loose<SonarTextRange>,
    roots: &[String],
) -> Option<Location> {
    let path = match component.strip_prefix(project).and_then(|rest| rest.strip_prefix(':')) {
        Some(path) if !project.is_empty() => path,
        _ if component == project => return None,
        _ => component.rsplit(':').next().unwrap_or_default(),
    };
    let range = range.value.as_ref();
    let first = line.0.or(range.and_then(|r| r.start_line.0));
    let last = range.and_then(|r| r.end_line.0).filter(|last| first.is_some_and(|first| *last >= first));
    Location::new(path, first, last, roots)
}

/// SonarQube's own scale, in which BLOCKER is above CRITICAL.
fn severity(word: &str) -> Severity {
    let is = |w: &str| word.trim().eq_ignore_ascii_case(w);
    if is("BLOCKER") {
        Severity::Critical
    } else if is("CRITICAL") {
        Severity::High
    } else if is("MAJOR") {
        Severity::Medium
    } else if is("MINOR") {
        Severity::Low
    } else if is("INFO") {
        Severity::Info
    } else {
        Severity::Unknown
    }
}

/// Statuses of issues that a person or the server closed.
fn is_closed(status: &ReportWord<'_>) -> bool {
    ["RESOLVED", "CLOSED", "ACCEPTED", "FALSE_POSITIVE", "FIXED"]
        .iter()
        .any(|closed| status.as_str().trim().eq_ignore_ascii_case(closed))
}

impl SonarIssue<'_> {
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let rule = self.rule.as_str();
        if rule.is_empty() && self.message.0.is_none() {
            return None;
        }
        let is = |kind: &str| self.kind.as_str().trim().eq_ignore_ascii_case(kind);
        let impact = self.impacts.iter().any(Impact::is_on_security);
        let security = is("VULNERABILITY") || is("SECURITY_HOTSPOT") || impact;
        let category = if security { Category::Sast } else { Category::Quality };
        let mut finding = Finding::new(category, FORMAT.tool, rule, severity(self.severity.as_str()));
        finding.native_severity = self.severity.native();
        // The older severity stands beside the impacts, and may be milder than they.
        let weighed = self.impacts.iter().filter(|i| !impact || i.is_on_security());
        for one in weighed.filter(|one| one.severity() != Severity::Unknown) {
            let known = Some(finding.severity).filter(|severity| *severity != Severity::Unknown);
            let rank = |severity: Severity| severity.rank(Severity::Critical);
            if known.is_none_or(|known| rank(one.severity()) > rank(known)) {
                finding.severity = one.severity();
                finding.native_severity = one.severity.native();
            }
        }
        // `issueStatus` is the newer word; where both are given, both must say so.
        let closed = match (self.status.as_str(), self.newer_status.as_str()) {
            ("", _) => is_closed(&self.newer_status),
            (_, "") => is_closed(&self.status),
            _ => is_closed(&self.status) && is_closed(&self.newer_status),
        };
        if closed {
            let words = [&self.newer_status, &self.status].map(ReportWord::as_str);
            suppress(&mut finding, &format!("issue {}", first_of(&words).trim()), &[]);
        }
        let cwe = |tag: &&str| tag.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("cwe-"));
        finding.cwes = cwe_numbers(self.tags.0.iter().map(AsRef::as_ref).filter(cwe));
        finding.location =
            place(self.component.as_str(), self.project.as_str(), self.line, &self.text_range, roots);
        // Imported issues bring messages of other tools, which may quote what they found.
        let secret = is_about_secrets(rule, &finding.cwes) || rule.starts_with("secrets:");
        finding.may_hold_secret |= secret || speaks_of_credentials(self.message.as_str());
        let message =
            if secret { without_quotes(self.message.as_str()) } else { self.message.as_str().to_owned() };
        finding.title = Text::line(first_of(&[&message, rule]));
        let id = FingerprintBuilder::new(category.as_str()).part(rule);
        finding.identify(match self.hash.as_str() {
            _ if secret => id,
            "" => id.folded(&comparable(&message)),
            _ if speaks_of_credentials(&message) => id.folded(&comparable(&message)),
            hash => id.part(hash),
        });
        if !secret && (self.hash.as_str().is_empty() || speaks_of_credentials(&message)) {
            finding.bind_to_code();
        }
        Some(finding)
    }
}

impl Hotspot<'_> {
    fn finding(&self, roots: &[String]) -> Option<Finding> {
        let rule = first_of(&[self.rule_key.as_str(), self.security_category.as_str()]);
        if rule.is_empty() && self.message.0.is_none() {
            return None;
        }
        let word = &self.vulnerability_probability;
        let mut finding = Finding::new(Category::Sast, FORMAT.tool, rule, Severity::plain(word.as_str()));
        finding.native_severity = word.native();
        let is = |word: &ReportWord<'_>, other: &str| word.as_str().trim().eq_ignore_ascii_case(other);
        if is(&self.status, "REVIEWED") && !is(&self.resolution, "ACKNOWLEDGED") {
            let resolution = self.resolution.as_str().trim();
            suppress(&mut finding, format!("hotspot REVIEWED {resolution}").trim_end(), &[]);
        }
        finding.location =
            place(self.component.as_str(), self.project.as_str(), self.line, &self.text_range, roots);
        finding.title = Text::line(first_of(&[self.message.as_str(), rule]));
        let id = FingerprintBuilder::new(Category::Sast.as_str()).part(rule);
        finding.identify(id.folded(&comparable(self.message.as_str())));
        finding.bind_to_code();
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{ReadText, read_as, read_text};

    fn issues(entries: &str, total: &str) -> ReadText {
        read_text(&format!(
            r#"{{"total":{total},"p":1,"ps":100,"paging":{{"pageIndex":1,"pageSize":100,"total":{total}}},"issues":[{entries}],
                "components":[{{"key":"shop:a.py"}}],"facets":[]}}"#
        ))
    }

    fn issue(keys: &str) -> String {
        format!(
            r#"{{"key":"AX1","rule":"python:S2077","component":"team:shop:src/a.py","project":"team:shop","message":"Bad query",{keys}}}"#
        )
    }

    #[test]
    fn issues_with_place_and_category() {
        let keys = r#""severity":"BLOCKER","type":"VULNERABILITY","status":"OPEN","line":7,"hash":"0a",
            "tags":["cwe-89","owasp-a1","2024"],"textRange":{"startLine":7,"endLine":9}"#;
        let smell = r#""severity":"MINOR","type":"CODE_SMELL","status":"CONFIRMED""#;
        let read = issues(&format!("{},{}", issue(keys), issue(smell)), "2");
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!(read.format, Some("sonarqube-issues"));
        let first = &read.findings[0];
        assert_eq!(
            (first.category, first.severity, first.cwes.as_slice()),
            (Category::Sast, Severity::Critical, &[89][..])
        );
        let place = first.location.as_ref().unwrap();
        assert_eq!((place.path.as_str(), place.line, place.end_line), ("src/a.py", Some(7), Some(9)));
        assert_eq!(
            (read.findings[1].category, read.findings[1].severity),
            (Category::Quality, Severity::Low)
        );
        assert!(read.report.problems.is_empty());
    }

    #[test]
    fn closed_issues_are_suppressed() {
        for (keys, suppressed) in [
            (r#""status":"RESOLVED""#, true),
            (r#""status":"closed""#, true),
            (r#""status":"OPEN""#, false),
            (r#""status":"REOPENED""#, false),
            (r#""status":"RESOLVED","issueStatus":"ACCEPTED""#, true),
            (r#""status":"OPEN","issueStatus":"ACCEPTED""#, false),
            (r#""issueStatus":"FALSE_POSITIVE""#, true),
            (r#""issueStatus":"IN_SANDBOX""#, false),
            (r#""severity":"MAJOR""#, false),
            (r#""status":null"#, false),
        ] {
            assert_eq!(issues(&issue(keys), "1").findings[0].suppressed, suppressed, "{keys}");
        }
    }

    #[test]
    fn impacts_raise_the_older_severity() {
        for (severity, impacts, is, category) in [
            (
                "MINOR",
                r#"{"softwareQuality":"SECURITY","severity":"BLOCKER"}"#,
                Severity::Critical,
                Category::Sast,
            ),
            (
                "MINOR",
                r#"{"softwareQuality":"MAINTAINABILITY","severity":"HIGH"}"#,
                Severity::High,
                Category::Quality,
            ),
            (
                "MINOR",
                r#"{"softwareQuality":"SECURITY","severity":"MEDIUM"},{"softwareQuality":"RELIABILITY","severity":"BLOCKER"}"#,
                Severity::Medium,
                Category::Sast,
            ),
            (
                "BLOCKER",
                r#"{"softwareQuality":"SECURITY","severity":"LOW"}"#,
                Severity::Critical,
                Category::Sast,
            ),
            ("", r#"{"softwareQuality":"SECURITY","severity":"LOW"}"#, Severity::Low, Category::Sast),
            ("", r#"{"softwareQuality":"SECURITY","severity":"odd"}"#, Severity::Unknown, Category::Sast),
            ("MINOR", "7", Severity::Low, Category::Quality),
        ] {
            let keys = format!(r#""type":"CODE_SMELL","severity":"{severity}","impacts":[{impacts}]"#);
            let finding = issues(&issue(&keys), "1").findings.remove(0);
            assert_eq!((finding.severity, finding.category), (is, category), "{severity} {impacts}");
        }
    }

    #[test]
    fn severities_of_issues() {
        for (word, is) in [
            ("\"CRITICAL\"", Severity::High),
            ("\"major\"", Severity::Medium),
            ("\"INFO\"", Severity::Info),
            ("null", Severity::Unknown),
            ("\"HIGH\"", Severity::Unknown),
            ("7", Severity::Unknown),
        ] {
            let read = issues(&issue(&format!("\"severity\":{word}")), "1");
            assert_eq!(read.findings[0].severity, is, "{word}");
        }
    }

    #[test]
    fn hotspots_by_probability() {
        let of = |keys: &str| {
            read_text(&format!(
                r#"{{"paging":{{"pageIndex":1,"pageSize":100,"total":1}},"hotspots":[{{"key":"h","component":"shop:src/a.py",
                    "project":"shop","securityCategory":"xss","line":4,"message":"Make sure",{keys}}}]}}"#
            ))
        };
        let read = of(r#""vulnerabilityProbability":"HIGH","status":"TO_REVIEW","ruleKey":"python:S1""#);
        let finding = &read.findings[0];
        assert_eq!(
            (finding.rule_id.as_str(), finding.severity, finding.suppressed),
            ("python:S1", Severity::High, false)
        );
        assert_eq!((finding.category, finding.path()), (Category::Sast, Some("src/a.py")));
        assert!(of(r#""status":"REVIEWED","resolution":"SAFE""#).findings[0].suppressed);
        assert!(of(r#""status":"REVIEWED""#).findings[0].suppressed);
        let kept = of(r#""status":"REVIEWED","resolution":"ACKNOWLEDGED""#);
        assert!(!kept.findings[0].suppressed);
        assert_eq!(kept.findings[0].rule_id.as_str(), "xss");
    }

    #[test]
    fn a_page_is_no_whole_report() {
        assert_eq!(issues(&issue("\"line\":1"), "42").report.problems.len(), 1);
        assert_eq!(issues(&issue("\"line\":1"), "\"42\"").report.problems.len(), 1);
        let read = read_text(
            r#"{"total":0,"p":1,"ps":1,"paging":{"pageIndex":1,"pageSize":1,"total":3},"issues":[]}"#,
        );
        assert_eq!(read.report.problems.len(), 2);
        let read = read_text(r#"{"paging":{"pageIndex":1,"pageSize":100,"total":0},"hotspots":[]}"#);
        assert!(read.error.is_none() && read.report.problems.is_empty());
        let cloud = format!(
            r#"{{"total":1,"p":1,"ps":100,"issues":[{}],"organizations":[{{"key":"o","name":"O"}}]}}"#,
            issue("\"line\":1")
        );
        assert!(read_text(&cloud).error.is_none() && read_text(&cloud).report.problems.is_empty());
    }

    #[test]
    fn what_is_no_issue_list_is_refused() {
        for text in [
            r#"{"issues":null,"total":0}"#,
            r#"{"issues":{},"total":0}"#,
            r#"{"issues":["x"]}"#,
            r#"{"issues":[{}]}"#,
            r#"{"errors":[{"msg":"no"}]}"#,
            r#"{"issues":[],"issues":[]}"#,
            "[]",
        ] {
            assert!(read_as("sonarqube-issues", text).error.is_some(), "{text}");
        }
        let other = r#"{"startAt":0,"maxResults":50,"total":0,"issues":[]}"#;
        assert!(read_text(other).error.is_some());
        let renamed = r#"{"issues":[],"hotspotz":[{"message":"x"}]}"#;
        assert_eq!(read_as("sonarqube-issues", renamed).report.problems.len(), 1);
    }

    #[test]
    fn the_message_of_a_secret_rule_quotes_nothing() {
        let read = issues(
            &issue(r#""severity":"BLOCKER""#)
                .replace("python:S2077", "secrets:S6290")
                .replace("Bad query", "Revoke 'hunter2'"),
            "1",
        );
        assert!(!format!("{:?}", read.findings).contains("hunter2"));
        assert_eq!(read.findings[0].title.as_str(), "Revoke '***'");
    }
}
