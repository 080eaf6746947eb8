//! GitLab's code-quality report: an array that the merge request compares with that of its target branch.
//!
//! GitLab (`doc/ci/testing/code_quality.md`, `codequality_reports.rb`) stops at the first object that lacks a field,
//! shows equal fingerprints once, and wants paths relative to the repository. It compares by itself, so known and waived
//! findings are listed too where a rule would look at them if they were new: left out, they would count as fixed. Whatever else stops
//! the change has an entry as well, and an emergency waiver that holds, so that `[]` says that there is neither.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::text::{place, what};
use super::{Look, OutputFormat};
use crate::decide::{Decision, Matched, MatchedProblem, Outcome};
use crate::finding::{FingerprintBuilder, State, Text, clean_line, project_path};

/// Code quality.
pub(super) const OUTPUT: OutputFormat = OutputFormat {
    id: "codequality",
    title: "GitLab code quality, one entry per problem",
    lines: false,
    write,
};

/// The empty array. It names nobody, so it is written as no scanner writes it: what secgate wrote may be replaced, and a
/// clean report of gitleaks, which is `[]` too, may not.
pub const CODEQUALITY_CLEAN: &[u8] = b"[\n]\n";

/// One entry; GitLab wants every field.
#[derive(Serialize)]
struct Degradation {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: CodeQualityLocation,
    /// The base knows it.
    #[serde(skip)]
    known: bool,
}

#[derive(Serialize)]
struct CodeQualityLocation {
    path: String,
    lines: CodeQualityLines,
}

#[derive(Serialize)]
struct CodeQualityLines {
    begin: u64,
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<Degradation> =
        decision.findings.iter().filter_map(|problem| of_problem(decision, problem)).collect();
    // What no rule would look at if it were new is not in the target branch's report either.
    let known = decision
        .known
        .iter()
        .filter(|matched| matched.matches_as_new)
        .map(|matched| of_finding(decision, matched, None));
    all.extend(known);
    all.extend(others(decision));
    number_equal(&mut all);
    if all.is_empty() {
        return out.write_all(CODEQUALITY_CLEAN);
    }
    serde_json::to_writer(&mut *out, &all)?;
    out.write_all(b"\n")
}

/// Several findings may have one fingerprint: the same line of code twice in a file. GitLab compares by fingerprint, so
/// those that the base knows keep what they had there, where all were known, and one that was added comes after them.
fn number_equal(all: &mut [Degradation]) {
    let mut equal: BTreeMap<String, Vec<&mut Degradation>> = BTreeMap::new();
    for entry in all {
        equal.entry(entry.fingerprint.clone()).or_default().push(entry);
    }
    for entries in equal.values_mut() {
        entries.sort_by_key(|entry| (!entry.known, entry.location.lines.begin));
        for (count, entry) in (2..).zip(entries.iter_mut().skip(1)) {
            entry.fingerprint = format!("{}-{count}", entry.fingerprint);
        }
    }
}

fn of_problem(decision: &Decision, problem: &MatchedProblem) -> Option<Degradation> {
    Some(of_finding(decision, problem.lead()?, problem.lifted_by().as_deref()))
}

/// A finding, and what lifts it.
fn of_finding(decision: &Decision, matched: &Matched, lifted: Option<&str>) -> Degradation {
    let finding = &matched.finding;
    let report = || decision.evidence.get(matched.evidence).and_then(|e| e.path.as_ref()).map(Text::as_str);
    let at = finding.location.as_ref().map(|at| at.path.as_str());
    let path = at.or_else(report).unwrap_or("stdin");
    // A package has no line of its own, so what is vulnerable stands in the words.
    let mut description = match finding.package {
        Some(_) => format!("{}: {}", place(finding), what(finding)),
        None => what(finding),
    };
    let known = finding.state == State::Existing;
    if finding.state != State::New {
        description = format!("{}: {description}", finding.state);
    }
    let severity = match lifted {
        Some(waiver) => {
            description = format!("{waiver} ({}): {description}", finding.severity);
            "info"
        }
        None => severity(matched.rank()),
    };
    Degradation {
        description: clean_line(&description).into_owned(),
        check_name: finding.rule_id.to_string(),
        fingerprint: finding.fingerprint.to_string(),
        severity,
        location: location(path, finding.location.as_ref().and_then(|l| l.line).map_or(1, u64::from)),
        known,
    }
}

/// Blocking outcomes other than findings: errors, evidence, rules about something else, a missing base; and emergencies,
/// by which something does not.
fn others(decision: &Decision) -> Vec<Degradation> {
    let source = decision.policy.as_ref().map(|(source, _)| source.as_str());
    // An embedded policy stands in no file; it would in this one.
    let own = format!(".secgate/{}.yaml", decision.gate);
    let policy = source.filter(|source| !source.starts_with("embedded:")).unwrap_or(&own);
    let entry = |check: &str, outcome: Outcome, path: &str, line: u64, text: String| Degradation {
        fingerprint: FingerprintBuilder::new(check).part(path).part(&text).finish().to_string(),
        description: clean_line(&text).into_owned(),
        check_name: check.to_owned(),
        severity: if outcome == Outcome::Review { "major" } else { "blocker" },
        location: location(path, line),
        known: false,
    };
    let errors = decision.errors.iter().map(|error| {
        let path = error.path.as_deref().unwrap_or(policy);
        entry("secgate/error", Outcome::Error, path, 1, format!("no decision: {}", error.message))
    });
    let stops = |outcome: Outcome| outcome >= Outcome::Review;
    let evidence = decision.evidence.iter().filter(|e| stops(e.outcome)).map(|e| {
        let path = e.path.as_ref().map_or(policy, Text::as_str);
        let name = e.entry.as_deref().unwrap_or("evidence");
        entry("secgate/evidence", e.outcome, path, 1, format!("{name}: {}: {}", e.status.as_str(), e.message))
    });
    let rules = decision.rules.iter().filter(|r| stops(r.outcome) && r.problems.is_empty()).map(|r| {
        let text = format!("{}: {}", r.title, r.message);
        entry(&format!("secgate/rule/{}", r.id), r.outcome, policy, r.line, text)
    });
    let base = decision
        .base
        .iter()
        .filter(|b| stops(b.outcome))
        .map(|b| entry("secgate/base", b.outcome, policy, b.line, b.message.clone()));
    let gates = decision.own_gate.iter().filter(|gate| stops(gate.outcome));
    let gate = gates.flat_map(|gate| &gate.clauses).map(|looser| {
        let (path, line) = looser.after_at.as_ref().map_or((policy, 1), |at| (at.file.as_str(), at.line));
        let text = format!("this change loosens its own gate: {looser}");
        entry("secgate/gate", Outcome::Review, path, line, text)
    });
    // Nothing that it stops, and nobody may miss it.
    let emergencies = decision.waivers.iter().filter_map(|waiver| {
        let line = waiver.emergency()?;
        Some(entry("secgate/emergency", Outcome::Fail, &waiver.file, waiver.line, line))
    });
    errors.chain(evidence).chain(rules).chain(base).chain(gate).chain(emergencies).collect()
}

/// As the policy counts it, so that an unknown severity is what it counts as.
const fn severity(rank: u8) -> &'static str {
    match rank {
        0 => "info",
        1 => "minor",
        2 => "major",
        3 => "critical",
        _ => "blocker",
    }
}

fn location(path: &str, line: u64) -> CodeQualityLocation {
    let path = project_path(path, &[]).into_owned();
    CodeQualityLocation { path, lines: CodeQualityLines { begin: line.max(1) } }
}
