//! The JSON lines of `yarn audit --json` (yarn 1) and of `yarn npm audit --json` (yarn 4).
//!
//! Source of the shapes: `src/cli/commands/audit.js` and `src/reporters/json-reporter.js` of yarn 1, whose advisories are
//! those of npm's version 1, one line for each path to a package; `npmAuditUtils.ts` and `audit.ts` of yarn 4's
//! plugin-npm-cli, whose lines are the nodes of a tree. yarn 2 and 3 write npm's version 1, which is read as
//! [`super::npm_audit`]. yarn 1 ends with a summary; without it the audit did not take place. A package that is
//! deprecated is listed by yarn 4 among the advisories.

use serde::Deserialize;

use super::advisory::{Advisory, WorstSeverity, word_or_none};
use super::json::{Json, shapes};
use super::npm_audit::{NpmAdvisory, advisory_id};
use super::value::{Loose, OptionalObject, RawJson, ReportWord, Strings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, FingerprintBuilder, Fix, Package, Text};

/// `yarn audit`.
pub(super) static FORMAT: Format = Format {
    id: "yarn-audit",
    title: "yarn audit JSON lines: vulnerabilities, deprecated packages",
    tool: "yarn-audit",
    tried: "1, 4",
    signals: &[
        "lines of type `error`",
        "no `auditSummary` at the end",
        "`totalDependencies` 0: nothing scanned",
        "a summary above what is listed",
    ],
    categories: &[Category::Vulnerability, Category::Quality],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package],
    lines: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Kinds of lines of yarn 1.
const KINDS: [&str; 6] = ["auditAdvisory", "auditSummary", "auditAction", "info", "warning", "error"];

fn looks_like(opening: &Opening) -> bool {
    let kind = opening.get("type").and_then(|kind| kind.text.as_deref()).unwrap_or_default();
    let classic = KINDS.contains(&kind) && opening.has("data");
    let berry = opening.has("value") && opening.get("children").is_some_and(|c| c.has("Issue"));
    classic || berry
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut audit = YarnAudit::default();
    loop {
        let number = json.line_number();
        let Some(line) = json.line()? else { break };
        let read = line.with_value::<YarnLine<'static>, _>(|line| audit.line(&line, reading))?;
        read.map_err(|message| json.shape(&format!("line {number}: {message}")))?;
    }
    audit.finish(json, reading)
}

#[derive(Default)]
struct YarnAudit {
    advisories: u64,
    /// Lines of the tree that yarn 4 writes.
    nodes: u64,
    /// Counts of the summary, and the number of packages it was made of.
    summary: Option<(u64, Option<u64>)>,
    clean: bool,
    errors: u64,
}

shapes!(YarnLine);

#[derive(Deserialize, Default)]
#[serde(default)]
struct YarnLine<'a> {
    #[serde(borrow)]
    r#type: ReportWord<'a>,
    #[serde(borrow)]
    data: Option<RawJson<'a>>,
    #[serde(borrow)]
    value: ReportWord<'a>,
    #[serde(borrow)]
    children: OptionalObject<YarnNode<'a>>,
}

#[derive(Deserialize)]
struct AdvisoryData<'a> {
    #[serde(borrow)]
    advisory: NpmAdvisory<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SummaryData {
    vulnerabilities: OptionalObject<SeverityCounts>,
    total_dependencies: Loose<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SeverityCounts {
    info: Loose<u64>,
    low: Loose<u64>,
    moderate: Loose<u64>,
    high: Loose<u64>,
    critical: Loose<u64>,
}

impl SeverityCounts {
    fn total(&self) -> u64 {
        let counts = [&self.info, &self.low, &self.moderate, &self.high, &self.critical];
        counts.into_iter().filter_map(|count| count.value).fold(0, u64::saturating_add)
    }
}

impl YarnAudit {
    fn line(&mut self, line: &YarnLine<'_>, reading: &mut Reading<'_>) -> Result<(), &'static str> {
        let data = line.data.map_or("null", |data| data.0);
        match line.r#type.as_str() {
            "auditAdvisory" => {
                let data: AdvisoryData<'_> =
                    super::json::parse(data).map_err(|_| "an advisory without `data.advisory`")?;
                let finding = data.advisory.finding(FORMAT.tool, "unknown");
                self.advisories += 1;
                reading
                    .finding(finding.ok_or("an advisory has neither `module_name`, `title` nor `severity`")?);
            }
            "auditSummary" => {
                let data: SummaryData = super::json::parse(data).map_err(|_| "a summary without counts")?;
                let total = data.vulnerabilities.0.as_ref().map_or(0, SeverityCounts::total);
                self.summary = Some((total, data.total_dependencies.value));
            }
            "error" => {
                self.errors += 1;
                let words: Option<ReportWord<'_>> = super::json::parse(data).ok();
                let words = words.as_ref().map_or("", ReportWord::as_str);
                reading.problem(ProblemKind::Scan, &format!("yarn reports an error: {words}"), None);
            }
            "info" => self.clean |= data.contains("No audit suggestions"),
            "auditAction" | "warning" | "activityStart" | "activityEnd" | "activityTick" | "step" => {}
            "" => {
                let Some(node) = line.children.0.as_ref().filter(|_| !line.value.as_str().is_empty()) else {
                    return Err("neither a message of yarn nor a node of its audit");
                };
                self.nodes += 1;
                reading.finding(node.finding(line.value.as_str()));
            }
            _ => return Err("a message of a kind that yarn's audit does not write"),
        }
        Ok(())
    }

    fn finish(&self, json: &Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
        match self.summary {
            Some((total, _)) if total > self.advisories => {
                let message =
                    format!("the summary counts {total} vulnerabilities, and {} are listed", self.advisories);
                reading.problem(ProblemKind::Scan, &message, None);
            }
            Some((0, Some(0))) => {
                reading.nothing_scanned("no dependency was looked at (totalDependencies is 0)");
            }
            Some(_) => {}
            None if self.nodes > 0 && self.advisories == 0 || self.clean => {}
            None if self.advisories > 0 => {
                reading.problem(ProblemKind::Scan, "the audit ends without its summary (auditSummary)", None);
            }
            None if self.errors > 0 => {
                return Err(
                    json.shape("yarn reports an error instead of a list: the audit did not take place")
                );
            }
            None => {
                return Err(
                    json.shape("no audit of yarn: it has neither advisories nor a summary (auditSummary)")
                );
            }
        }
        Ok(())
    }
}

/// A node of the tree that yarn 4 writes; its name is the package's.
#[derive(Deserialize, Default)]
#[serde(default)]
struct YarnNode<'a> {
    #[serde(rename = "ID", borrow)]
    id: Option<RawJson<'a>>,
    #[serde(borrow, rename = "Issue")]
    issue: ReportWord<'a>,
    #[serde(borrow, rename = "URL")]
    url: ReportWord<'a>,
    #[serde(borrow, rename = "Severity")]
    severity: ReportWord<'a>,
    #[serde(borrow, rename = "Vulnerable Versions")]
    range: ReportWord<'a>,
    #[serde(borrow, rename = "Tree Versions")]
    versions: Strings<'a>,
}

impl YarnNode<'_> {
    fn finding(&self, package: &str) -> Finding {
        let id = self.id.map_or("", |id| id.0.trim_matches('"'));
        let title = format!("{} ({package} {})", self.issue.as_str(), self.range.as_str());
        let versions = self.versions.0.join(", ");
        let severity = word_or_none(self.severity.as_str());
        if id.ends_with("(deprecation)") {
            let mut finding = Finding::new(Category::Quality, FORMAT.tool, "deprecated", severity);
            finding.cwes = vec![super::xeol::UNMAINTAINED];
            finding.native_severity = self.severity.native();
            finding.title = Text::line(&title);
            finding.package = Some(Package {
                name: Text::line(package),
                version: Text::line(&versions),
                ..Package::default()
            });
            finding.identify(
                FingerprintBuilder::new(Category::Quality.as_str()).part("deprecated").part(package),
            );
            return finding;
        }
        let ghsa = advisory_id(self.url.as_str());
        let number = format!("npm-{id}");
        let advisory = Advisory {
            tool: FORMAT.tool,
            id: ghsa.unwrap_or(&number),
            severity: WorstSeverity::only(severity),
            native_severity: self.severity.native(),
            title: &title,
            name: package,
            version: &versions,
            ecosystem: "npm",
            fix: Some(Fix::Unknown),
            ..Advisory::default()
        };
        advisory.finding(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_sound, read_text};

    const ADVISORY: &str = r#"{"type":"auditAdvisory","data":{"resolution":{"id":1179,"path":"a>minimist"},"advisory":{"findings":[{"version":"0.0.10","paths":["a>minimist"]}],"id":1179,
        "title":"Prototype Pollution","module_name":"minimist","cves":["CVE-2020-7598"],"vulnerable_versions":"<0.2.1","patched_versions":">=0.2.1","severity":"high","github_advisory_id":"GHSA-vh95-rmgr-6w4m"}}}"#;

    fn classic(lines: &str, high: u64, packages: u64) -> String {
        format!(
            "{{\"type\":\"info\",\"data\":\"x\"}}\n{lines}\n{{\"type\":\"auditSummary\",\"data\":{{\"vulnerabilities\":{{\"high\":{high}}},\"totalDependencies\":{packages}}}}}\n"
        )
    }

    #[test]
    fn advisories_of_yarn_1() {
        let line = ADVISORY.replace('\n', "");
        let read = read_sound("yarn-audit", &classic(&line, 1, 9));
        let finding = &read.findings[0];
        assert_eq!((finding.severity, finding.rule_id.as_str()), (Severity::High, "GHSA-vh95-rmgr-6w4m"));
        assert_eq!((finding.tool.as_str(), read.report.problems_total), ("yarn-audit", 0));
        assert_eq!(read_sound("yarn-audit", &classic(&line, 2, 9)).report.problems_total, 1);
        assert_eq!(read_text(&line).report.problems_total, 1, "no summary");
        assert!(read_sound("yarn-audit", &classic("", 0, 0)).report.nothing_scanned.is_some());
        assert!(read_sound("yarn-audit", &classic("", 0, 7)).report.nothing_scanned.is_none());
        let failed = "{\"type\":\"error\",\"data\":\"no connection\"}\n";
        assert!(read_text(failed).error.unwrap().to_string().contains("error instead of a list"));
        assert!(read_text("{\"type\":\"info\",\"data\":\"x\"}").error.is_some());
        assert!(read_text(&line.replace("\"advisory\"", "\"advise\"")).error.is_some());
    }

    #[test]
    fn nodes_of_yarn_4() {
        let text = "{\"value\":\"qs\",\"children\":{\"ID\":1096536,\"Issue\":\"x\",\"URL\":\"https://github.com/advisories/GHSA-37q5-v5qm-c9v8\",\"Severity\":\"low\",\"Vulnerable Versions\":\"<4\",\"Tree Versions\":[\"4.38\"],\"Dependents\":[]}}\n\
            {\"value\":\"left-pad\",\"children\":{\"ID\":\"left-pad (deprecation)\",\"Issue\":\"use another\",\"Severity\":\"moderate\",\"Tree Versions\":[\"1.0.0\"]}}\n";
        let read = read_sound("yarn-audit", text);
        let kinds: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity)).collect();
        assert_eq!(kinds, [(Category::Vulnerability, Severity::Low), (Category::Quality, Severity::Medium)]);
        assert!(read.findings[0].ids.iter().any(|id| id.as_str() == "GHSA-37q5-v5qm-c9v8"));
        let clean =
            "{\"type\":\"info\",\"name\":1,\"displayName\":\"YN0001\",\"data\":\"No audit suggestions\"}\n";
        assert!(read_text(clean).error.is_none());
        for text in ["{}", "{\"value\":\"a\"}", "{\"type\":\"table\",\"data\":1}", "[]", "null"] {
            assert!(read_as("yarn-audit", text).error.is_some(), "{text}");
        }
    }
}
