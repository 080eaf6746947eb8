//! govulncheck's stream of messages (`govulncheck -format json`), protocol 1.0; also the same messages in an array.
//!
//! Source of the shapes: `internal/govulncheck/govulncheck.go` and `internal/osv/osv.go` of golang.org/x/vuln, and its
//! `internal/scan/source.go` for the words of its progress. The messages are objects one after the other, each over many
//! lines. A vulnerability is told up to three times for a module, and more: that the module is required, that its package
//! is imported, and for each way by which its code is called. Here it is one finding for the module; it is reachable where
//! a trace names a function, and is not where the scan looked for calls and there is none.

use std::collections::BTreeMap;

use super::advisory::{Advisory, WorstSeverity};
use super::json::{Json, JsonKind};
use super::tree::{Tree, object};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, Fix, Reachability, Text};

/// govulncheck.
pub(super) static FORMAT: Format = Format {
    id: "govulncheck",
    title: "govulncheck JSON messages: vulnerabilities of Go modules, reachable or not",
    tool: "govulncheck",
    tried: "1.1.4",
    signals: &["messages that end while vulnerabilities are fetched", "`config` alone: nothing scanned"],
    unrated: true,
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Fix, Attribute::Age, Attribute::Package],
    // Messages one after the other, each of which is whole by itself.
    lines: true,
    dates_database: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let config = |m: &Member| m.get("config").is_some_and(|config| config.has("protocol_version"));
    let osv = |m: &Member| m.members.len() == 1 && m.get("osv").is_some_and(|osv| osv.has("id"));
    (opening.is_object() || opening.first_element().is_some()) && (config(&opening.top) || osv(&opening.top))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut stream = GoMessages::default();
    if json.kind()? == JsonKind::Array {
        json.array(|json, _| object(json, |message| stream.message(message, reading)))?;
    } else {
        while !json.at_end()? {
            object(json, |message| stream.message(message, reading))?;
        }
    }
    if !stream.configured {
        return Err(json.shape("the first message of govulncheck is `config`, and there is none"));
    }
    stream.finish(reading);
    Ok(())
}

/// Knowledge of an advisory that its findings need.
#[derive(Default)]
struct GoAdvisory {
    summary: String,
    published: String,
    modified: String,
    aliases: Vec<String>,
    severity: WorstSeverity,
}

/// A vulnerability of a module, from all that was said of it.
#[derive(Default)]
struct GoVulnerability {
    version: String,
    fixed: String,
    called: bool,
    /// The project's own code from which the shortest way leads to it.
    from: String,
    steps: usize,
}

/// How far the scan came, as far as its messages tell.
#[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GoScanStage {
    /// It was set up.
    #[default]
    Configured,
    /// It said something.
    Begun,
    /// It asked the database.
    Fetching,
    /// It looked at the code.
    Checking,
}

#[derive(Default)]
struct GoMessages {
    configured: bool,
    /// The scan looks for calls.
    symbols: bool,
    stage: GoScanStage,
    advisories: BTreeMap<String, GoAdvisory>,
    found: BTreeMap<(String, String), GoVulnerability>,
}

impl GoMessages {
    fn message(&mut self, message: Tree<'_>, reading: &mut Reading<'_>) -> Result<(), String> {
        if message.has("config") {
            let config = message.at("config");
            self.configured = true;
            self.symbols = config.text("scan_level") == "symbol";
            reading.version(config.text("scanner_version"));
            reading.database(config.text("db_last_modified"), true);
        } else if message.has("progress") {
            let words = message.text("progress.message");
            let begins = |start: &str| words.starts_with(start);
            self.reached(match words {
                _ if begins("Checking the") || begins("Scanning your") => GoScanStage::Checking,
                _ if begins("Fetching vulnerabilities") => GoScanStage::Fetching,
                _ => GoScanStage::Begun,
            });
        } else if message.has("SBOM") {
            self.reached(GoScanStage::Begun);
        } else if message.has("osv") {
            self.reached(GoScanStage::Begun);
            self.advisory(message.at("osv"));
        } else if message.has("finding") {
            return self.finding(message.at("finding"));
        } else {
            return Err(
                "no message of govulncheck: it is none of config, progress, SBOM, osv and finding".into()
            );
        }
        Ok(())
    }

    fn reached(&mut self, stage: GoScanStage) {
        self.stage = self.stage.max(stage);
    }

    fn advisory(&mut self, osv: Tree<'_>) {
        let mut severity = WorstSeverity::default();
        // Go's own database rates nothing; others that are used in its place may.
        severity.word(osv.text("severity"));
        for rating in osv.list("severity") {
            severity.vector(rating.text("score"));
        }
        let summary = [osv.text("summary"), osv.text("details")].into_iter().find(|text| !text.is_empty());
        let advisory = GoAdvisory {
            summary: summary.unwrap_or_default().to_owned(),
            published: osv.text("published").to_owned(),
            modified: osv.text("modified").to_owned(),
            aliases: osv.texts("aliases").into_iter().map(str::to_owned).collect(),
            severity,
        };
        self.advisories.insert(osv.text("id").to_owned(), advisory);
    }

    fn finding(&mut self, finding: Tree<'_>) -> Result<(), String> {
        let frames: Vec<Tree<'_>> = finding.list("trace").collect();
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
            return Err("a finding of govulncheck has a `trace`".into());
        };
        let (id, module) = (finding.text("osv"), first.text("module"));
        if id.is_empty() && module.is_empty() {
            return Err("a finding of govulncheck names neither `osv` nor a module".into());
        }
        let found = self.found.entry((id.to_owned(), module.to_owned())).or_default();
        first.text("version").clone_into(&mut found.version);
        finding.text("fixed_version").clone_into(&mut found.fixed);
        if !first.text("function").is_empty() {
            let shorter = found.from.is_empty() || frames.len() < found.steps;
            found.called = true;
            if let (true, Some(line)) = (shorter, last.line("position.line")) {
                found.from = format!("{}:{line}", last.text("position.filename"));
                found.steps = frames.len();
            }
        }
        Ok(())
    }

    fn finish(self, reading: &mut Reading<'_>) {
        if self.found.is_empty() {
            match self.stage {
                GoScanStage::Configured => {
                    reading.nothing_scanned(
                        "no message says that anything was scanned (there is only `config`)",
                    );
                }
                GoScanStage::Fetching => {
                    let message =
                        "the messages end while vulnerabilities were fetched: the scan was not finished";
                    reading.problem(ProblemKind::Scan, message, None);
                }
                GoScanStage::Begun | GoScanStage::Checking => {}
            }
        }
        let none = GoAdvisory::default();
        for ((id, module), found) in &self.found {
            let advisory = self.advisories.get(id).unwrap_or(&none);
            let finding = found.finding(id, module, advisory, self.symbols, reading.roots());
            reading.finding(finding);
        }
    }
}

impl GoVulnerability {
    fn finding(
        &self,
        id: &str,
        module: &str,
        advisory: &GoAdvisory,
        symbols: bool,
        roots: &[String],
    ) -> Finding {
        let title = match (advisory.summary.as_str(), self.from.as_str()) {
            ("", _) => String::new(),
            (summary, "") => summary.to_owned(),
            (summary, from) => format!("{summary} (called from {from})"),
        };
        let found = Advisory {
            tool: FORMAT.tool,
            id,
            ids: advisory.aliases.iter().map(String::as_str).collect(),
            severity: advisory.severity,
            title: &title,
            published: &advisory.published,
            modified: &advisory.modified,
            name: module,
            version: &self.version,
            ecosystem: "golang",
            // Without one there is none, or the ranges of the advisory are too many to tell.
            fix: Some(if self.fixed.is_empty() { Fix::Unknown } else { Fix::Available }),
            fixed: [self.fixed.as_str()].into_iter().filter(|v| !v.is_empty()).map(Text::line).collect(),
            reachable: match (self.called, symbols) {
                (true, _) => Reachability::Yes,
                (false, true) => Reachability::No,
                (false, false) => Reachability::Unknown,
            },
            ..Advisory::default()
        };
        found.finding(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const CONFIG: &str = r#"{"config":{"protocol_version":"v1.0.0","scanner_name":"govulncheck","scanner_version":"v1.1.4","scan_level":"symbol"}}"#;
    const OSV: &str = r#"{"osv":{"id":"GO-2024-1","published":"2024-03-05T20:24:05Z","aliases":["CVE-2024-1"],"summary":"Infinite loop"}}"#;
    const MODULE: &str = r#"{"finding":{"osv":"GO-2024-1","fixed_version":"v1.33.0","trace":[{"module":"a.invalid/b","version":"v1.31.0"}]}}"#;
    const CALL: &str = r#"{"finding":{"osv":"GO-2024-1","fixed_version":"v1.33.0","trace":[{"module":"a.invalid/b","version":"v1.31.0","package":"a.invalid/b","function":"Do"},
        {"module":"shop","package":"shop","function":"main","position":{"filename":"main.go","offset":7,"line":9,"column":2}}]}}"#;

    #[test]
    fn one_finding_a_module_reachable_by_its_trace() {
        let progress = r#"{"progress":{"message":"Checking the code against the vulnerabilities..."}}"#;
        for (calls, reachable) in [(CALL, Reachability::Yes), ("", Reachability::No)] {
            let text = format!("{CONFIG}\n{progress}\n{OSV}\n{MODULE}\n{calls}\n");
            let read = read_sound("govulncheck", &text);
            assert_eq!((read.findings.len(), read.report.problems_total), (1, 0));
            let finding = &read.findings[0];
            assert_eq!((finding.reachable, finding.fix), (reachable, Fix::Available));
            assert_eq!(finding.ids.iter().map(Text::as_str).collect::<Vec<_>>(), ["GO-2024-1", "CVE-2024-1"]);
            assert_eq!(finding.title.as_str().contains("main.go:9"), reachable == Reachability::Yes);
        }
        let packages = format!("{}\n{MODULE}", CONFIG.replace("symbol", "package"));
        assert_eq!(read_sound("govulncheck", &packages).findings[0].reachable, Reachability::Unknown);
        assert_eq!(read_sound("govulncheck", &format!("[{CONFIG},{OSV},{MODULE}]")).findings.len(), 1);
    }

    #[test]
    fn a_scan_that_did_not_come_to_its_end_is_told() {
        assert!(read_sound("govulncheck", CONFIG).report.nothing_scanned.is_some());
        let fetching = format!(
            r#"{CONFIG}{{"progress":{{"message":"Fetching vulnerabilities from the database..."}}}}"#
        );
        assert_eq!(read_sound("govulncheck", &fetching).report.problems_total, 1);
        for text in [
            OSV.to_owned(),
            format!("{CONFIG}{{}}"),
            format!("{CONFIG}{{\"more\":1}}"),
            format!("{CONFIG}{}", r#"{"finding":{"osv":"GO-1","trace":[]}}"#),
            format!("{CONFIG}[1]"),
            CONFIG.trim_end_matches('}').to_owned(),
        ] {
            assert!(read_as("govulncheck", &text).error.is_some(), "{text}");
        }
        assert!(read_text("{\"osv\":1}").error.is_some());
    }
}
