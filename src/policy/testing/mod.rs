//! Cases of a policy: the evidence, and the expected outcome. `secgate policy test` runs them.
//!
//! A file of cases is read by the machinery of the policy: a typing error is an error with its place, never a case
//! that tests nothing.

mod written;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::{PolicyProblems, SourcePosition, nearest, quoted};
use super::load::utf8;
use super::load::yaml::{YamlFileKind, tree};
use super::written::node::Node;
use super::written::{At, FromNode as _, Name, Table};
use super::{EntryKind, Policy, PolicyError};
use crate::finding::{Category, CvssRating, Finding, FingerprintBuilder, Location, Package, Target, Text};
use crate::policy::diagnostics::PolicyDiagnostic;
use written::{ExpectedOutcome, Inline, ReportCondition};

const CASES: YamlFileKind = YamlFileKind {
    one: "file of cases",
    many: "files of cases",
    begin: "start with `version: 1`",
    bytes: 1024 * 1024,
    events: 200_000,
};

/// The clock of a case that says none.
const NOW: &str = "2026-01-01T00:00:00Z";

/// The cases of one policy.
#[derive(Debug)]
pub struct Cases {
    /// The policy as the file names it; `None`: that of the file's own name.
    pub policy: Option<String>,
    written: written::File,
}

/// One case, checked against its policy.
#[derive(Debug)]
pub struct PolicyTestCase {
    /// Behaviour that it shows.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// Its clock.
    pub now: Timestamp,
    /// Reports written out.
    pub reports: Vec<WrittenReport>,
    /// Files, each for an entry, relative to the file of cases.
    pub files: Vec<(String, String)>,
    /// Values of parameters, `NAME=VALUE`.
    pub parameters: Vec<String>,
    /// Waiver files, relative to the file of cases.
    pub waivers: Vec<String>,
    /// The commit that the run is about.
    pub commit: Option<String>,
    /// The artifacts that the run is about.
    pub subjects: Vec<String>,
    /// The run has no base.
    pub without_base: bool,
    /// How many findings of the base rules match that allow as many, by their ids.
    pub base_counts: BTreeMap<String, u64>,
    /// The verdict that must follow.
    pub verdict: &'static str,
    /// Outcomes of rules that must follow.
    pub rules: Vec<(String, &'static str)>,
    /// Counts of rules that must follow.
    pub counts: Vec<(String, u64)>,
}

/// A report written out.
#[derive(Debug)]
pub struct WrittenReport {
    /// The entry that it is for.
    pub entries: [String; 1],
    /// Its findings.
    pub findings: Vec<Finding>,
    /// Errors in it.
    pub flaw: Option<Flaw>,
    /// When it was made.
    pub made: Timestamp,
    /// Scanned target.
    pub target: Option<Target>,
}

/// Errors in a report that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing was scanned.
    NothingScanned,
    /// Part of the scan failed.
    Incomplete,
    /// The scan failed.
    Failed,
}

/// Reads a file of cases; its names are checked with [`Cases::check`], once its policy is known.
pub fn load(source: &str, bytes: &[u8]) -> Result<Cases, PolicyError> {
    let mut problems = PolicyProblems::default();
    let Some(text) = utf8(bytes, CASES, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let root: Option<Node> = tree(text, CASES, &mut problems);
    let written = root.and_then(|root| written::File::from_node(&root, "file of cases", &mut problems));
    match written {
        Some(written) if problems.is_empty() => {
            Ok(Cases { policy: written.policy.as_ref().map(|p| p.value.clone()), written })
        }
        _ => {
            if problems.is_empty() {
                problems
                    .add(SourcePosition::START, PolicyDiagnostic::WrongFileKind { what: "a file of cases" });
            }
            Err(PolicyError::new(source, text, problems))
        }
    }
}

impl Cases {
    /// The cases, if each name in them is one of the policy.
    pub fn check(
        self,
        source: &str,
        bytes: &[u8],
        policy: &Policy,
    ) -> Result<Vec<PolicyTestCase>, PolicyError> {
        let mut problems = PolicyProblems::default();
        let now = match &self.written.now {
            Some(text) => time(text, &mut problems),
            None => NOW.parse().ok(),
        };
        let mut cases: Vec<PolicyTestCase> = Vec::new();
        for At { at, value } in self.written.cases.map(|list| list.value.0).unwrap_or_default() {
            let Some(case) = case(at, value, now, policy, &mut problems) else { continue };
            if let Some(other) = cases.iter().find(|other| other.name == case.name) {
                problems
                    .add(at, PolicyDiagnostic::DuplicateCase { shown: quoted(&case.name), line: other.line });
            }
            cases.push(case);
        }
        if problems.is_empty() {
            return Ok(cases);
        }
        Err(PolicyError::new(source, &String::from_utf8_lossy(bytes), problems))
    }
}

fn time(text: &At<Name>, problems: &mut PolicyProblems) -> Option<Timestamp> {
    let time = text.value.parse().ok();
    if time.is_none() {
        problems.add(text.at, PolicyDiagnostic::InvalidTime { shown: quoted(&text.value), such: NOW });
    }
    time
}

fn case(
    at: SourcePosition,
    written: written::Case,
    now: Option<Timestamp>,
    policy: &Policy,
    problems: &mut PolicyProblems,
) -> Option<PolicyTestCase> {
    let now = match &written.now {
        Some(text) => time(text, problems)?,
        None => now?,
    };
    let expect = written.expect?.value;
    let rules: Vec<&str> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
    let entries: Vec<&str> = policy.evidence.iter().map(|entry| entry.name.as_str()).collect();
    let mut case = PolicyTestCase {
        name: written.name?.value.0,
        line: at.line,
        now,
        reports: Vec::new(),
        files: Vec::new(),
        parameters: table(written.parameters)
            .map(|(name, value)| format!("{}={}", name.value, value.value))
            .collect(),
        waivers: written
            .waivers
            .map(|w| w.value.0)
            .unwrap_or_default()
            .into_iter()
            .map(|w| w.value)
            .collect(),
        commit: written.commit.map(|commit| commit.value),
        subjects: written
            .subjects
            .map(|s| s.value.0)
            .unwrap_or_default()
            .into_iter()
            .map(|s| s.value)
            .collect(),
        without_base: written.base.is_some_and(|base| base.value == written::BasePresence::Missing),
        base_counts: known_pairs(written.base_counts, "rule", &rules, problems).collect(),
        verdict: word(expect.verdict?.value),
        rules: known_pairs(expect.rules, "rule", &rules, problems).map(|(id, is)| (id, word(is))).collect(),
        counts: known_pairs(expect.counts, "rule", &rules, problems).collect(),
    };
    let mut named_entries: Vec<String> = Vec::new();
    for (name, value) in table(written.evidence) {
        let Some(entry) = policy.evidence.iter().find(|entry| entry.name == name.value) else {
            unknown(&name, "entry", &entries, problems);
            continue;
        };
        named_entries.push(name.value.clone());
        let category = match entry.kind {
            EntryKind::Report(category) => Some(category),
            _ => None,
        };
        match value.value {
            written::CaseEvidence::Word(ReportCondition::Absent) => {}
            written::CaseEvidence::Inline(inline) if inline.file.is_some() => {
                case.files.extend(inline.file.map(|file| (name.value.clone(), file.value)));
            }
            _ if category.is_none() => {
                problems
                    .add(value.at, PolicyDiagnostic::CaseEntryWithoutReports { shown: quoted(&name.value) });
            }
            written::CaseEvidence::Word(condition) => {
                case.reports.extend(report(&name.value, category, None, Some(condition), entry.target, now));
            }
            written::CaseEvidence::Inline(inline) => {
                let status = inline.status.as_ref().map(|status| status.value);
                case.reports.extend(report(&name.value, category, Some(*inline), status, entry.target, now));
            }
        }
    }
    for entry in policy.evidence.iter().filter(|entry| entry.required && !named_entries.contains(&entry.name))
    {
        if let EntryKind::Report(category) = entry.kind {
            case.reports.extend(report(&entry.name, Some(category), None, None, entry.target, now));
        }
    }
    Some(case)
}

fn table<T>(table: Option<At<Table<T>>>) -> impl Iterator<Item = (At<Name>, At<T>)> {
    table.map(|table| table.value.0).unwrap_or_default().into_iter()
}

/// The pairs of a table whose names are known; reports the others.
fn known_pairs<T>(
    written: Option<At<Table<T>>>,
    what: &str,
    known: &[&str],
    problems: &mut PolicyProblems,
) -> std::vec::IntoIter<(String, T)> {
    let mut pairs = Vec::new();
    for (name, value) in table(written) {
        if known.contains(&name.value.as_str()) {
            pairs.push((name.value, value.value));
        } else {
            unknown(&name, what, known, problems);
        }
    }
    pairs.into_iter()
}

fn unknown(name: &At<Name>, what: &str, known: &[&str], problems: &mut PolicyProblems) {
    let diagnostic = PolicyDiagnostic::UnknownNameInCase {
        what: what.to_owned(),
        shown: quoted(&name.value),
        known: super::error::listed(known),
    };
    problems.add_near(name.at, diagnostic, nearest(&name.value, known));
}

const fn word(expected: ExpectedOutcome) -> &'static str {
    match expected {
        ExpectedOutcome::Pass => "pass",
        ExpectedOutcome::Warn => "warn",
        ExpectedOutcome::Review => "review",
        ExpectedOutcome::Fail => "fail",
        ExpectedOutcome::Error => "error",
        ExpectedOutcome::NotApplicable => "not_applicable",
    }
}

fn report(
    entry: &str,
    category: Option<Category>,
    inline: Option<Inline>,
    condition: Option<ReportCondition>,
    target: Option<Target>,
    now: Timestamp,
) -> Option<WrittenReport> {
    let flaw = match condition {
        Some(ReportCondition::Absent) => return None,
        Some(ReportCondition::NothingScanned) => Some(Flaw::NothingScanned),
        Some(ReportCondition::Incomplete) => Some(Flaw::Incomplete),
        Some(ReportCondition::Failed) => Some(Flaw::Failed),
        Some(ReportCondition::Clean) | None => None,
    };
    let age = inline.as_ref().and_then(|inline| inline.age.as_ref()).map_or(0, |age| age.value.0);
    let made = Timestamp::from_second(now.as_second() - age).ok()?;
    let written = inline.and_then(|inline| inline.findings).map(|list| list.value.0).unwrap_or_default();
    let mut findings = Vec::new();
    for At { value, .. } in written {
        let times = value.times.as_ref().map_or(1, |times| times.value.0);
        for _ in 0..times {
            let at = findings.len();
            findings.extend(finding(category?, &value, at, now));
        }
    }
    Some(WrittenReport { entries: [entry.to_owned()], findings, flaw, made, target })
}

/// A finding written out; the `number`-th of its report, so that each has an identity of its own.
fn finding(category: Category, written: &written::Inlined, number: usize, now: Timestamp) -> Option<Finding> {
    let names = |list: &Option<At<super::written::Many<Name>>>| {
        list.iter().flat_map(|list| &list.value.0).map(|name| Text::line(&name.value)).collect::<Vec<_>>()
    };
    let category = written.category.as_ref().map_or(category, |c| c.value);
    let ids = names(&written.ids);
    let rule_id = text(written.rule_id.as_ref()).or(ids.first().map(Text::as_str)).unwrap_or("case");
    let plain = Finding::new(
        category,
        text(written.tool.as_ref()).unwrap_or("case"),
        rule_id,
        written.severity.as_ref()?.value,
    );
    let line = written.line.as_ref().map(|line| line.value.0);
    let id = FingerprintBuilder::new("case").part(rule_id).part(&number.to_string());
    let finding = Finding {
        title: written.title.as_ref().map(|title| Text::line(&title.value.0)).unwrap_or_default(),
        state: written.state.as_ref().map_or(plain.state, |state| state.value),
        cwes: written.cwe.iter().flat_map(|list| &list.value.0).map(|cwe| cwe.value.0).collect(),
        location: text(written.path.as_ref()).and_then(|path| Location::new(path, line, None, &[])),
        package: text(written.package.as_ref().or(written.purl.as_ref())).map(|name| Package {
            name: Text::line(name),
            purl: text(written.purl.as_ref()).map(Text::line),
            ..Package::default()
        }),
        cvss: written.cvss.as_ref().map(|score| {
            let version = text(written.cvss_version.as_ref()).map(Text::line);
            Box::new(CvssRating { score: score.value.0, version, ..CvssRating::default() })
        }),
        reachable: written.reachable.as_ref().map_or(plain.reachable, |word| word.value),
        direct: written.direct.as_ref().map(|direct| direct.value),
        fix_since: written.fix_available_for.as_ref().map(|time| now.as_second() - time.value.0),
        end_of_life: written.end_of_life.as_ref().map(|ended| ended.value),
        first_seen: written.first_seen.as_ref().map(|day| day.value.0),
        fix: written.fix.as_ref().map_or(plain.fix, |fix| fix.value),
        scope: written.scope.as_ref().map(|scope| scope.value),
        confidence: written.confidence.as_ref().map(|confidence| confidence.value),
        verified: written.verified.as_ref().map(|verified| verified.value),
        suppressed: written.suppressed.as_ref().is_some_and(|suppressed| suppressed.value),
        kev: written.kev.as_ref().map(|kev| kev.value),
        epss: written.epss.as_ref().map(|epss| epss.value.0),
        published: written.age.as_ref().map(|age| now.as_second() - age.value.0),
        fingerprint: id.finish(),
        ids,
        ..plain
    };
    Some(finding)
}

fn text(name: Option<&At<Name>>) -> Option<&str> {
    name.map(|name| name.value.as_str())
}

/// The JSON Schema (draft 2020-12) of a file of cases, for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(written::File);
    schema.insert("title".to_owned(), "secgate cases of a policy".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version: 1\ngate: m\nevidence:\n  sast: {category: sast, files: s.json}\n  \
        note: {document: json, files: n.json, required: false}\nrules: [{id: high, findings: {severity: high}, then: fail}]\n";

    fn errors(cases: &str) -> String {
        let policy = super::super::load("p", POLICY.as_bytes()).unwrap();
        let text = format!("version: 1\ncases:\n{cases}");
        let checked = load("c", text.as_bytes()).and_then(|c| c.check("c", text.as_bytes(), &policy));
        checked.unwrap_err().to_string()
    }

    #[test]
    fn a_typing_error_is_no_case_that_tests_nothing() {
        for (cases, says) in [
            ("  - {name: a, expect: {verdict: pas}}\n", "did you mean `pass`?"),
            ("  - {name: a, expcet: {verdict: pass}}\n", "did you mean `expect`?"),
            ("  - {name: a, expect: {rules: {high: fail}}}\n", "needs the key `verdict`"),
            ("  - {name: a, expect: {verdict: fail, rules: {hihg: fail}}}\n", "did you mean `high`?"),
            (
                "  - {name: a, evidence: {sats: {findings: []}}, expect: {verdict: fail}}\n",
                "is an empty list",
            ),
            ("  - {name: a, evidence: {sats: absent}, expect: {verdict: fail}}\n", "did you mean `sast`?"),
            (
                "  - {name: a, evidence: {sast: {findings: {severty: high}}}, expect: {verdict: fail}}\n",
                "did you mean `severity`?",
            ),
            (
                "  - {name: a, evidence: {sast: {findings: {severity: hihg}}}, expect: {verdict: fail}}\n",
                "did you mean `high`?",
            ),
            ("  - {name: a, evidence: {note: incomplete}, expect: {verdict: fail}}\n", "give it a `file`"),
            (
                "  - {name: a, evidence: {sast: {file: a, age: 1d}}, expect: {verdict: fail}}\n",
                "leave the other keys out",
            ),
            ("  - {name: a, now: yesterday, expect: {verdict: fail}}\n", "RFC 3339"),
            ("  - {name: a, expect: {verdict: pass}}\n  - {name: a, expect: {verdict: pass}}\n", "two cases"),
        ] {
            let error = errors(cases);
            assert!(error.contains(says), "{cases}: {error}");
        }
    }
}
