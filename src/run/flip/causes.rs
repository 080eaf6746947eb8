//! Causes in words: of which kind an input is that makes two verdicts differ, and what differs in it.

use std::collections::BTreeSet;

use crate::decide::{Decision, WaiverResult, WaiverStatus};
use crate::finding::{Category, Finding, Fingerprint, State, Text};
use crate::policy::waiver::Waiver;
use crate::policy::{DocumentKind, EntryKind};
use crate::replay::{FlipCause, FlipKind, PolicyDifference, flip_effects};
use crate::run::replayed::waivers_of;

use super::inputs::{ReportPart, RunInput};
use super::mixing::MixedRun;

/// Most things that are named of one cause.
const NAMED: usize = 5;

/// An input, with the decisions without it and with it, the other causes of its explanation being given.
pub(super) fn cause(
    mixed: &MixedRun<'_>,
    input: &RunInput,
    (without, with): (&Decision, &Decision),
) -> FlipCause {
    let (first, second) = if mixed.worse == 1 { (with, without) } else { (without, with) };
    let effects = flip_effects(first, second);
    let fingerprint = mixed.findings(input).and_then(|[a, b]| Some(a.or(b)?.fingerprint));
    let (kind, text) = ended_waiver(without, with).filter(|_| can_end_waivers(input)).map_or_else(
        || plain(mixed, input, &effects.iter().map(|effect| effect.what.clone()).collect::<Vec<_>>()),
        |(kind, waiver)| {
            let (_, more) = plain(mixed, input, &[]);
            let waiver = format!("waiver {}: {}", waiver.id, waiver.message);
            (kind, if more.is_empty() { waiver } else { format!("{waiver}; {more}") })
        },
    );
    let text = if text.is_empty() { counted(first, second) } else { text };
    FlipCause { kind, input: input.name(), text, fingerprint, effects }
}

/// The findings that rules match in one of two decisions only.
fn counted(first: &Decision, second: &Decision) -> String {
    let only = |one: &Decision, other: &Decision| {
        let known: BTreeSet<Fingerprint> = matches(other).map(|finding| finding.fingerprint).collect();
        let only = matches(one).filter(|finding| !known.contains(&finding.fingerprint));
        only.map(described).collect::<Vec<_>>()
    };
    let (gone, new) = (only(first, second), only(second, first));
    match (gone.is_empty(), new.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("no longer counts {}", shortened(gone)),
        (true, false) => format!("now counts {}", shortened(new)),
        (false, false) => format!("now counts {}, and no longer {}", shortened(new), shortened(gone)),
    }
}

fn matches(decision: &Decision) -> impl Iterator<Item = &Finding> {
    let counted = |at: &usize| decision.rules.iter().any(|rule| rule.problems.contains(at));
    let problems = decision.findings.iter().enumerate().filter(move |(at, _)| counted(at));
    problems.flat_map(|(_, problem)| &problem.witnesses).map(|matched| &matched.finding)
}

/// A waiver that covers in the better run and no longer in the worse one.
fn ended_waiver<'d>(worse: &'d Decision, better: &Decision) -> Option<(FlipKind, &'d WaiverResult)> {
    worse.waivers.iter().find_map(|waiver| {
        let kind = match waiver.status {
            WaiverStatus::Expired => FlipKind::WaiverExpired,
            WaiverStatus::Triggered => FlipKind::WaiverTriggered,
            WaiverStatus::Active
            | WaiverStatus::Unused
            | WaiverStatus::OverMatching
            | WaiverStatus::Refused => {
                return None;
            }
        };
        let covered = |one: &&WaiverResult| one.id == waiver.id && one.status == WaiverStatus::Active;
        better.waivers.iter().find(covered).map(|_| (kind, waiver))
    })
}

/// Whether an input ends waivers by its own change, and not by being or naming them.
fn can_end_waivers(input: &RunInput) -> bool {
    !matches!(input, RunInput::Waivers(_) | RunInput::Policy)
}

fn plain(mixed: &MixedRun<'_>, input: &RunInput, rules: &[String]) -> (FlipKind, String) {
    let [a, b] = &mixed.sides;
    match input {
        RunInput::Policy => (FlipKind::PolicyEdited, clauses(mixed, rules)),
        RunInput::Clock => (FlipKind::Clock, format!("{} -> {}", a.now, b.now)),
        RunInput::Commit => (FlipKind::Commit, turned(a.commit(), b.commit())),
        RunInput::Artifacts => (FlipKind::Artifacts, String::new()),
        RunInput::Author => (FlipKind::Author, turned(a.about.author.clone(), b.about.author.clone())),
        RunInput::Project => (FlipKind::Project, turned(a.about.project.clone(), b.about.project.clone())),
        RunInput::Codeowners => (FlipKind::Codeowners, String::new()),
        RunInput::Parameter(name) => {
            let [a, b] = [a, b].map(|side| side.parameters().get(name).cloned());
            (FlipKind::Parameter, turned(a, b))
        }
        RunInput::Waivers(name) => (FlipKind::WaiverEdited, edited_waivers(mixed, name)),
        RunInput::Baseline => (FlipKind::Baseline, String::new()),
        RunInput::Diff => (FlipKind::Diff, String::new()),
        RunInput::Base => (FlipKind::Base, String::new()),
        RunInput::Suppressions => (FlipKind::Suppressions, String::new()),
        RunInput::Report(name, part) => of_report(mixed, name, *part),
        RunInput::Finding(name, _) => of_finding(mixed, name, input),
        RunInput::Document(name) => of_document(mixed, name),
    }
}

fn turned(a: Option<String>, b: Option<String>) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    format!("{} -> {}", shown(a), shown(b))
}

/// Clauses of the policies that are about the rules that say something else.
fn clauses(mixed: &MixedRun<'_>, rules: &[String]) -> String {
    let (Ok(a), Ok(b)) = (mixed.policy_of(0), mixed.policy_of(1)) else { return String::new() };
    let difference = PolicyDifference::of_policies(a, b);
    let mut about: Vec<String> = Vec::new();
    for rule in rules {
        let name = rule.strip_prefix("evidence ").unwrap_or(rule);
        for clause in difference.about(name) {
            if !about.contains(&clause) {
                about.push(clause);
            }
        }
    }
    shortened(about)
}

fn shortened(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
    all.join("; ") + &tail
}

/// The waivers that differ between two files.
fn edited_waivers(mixed: &MixedRun<'_>, name: &str) -> String {
    match mixed.has_waivers(name) {
        [true, false] => return "is gone".to_owned(),
        [false, true] => return "is new".to_owned(),
        [true, true] | [false, false] => {}
    }
    let Some([a, b]) = waivers_of_both(mixed, name) else { return String::new() };
    let mut told = Vec::new();
    for waiver in &a {
        match b.iter().find(|other| other.id == waiver.id) {
            None => told.push(format!("{} is gone", waiver.id)),
            Some(other) if format!("{other:?}") != format!("{waiver:?}") => {
                told.push(format!("{} was edited", waiver.id));
            }
            Some(_) => {}
        }
    }
    let added = b.iter().filter(|waiver| !a.iter().any(|known| known.id == waiver.id));
    told.extend(added.map(|waiver| format!("{} is new", waiver.id)));
    shortened(told)
}

fn waivers_of_both(mixed: &MixedRun<'_>, name: &str) -> Option<[Vec<Waiver>; 2]> {
    let of = |side: usize| {
        let text = mixed.waiver_text(side, name)?;
        waivers_of(mixed.policy_of(mixed.worse).ok()?, &[(name.to_owned(), text)], mixed.side(side).now).ok()
    };
    Some([of(0)?, of(1)?])
}

fn of_report(mixed: &MixedRun<'_>, name: &str, part: ReportPart) -> (FlipKind, String) {
    let [a, b] = mixed.reports(name);
    let version = |report: &Option<crate::evidence_snapshot::SavedReport>| {
        report.as_ref().map(|report| {
            let tool = &report.report.tool;
            let version = tool.version.as_ref().map(Text::as_str).unwrap_or_default();
            format!("{} {version}", tool.name).trim().to_owned()
        })
    };
    match part {
        ReportPart::Presence => {
            let text = if a.is_some() { "only the first run has it" } else { "only the second run has it" };
            (FlipKind::ReportMissing, text.to_owned())
        }
        ReportPart::Findings => (FlipKind::Code, "its findings".to_owned()),
        ReportPart::Tool => (FlipKind::ToolOrDatabase, turned(version(&a), version(&b))),
        ReportPart::Time => {
            let time = |report: Option<crate::evidence_snapshot::SavedReport>| {
                serde_json::to_value(report?.report.generated).ok().map(|value| value.to_string())
            };
            (FlipKind::ReportTime, turned(time(a), time(b)))
        }
        ReportPart::Subject => (FlipKind::ReportSubject, "is about another commit or image".to_owned()),
        ReportPart::Scan => {
            let worse = if mixed.worse == 0 { &a } else { &b };
            let why = worse.as_ref().and_then(|worse| {
                let error = worse.error.as_ref().map(|error| error.message.clone());
                let said = worse.report.failed.as_ref().or(worse.report.nothing_scanned.as_ref());
                let problem = worse.report.problems.first().map(|problem| problem.message.to_string());
                error.or(said.map(ToString::to_string)).or(problem)
            });
            let which = if mixed.worse == 0 { "first" } else { "second" };
            let why = why.map(|why| format!("in the {which} run: {why}"));
            (FlipKind::ReportUnusable, why.unwrap_or_default())
        }
    }
}

fn of_document(mixed: &MixedRun<'_>, name: &str) -> (FlipKind, String) {
    let kinds = [0, 1].into_iter().filter_map(|side| mixed.policy_of(side).ok());
    let entry = kinds
        .flat_map(|policy| &policy.evidence)
        .filter(|entry| !matches!(entry.kind, EntryKind::Report(_)))
        .find(|entry| entry.files.iter().any(|glob| glob.matches_file(name)));
    let kind = match entry.map(|entry| entry.kind) {
        Some(EntryKind::Feed(_)) => FlipKind::Feed,
        Some(EntryKind::Document(DocumentKind::GitlabApprovals | DocumentKind::GitlabApprovalState)) => {
            FlipKind::Approvals
        }
        Some(EntryKind::Document(_) | EntryKind::Report(_)) | None => FlipKind::Document,
    };
    let text = match mixed.has_document(name) {
        [true, false] => "only the first run has it",
        [false, true] => "only the second run has it",
        [true, true] | [false, false] => "has another content",
    };
    (kind, text.to_owned())
}

/// A finding that came, went or changed.
fn of_finding(mixed: &MixedRun<'_>, report: &str, unit: &RunInput) -> (FlipKind, String) {
    match mixed.findings(unit) {
        Some([Some(a), Some(b)]) => changed(mixed, report, &a, &b),
        Some([Some(gone), None]) => {
            let kind = came(mixed, report, &gone, 0);
            (kind, format!("{} is gone", described(&gone)))
        }
        Some([None, Some(new)]) => {
            let kind = came(mixed, report, &new, 1);
            let published = new.published.and_then(|at| jiff::Timestamp::from_second(at).ok());
            let published = published.filter(|_| kind == FlipKind::AdvisoryDisclosed);
            let published = published.map(|at| format!(", published {at}")).unwrap_or_default();
            (kind, format!("{} is new{published}", described(&new)))
        }
        Some([None, None]) | None => (FlipKind::Code, String::new()),
    }
}

fn described(finding: &Finding) -> String {
    let id = finding.ids.first().unwrap_or(&finding.rule_id);
    let what = match (&finding.package, &finding.location) {
        (Some(package), _) => format!(" in {} {}", package.name, package.version).trim_end().to_owned(),
        (None, Some(place)) => {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!(" in {}{line}", place.path)
        }
        (None, None) => String::new(),
    };
    format!("{id}{what} ({})", finding.severity.as_str())
}

/// The same finding in two runs, and what differs in it that can decide.
fn changed(mixed: &MixedRun<'_>, report: &str, a: &Finding, b: &Finding) -> (FlipKind, String) {
    let name = described(b);
    let told = |what: &str, a: String, b: String| format!("{name}: {what} {a} -> {b}");
    let version = |finding: &Finding| finding.package.as_ref().map(|package| package.version.to_string());
    if version(a) != version(b) {
        let text = told("version", version(a).unwrap_or_default(), version(b).unwrap_or_default());
        return (FlipKind::Code, text);
    }
    let score = |finding: &Finding| finding.cvss.as_ref().map(|rating| format!("{rating:?}"));
    if a.severity != b.severity || score(a) != score(b) {
        let text = told("severity", a.severity.as_str().to_owned(), b.severity.as_str().to_owned());
        return (FlipKind::SeverityRescored, text);
    }
    if (a.kev, a.epss, a.exploit) != (b.kev, b.epss, b.exploit) {
        let shown = |finding: &Finding| {
            let epss = finding.epss.map_or_else(|| "unknown".to_owned(), |epss| epss.to_string());
            let kev = finding.kev.map_or("unknown", |kev| if kev { "exploited" } else { "not exploited" });
            format!("{kev} (EPSS {epss})")
        };
        return (FlipKind::Exploitation, told("known as", shown(a), shown(b)));
    }
    if a.fix != b.fix || a.fix_since != b.fix_since {
        return (
            FlipKind::FixKnown,
            told("fix", format!("{:?}", a.fix), format!("{:?}", b.fix)).to_lowercase(),
        );
    }
    if a.suppressed != b.suppressed {
        let shown = |finding: &Finding| if finding.suppressed { "suppressed" } else { "active" }.to_owned();
        return (FlipKind::Suppression, told("is", shown(a), shown(b)));
    }
    if a.state != b.state || a.first_seen != b.first_seen {
        let text = told("state", a.state.as_str().to_owned(), b.state.as_str().to_owned());
        return (FlipKind::Base, text);
    }
    let same_code = same_commit(mixed) || a.location == b.location;
    let kind = if same_code && other_tool(mixed, report) { FlipKind::ToolOrDatabase } else { FlipKind::Code };
    (kind, described(b))
}

/// Why one run has a finding and the other has not.
fn came(mixed: &MixedRun<'_>, report: &str, finding: &Finding, there: usize) -> FlipKind {
    let (absent, present) = (mixed.side(1 - there).now.as_second(), mixed.side(there).now.as_second());
    let advisory = finding.category == Category::Vulnerability && finding.package.is_some();
    let after = finding.published.is_some_and(|at| absent < at && at <= present);
    if advisory && (after || finding.state == State::NewlyDisclosed) {
        return FlipKind::AdvisoryDisclosed;
    }
    let was_there = same_commit(mixed) || advisory && had_package(mixed, report, finding, 1 - there);
    if !was_there {
        return FlipKind::Code;
    }
    if other_tool(mixed, report) || !advisory || there == 0 || finding.published.is_some() {
        return FlipKind::ToolOrDatabase;
    }
    FlipKind::AdvisoryDisclosed
}

/// Both runs are of one commit: code cannot be the reason.
fn same_commit(mixed: &MixedRun<'_>) -> bool {
    let [a, b] = &mixed.sides;
    a.about.commit.is_some() && a.about.commit == b.about.commit
}

/// The report of a run speaks of the same package in the same version.
fn had_package(mixed: &MixedRun<'_>, report: &str, finding: &Finding, side: usize) -> bool {
    let [a, b] = mixed.reports(report);
    let other = if side == 0 { a } else { b };
    let version = |finding: &Finding| finding.package.as_ref().map(|package| package.version.clone());
    other.is_some_and(|report| {
        report.findings.iter().any(|saved| {
            saved.finding.package_name() == finding.package_name()
                && version(&saved.finding) == version(finding)
        })
    })
}

/// The two reports are of different scanners, or versions of one.
fn other_tool(mixed: &MixedRun<'_>, report: &str) -> bool {
    let [a, b] = mixed.reports(report).map(|report| report.map(|report| report.report.tool));
    serde_json::to_value(a).ok() != serde_json::to_value(b).ok()
}
