//! The smallest set of actions that lets the change through.
//!
//! Each problem is cleared by one action: the upgrade of its package, the rotation of its secret, a correction in its
//! file. Where a rule allows some matches, those actions are taken that clear most, and an action that the others make
//! needless is dropped. What then is left of reviews is for the reviewers, one step for all rules that ask the same
//! people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::problem::Hits;
use super::{Decision, Evidence, Fault, Obligation, Outcome, Problem, Status};
use crate::finding::{Category, Finding, Fingerprint, Fix, Text, plural};

/// Places, owners and the like that one step names; the rest is counted.
const NAMED: usize = 4;
/// Fingerprints that one step holds.
const FINGERPRINTS: usize = 100;

/// What to do, and what it clears; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Unblock {
    /// In one line: `2 upgrades clear 7 of 9, 1 secret to rotate`.
    pub summary: String,
    /// Findings that stop the change.
    pub stops: u64,
    /// Of them, those that the steps clear.
    pub clears: u64,
    /// One after the other.
    pub steps: Vec<Step>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What kind of action.
    pub kind: StepKind,
    /// In words, beginning with a verb.
    pub text: String,
    /// What it is done to: a place, `PyYAML 5.3.1 to 5.4`, a file, people.
    pub what: String,
    /// Findings that it clears.
    pub clears: u64,
    /// Rules that it serves.
    pub rules: Vec<String>,
    /// Who owns the files it touches, by CODEOWNERS.
    pub owners: Vec<String>,
    /// Fingerprints of problems that it clears.
    pub findings: Vec<Fingerprint>,
}

/// Kinds of action, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Correct what kept the run from deciding.
    Error,
    /// Bring a piece of evidence.
    Evidence,
    /// Give a base to compare with.
    Base,
    /// Take back what loosens the gate.
    Gate,
    /// Meet a demand on something else than findings.
    Demand,
    /// Rotate a secret.
    Rotate,
    /// Upgrade a package.
    Upgrade,
    /// Take another package: there is no version without the problem, or none is known.
    Replace,
    /// Correct a file.
    Correct,
    /// Look at what is not listed.
    Unlisted,
    /// Have people approve.
    Approve,
}

/// Actions that clear problems, before some are chosen.
struct Action<'d> {
    kind: StepKind,
    problems: Vec<usize>,
    lead: &'d Finding,
}

/// What stands in the way, rule by rule.
struct Plan<'d> {
    decision: &'d Decision,
    hits: &'d [Hits],
    /// Matches too many, for each rule.
    need: Vec<u64>,
    cleared: BTreeSet<usize>,
}

impl StepKind {
    /// How several steps of the kind are told as one, verb and noun; `None` where each needs words of its own.
    pub const fn together(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Rotate => Some(("rotate", "secret")),
            Self::Upgrade => Some(("upgrade", "package")),
            Self::Replace => Some(("take another version or package for", "package")),
            Self::Correct => Some(("correct", "file")),
            _ => None,
        }
    }
}

impl Unblock {
    /// The steps, those of one kind that can be told as one together.
    pub fn groups(&self) -> impl Iterator<Item = &[Step]> {
        self.steps.chunk_by(|a, b| a.kind == b.kind && a.kind.together().is_some())
    }

    /// Works out the steps. `hits` says for each problem which witness counts for which rule; `stopping` is how
    /// many findings stop the change.
    pub(super) fn of(decision: &Decision, hits: &[Hits], stopping: u64) -> Self {
        let mut steps = beside_findings(decision);
        let need = decision
            .rules
            .iter()
            .map(|r| if r.outcome >= Outcome::Review { r.count.saturating_sub(r.allow) } else { 0 })
            .collect();
        let mut plan = Plan { decision, hits, need, cleared: BTreeSet::new() };
        let by_people = |r: usize| {
            decision.rules.get(r).is_some_and(|r| r.outcome == Outcome::Review && !r.obligations.is_empty())
        };
        let all = actions(decision);
        let by_hand: Vec<usize> = (0..decision.rules.len()).filter(|r| !by_people(*r)).collect();
        for action in plan.choose(&all, &by_hand) {
            steps.push(plan.step(action));
        }
        steps.extend(plan.unlisted(&by_hand));
        steps.extend(plan.approvals());
        steps.sort_by_key(|step| (step.kind, Reverse(step.clears)));
        let clears = steps.iter().map(|step| step.clears).sum();
        let summary = summary(&steps, stopping);
        Self { summary, stops: stopping, clears, steps }
    }

    /// Adds what went wrong after the decision.
    pub(super) fn add_error(&mut self, fault: &Fault) {
        self.steps.insert(0, of_error(fault));
        self.summary = summary(&self.steps, self.stops);
    }
}

impl<'d> Plan<'d> {
    /// Witnesses of a problem that count for a rule.
    fn hit(&self, problem: usize, rule: usize) -> u64 {
        let hits = self.hits.get(problem).map(Vec::as_slice).unwrap_or_default();
        hits.iter().filter(|(_, r)| *r == rule).count() as u64
    }

    /// Witnesses of a problem that count for one of these rules.
    fn witnesses(&self, problem: usize, rules: &[usize]) -> u64 {
        let hits = self.hits.get(problem).map(Vec::as_slice).unwrap_or_default();
        let mut seen: Vec<usize> =
            hits.iter().filter(|(_, rule)| rules.contains(rule)).map(|(witness, _)| *witness).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len() as u64
    }

    /// What a rule needs beyond what is cleared.
    fn left(&self, rule: usize) -> u64 {
        let cleared: u64 = self.cleared.iter().map(|&problem| self.hit(problem, rule)).sum();
        self.need.get(rule).copied().unwrap_or_default().saturating_sub(cleared)
    }

    /// The actions that these rules need, those that clear most first.
    fn choose<'a>(&mut self, all: &'a [Action<'d>], rules: &[usize]) -> Vec<&'a Action<'d>> {
        let mut left: Vec<u64> = rules.iter().map(|&rule| self.left(rule)).collect();
        let gains: Vec<Vec<u64>> = all
            .iter()
            .map(|a| rules.iter().map(|&rule| a.problems.iter().map(|&p| self.hit(p, rule)).sum()).collect())
            .collect();
        let gain = |at: usize, left: &[u64]| -> u64 {
            gains.get(at).map_or(0, |gains| gains.iter().zip(left).map(|(gain, left)| *gain.min(left)).sum())
        };
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|&at| Reverse(gain(at, &left)));
        let mut chosen: Vec<usize> = Vec::new();
        for &at in &order {
            if gain(at, &left) > 0 {
                chosen.push(at);
                let gains = gains.get(at).map(Vec::as_slice).unwrap_or_default();
                left.iter_mut().zip(gains).for_each(|(left, gain)| *left = left.saturating_sub(*gain));
            }
        }
        // An action that the later ones made needless is dropped, the least telling first.
        let first: Vec<u64> = rules.iter().map(|&rule| self.left(rule)).collect();
        let total = |chosen: &[usize], column: usize| -> u64 {
            chosen.iter().filter_map(|&at| gains.get(at)?.get(column)).sum()
        };
        let reach: Vec<u64> = (0..rules.len())
            .map(|column| total(&chosen, column).min(first.get(column).copied().unwrap_or_default()))
            .collect();
        for &at in order.iter().rev() {
            let without: Vec<usize> = chosen.iter().copied().filter(|&c| c != at).collect();
            let needless = without.len() < chosen.len()
                && reach.iter().enumerate().all(|(column, reach)| total(&without, column) >= *reach);
            if needless {
                chosen = without;
            }
        }
        let chosen: Vec<&Action<'d>> = chosen.into_iter().filter_map(|at| all.get(at)).collect();
        self.cleared.extend(chosen.iter().flat_map(|action| action.problems.iter().copied()));
        chosen
    }

    fn problems<'a>(&self, action: &'a Action<'_>) -> impl Iterator<Item = &'d Problem> + use<'a, 'd> {
        let decision = self.decision;
        action.problems.iter().filter_map(|&at| decision.findings.get(at))
    }

    fn step(&self, action: &Action<'d>) -> Step {
        let stopping: Vec<usize> =
            (0..self.need.len()).filter(|&rule| self.need.get(rule).is_some_and(|n| *n > 0)).collect();
        let served = |rule: &&usize| action.problems.iter().any(|&p| self.hit(p, **rule) > 0);
        let rules = stopping.iter().filter(served);
        let findings: Vec<&Finding> =
            self.problems(action).filter_map(|p| Some(&p.lead()?.finding)).collect();
        let (what, text) = told(action.kind, action.lead, &findings);
        Step {
            kind: action.kind,
            text,
            what,
            clears: action.problems.iter().map(|&p| self.witnesses(p, &stopping)).sum(),
            rules: rules.filter_map(|&rule| Some(self.decision.rules.get(rule)?.id.clone())).collect(),
            owners: owners(self.problems(action)),
            findings: findings.iter().take(FINGERPRINTS).map(|f| f.fingerprint).collect(),
        }
    }

    /// What is beyond the details that were kept.
    fn unlisted(&self, rules: &[usize]) -> Option<Step> {
        let rules: Vec<&super::RuleResult> = rules
            .iter()
            .filter(|&&rule| self.left(rule) > 0)
            .filter_map(|&rule| self.decision.rules.get(rule))
            .filter(|rule| !rule.problems.is_empty())
            .collect();
        let ids = rules.iter().map(|rule| rule.id.clone()).collect();
        let text = "look at the findings that are not listed; --max-findings lists more".to_owned();
        (!rules.is_empty()).then(|| Step::plain(StepKind::Unlisted, text, ids))
    }

    /// One step for all reviews that ask the same people.
    fn approvals(&self) -> Vec<Step> {
        let mut groups: Vec<(&Obligation, Vec<usize>)> = Vec::new();
        let reviews = |&at: &usize| {
            self.decision.rules.get(at).filter(|r| r.outcome == Outcome::Review)?.obligations.first()
        };
        let open = |at: &usize| {
            let rule = self.decision.rules.get(*at);
            self.left(*at) > 0 || rule.is_some_and(|r| r.count <= r.allow && !r.blind)
        };
        for at in (0..self.decision.rules.len()).filter(open) {
            let Some(obligation) = reviews(&at) else { continue };
            match groups.iter_mut().find(|(known, _)| known.asks_the_same(obligation)) {
                Some((_, rules)) => rules.push(at),
                None => groups.push((obligation, vec![at])),
            }
        }
        let told: BTreeSet<usize> = self.cleared.clone();
        let step = |(obligation, rules): (&Obligation, Vec<usize>)| {
            let left = (0..self.hits.len()).filter(|at| !told.contains(at));
            let left: Vec<usize> = left.filter(|&at| self.witnesses(at, &rules) > 0).collect();
            let of = |at: &usize| self.decision.findings.get(*at);
            Step {
                kind: StepKind::Approve,
                text: format!("have it approved by {obligation}"),
                what: obligation.to_string(),
                clears: left.iter().map(|&at| self.witnesses(at, &rules)).sum(),
                rules: rules.iter().filter_map(|&r| Some(self.decision.rules.get(r)?.id.clone())).collect(),
                owners: owners(left.iter().filter_map(of)),
                findings: left
                    .iter()
                    .filter_map(|at| Some(of(at)?.lead()?.finding.fingerprint))
                    .take(FINGERPRINTS)
                    .collect(),
            }
        };
        groups.into_iter().map(step).collect()
    }
}

impl Step {
    /// A step that clears no finding.
    fn plain(kind: StepKind, text: String, rules: Vec<String>) -> Self {
        let what = text.clone();
        Self { kind, text, what, clears: 0, rules, owners: Vec::new(), findings: Vec::new() }
    }
}

fn of_error(error: &Fault) -> Step {
    let first = error.message.lines().next().unwrap_or_default();
    let path = error.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    Step::plain(StepKind::Error, format!("correct this: {path}{first}"), Vec::new())
}

/// Steps for what is no finding.
fn beside_findings(decision: &Decision) -> Vec<Step> {
    let stops = |outcome: Outcome| outcome >= Outcome::Review;
    let errors = decision.errors.iter().map(of_error);
    let evidence = decision.evidence.iter().filter(|e| stops(e.outcome));
    let evidence = evidence
        .map(|e| Step::plain(StepKind::Evidence, or_approved(of_evidence(e), &e.obligations), Vec::new()));
    let base = decision.base.iter().filter(|base| stops(base.outcome));
    let base = base.map(|base| {
        let text = or_approved("give a base to compare with".to_owned(), &base.obligations);
        Step::plain(StepKind::Base, text, Vec::new())
    });
    let gate = decision.own_gate.iter().filter(|gate| stops(gate.outcome)).map(|gate| {
        let text = "take what loosens the gate out, into a change of its own".to_owned();
        let text = match gate.obligations.first() {
            Some(_) => or_approved(text, &gate.obligations),
            None => format!("{text}; the policy before this change names nobody who can allow it"),
        };
        Step::plain(StepKind::Gate, text, Vec::new())
    });
    let others = decision.rules.iter().filter(|r| {
        let by_people = r.outcome == Outcome::Review && !r.obligations.is_empty();
        stops(r.outcome) && !r.blind && r.problems.is_empty() && !by_people
    });
    let others = others
        .map(|r| Step::plain(StepKind::Demand, format!("meet {}: {}", r.id, r.message), vec![r.id.clone()]));
    errors.chain(evidence).chain(base).chain(gate).chain(others).collect()
}

/// What people may let be instead.
fn or_approved(step: String, obligations: &[Obligation]) -> String {
    match obligations.first() {
        Some(obligation) => format!("{step}, or have it approved by {obligation}"),
        None => step,
    }
}

fn of_evidence(evidence: &Evidence) -> String {
    let name = evidence.entry.as_ref().map_or_else(String::new, |entry| format!(" for {entry}"));
    let path = evidence.path.as_ref().map_or("", |path| path.as_str());
    match evidence.status {
        Status::Absent => {
            format!("save the report{name} where the policy looks for it ({})", evidence.message)
        }
        Status::Unreadable => format!("make {path}{name} again; it is no report that can be relied on"),
        Status::Failed | Status::Incomplete => {
            format!("see why the scan behind {path}{name} was not whole, and run it again")
        }
        Status::NothingScanned => {
            format!("point the scan behind {path}{name} at something, or say `nothing_scanned: warn`")
        }
        Status::Stale => format!("run the scan behind {path}{name} again; the report is too old"),
        Status::Foreign => format!("scan{name} what this run is about, instead of what {path} is about"),
        Status::Complete | Status::Ignored => format!("see to {path}{name}: {}", evidence.message),
    }
}

/// One action for each problem that counts for a rule that stops the change, in output order.
fn actions(decision: &Decision) -> Vec<Action<'_>> {
    let stops =
        |at: usize| decision.rules.iter().any(|r| r.outcome >= Outcome::Review && r.problems.contains(&at));
    let mut all: Vec<Action<'_>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, problem) in decision.findings.iter().enumerate().filter(|(at, _)| stops(*at)) {
        let Some(lead) = problem.lead() else { continue };
        let finding = &lead.finding;
        let kind = match (finding.category, finding.fix) {
            (Category::Secret, _) => StepKind::Rotate,
            (Category::Vulnerability, Fix::Available) if target_version(&[finding]).is_some() => {
                StepKind::Upgrade
            }
            (Category::Vulnerability | Category::License, _) => StepKind::Replace,
            _ => StepKind::Correct,
        };
        let keys = keys(kind, problem);
        let joined = keys.iter().find_map(|key| known.get(key)).copied();
        let index = joined.unwrap_or(all.len());
        match all.get_mut(index) {
            Some(action) => action.problems.push(at),
            None => all.push(Action { kind, problems: vec![at], lead: finding }),
        }
        for key in keys {
            known.entry(key).or_insert(index);
        }
    }
    all
}

/// What makes two problems one piece of work.
fn keys(kind: StepKind, problem: &Problem) -> Vec<String> {
    let Some(lead) = problem.lead() else { return Vec::new() };
    let finding = &lead.finding;
    let place = || {
        let at = finding.location.as_ref();
        let line = at.and_then(|l| l.line).map(|line| line.to_string()).unwrap_or_default();
        at.map_or_else(|| finding.fingerprint.to_string(), |l| format!("{}\0{line}", l.path))
    };
    match kind {
        // The same value in several places is rotated once; what several tools see in one line is one secret.
        StepKind::Rotate => {
            let marks = problem.witnesses.iter().filter_map(|witness| witness.finding.mark);
            marks
                .map(|mark| format!("mark\0{}", mark.digits()))
                .chain([format!("place\0{}", place())])
                .collect()
        }
        StepKind::Upgrade | StepKind::Replace => {
            let package = finding.package.as_ref().map_or("", |package| package.name.as_str());
            let name = package.to_ascii_lowercase().replace(['_', '.'], "-");
            vec![if name.is_empty() { place() } else { format!("{kind:?}\0{name}") }]
        }
        _ => {
            let target = finding.target.as_ref().map_or("", |target| target.as_str());
            vec![format!("file\0{}", finding.path().unwrap_or(target))]
        }
    }
}

/// What an action is done to, and the action in words.
fn told(kind: StepKind, lead: &Finding, findings: &[&Finding]) -> (String, String) {
    let package = match &lead.package {
        Some(package) => format!("{} {}", package.name, package.version).trim_end().to_owned(),
        None => lead.rule_id.to_string(),
    };
    let places = places(findings);
    match kind {
        StepKind::Rotate => (places.clone(), format!("rotate the secret in {places}")),
        StepKind::Upgrade => {
            let what = format!("{package} to {}", target_version(findings).unwrap_or_default());
            let at = if places.is_empty() { String::new() } else { format!(" ({places})") };
            let text = format!("upgrade {what}{at}");
            (what, text)
        }
        StepKind::Replace if lead.category == Category::License => {
            let text = format!("take another package than {package}, or have its licence allowed");
            (package, text)
        }
        StepKind::Replace => {
            let why = if lead.fix == Fix::None { "has no fix yet" } else { "names no fixed version" };
            let text = format!("take another version or package than {package}, which {why}");
            (package, text)
        }
        _ if places.is_empty() => {
            let what = lead.rule_id.to_string();
            let text = format!("correct what {what} says");
            (what, text)
        }
        _ => (places.clone(), format!("correct {places}")),
    }
}

/// `src/a.py:3, 9, src/b.py:1 and 2 more`.
fn places(findings: &[&Finding]) -> String {
    let mut files: Vec<(&str, Vec<u32>)> = Vec::new();
    for finding in findings {
        let target = finding.target.as_ref().map(Text::as_str);
        let Some(path) = finding.path().or(target) else { continue };
        let line = finding.location.as_ref().and_then(|l| l.line);
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lines)) => lines.extend(line),
            None => files.push((path, line.into_iter().collect())),
        }
    }
    let mut told: Vec<String> = Vec::new();
    for (path, mut lines) in files.iter().cloned() {
        lines.sort_unstable();
        lines.dedup();
        let more = lines.len().saturating_sub(2 * NAMED);
        let first: Vec<String> = lines.iter().take(2 * NAMED).map(u32::to_string).collect();
        let more =
            if more > 0 { format!(" and {}", plural(more as u64, "more line")) } else { String::new() };
        told.push(if first.is_empty() {
            path.to_owned()
        } else {
            format!("{path}:{}{more}", first.join(", "))
        });
    }
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    let more = if more > 0 { format!(" and {}", plural(more as u64, "more file")) } else { String::new() };
    format!("{}{more}", told.join("; "))
}

/// The lowest version that holds the fixes of all these findings. Where an advisory names fixes of several branches, one
/// of the version's own branch or the highest of them is demanded.
fn target_version(findings: &[&Finding]) -> Option<String> {
    let lists: Vec<Vec<&str>> = findings
        .iter()
        .filter_map(|finding| finding.package.as_ref())
        .map(|package| package.fixed.iter().map(Text::as_str).filter(|v| !natural(v).is_empty()).collect())
        .filter(|list: &Vec<&str>| !list.is_empty())
        .collect();
    let mut candidates: Vec<&str> = lists.iter().flatten().copied().collect();
    candidates.sort_by_key(|version| (natural(version), *version));
    let installed =
        findings.iter().filter_map(|f| f.package.as_ref()).map(|p| natural(p.version.as_str())).max();
    let newer = |version: &&&str| installed.as_ref().is_none_or(|installed| natural(version) > *installed);
    let holds = |version: &str, fixed: &[&str]| {
        let is = natural(version);
        let highest = fixed.iter().map(|f| natural(f)).max();
        let branch = |numbers: &[u64]| numbers.split_last().map(|(_, branch)| branch.to_vec());
        highest.is_some_and(|highest| is >= highest)
            || fixed.iter().map(|f| natural(f)).any(|fixed| is >= fixed && branch(&is) == branch(&fixed))
    };
    let all = |version: &&&str| lists.iter().all(|fixed| holds(version, fixed));
    let best = candidates.iter().filter(newer).find(all).or(candidates.last());
    best.map(|version| (*version).to_owned())
}

/// A version's numbers, for choosing one of several: what each ecosystem means by an order is not asked here.
fn natural(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// Everybody who owns one of the problems' files, each once, in the order of the problems.
fn owners<'d>(problems: impl Iterator<Item = &'d Problem>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for owner in problems.flat_map(|problem| &problem.owners) {
        if !all.contains(owner) {
            all.push(owner.clone());
        }
    }
    all
}

/// `2 upgrades clear 7 of 9, 1 secret to rotate, 1 needs role:appsec`.
fn summary(steps: &[Step], stopping: u64) -> String {
    let of = |kind: StepKind| steps.iter().filter(move |step| step.kind == kind);
    let count = |kind: StepKind| of(kind).count() as u64;
    let mut parts = Vec::new();
    let upgrades = count(StepKind::Upgrade);
    if upgrades > 0 {
        let cleared: u64 = of(StepKind::Upgrade).map(|step| step.clears).sum();
        let verb = if upgrades == 1 { "clears" } else { "clear" };
        parts.push(format!("{} {verb} {cleared} of {stopping}", plural(upgrades, "upgrade")));
    }
    for (kind, noun, what) in [
        (StepKind::Error, "error", "to correct"),
        (StepKind::Evidence, "report", "to bring"),
        (StepKind::Base, "base", "to give"),
        (StepKind::Gate, "looser gate", "to take back"),
        (StepKind::Demand, "demand", "to meet"),
        (StepKind::Rotate, "secret", "to rotate"),
        (StepKind::Replace, "package", "to replace"),
        (StepKind::Correct, "file", "to correct"),
    ] {
        if count(kind) > 0 {
            parts.push(format!("{} {what}", plural(count(kind), noun)));
        }
    }
    if count(StepKind::Unlisted) > 0 {
        parts.push("more that is not listed".to_owned());
    }
    for step in of(StepKind::Approve) {
        let verb = if step.clears == 1 { "needs" } else { "need" };
        let by = &step.what;
        let part = if step.clears == 0 {
            format!("approval by {by}")
        } else {
            format!("{} {verb} {by}", step.clears)
        };
        parts.push(part);
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Package, Severity};

    fn vulnerable(installed: &str, fixed: &[&str]) -> Finding {
        let mut finding = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", Severity::High);
        let fixed = fixed.iter().map(|version| Text::line(version)).collect();
        finding.package = Some(Package {
            name: Text::line("p"),
            version: Text::line(installed),
            fixed,
            ..Package::default()
        });
        finding
    }

    fn target(findings: &[Finding]) -> String {
        target_version(&findings.iter().collect::<Vec<_>>()).unwrap_or_default()
    }

    #[test]
    fn one_upgrade_holds_all_fixes() {
        assert_eq!(
            target(&[vulnerable("4.17.11", &["4.17.12"]), vulnerable("4.17.11", &["4.17.21"])]),
            "4.17.21"
        );
        // Fixes of several branches: the own one is enough, whatever their order.
        assert_eq!(target(&[vulnerable("2.2.2", &["2.3.2", "2.2.5"])]), "2.2.5");
        assert_eq!(target(&[vulnerable("2.3.0", &["2.3.2", "2.2.5"])]), "2.3.2");
        // 2.3.0 holds the second, and of the first only what 2.3.2 holds.
        let both = [vulnerable("2.2.2", &["2.2.5", "2.3.2"]), vulnerable("2.2.2", &["2.3.0"])];
        assert_eq!(target(&both), "2.3.2");
        assert_eq!(target(&[vulnerable("1.0", &[])]), "");
        assert_eq!(target(&[vulnerable("1", &["10", "9"])]), "9");
    }

    #[test]
    fn places_are_few() {
        let at = |path: &str, line: u32| {
            let mut finding = Finding::new(Category::Sast, "t", "r", Severity::High);
            finding.location = crate::finding::Location::new(path, Some(line), None, &[]);
            finding
        };
        let all = [at("a.py", 9), at("a.py", 3), at("b.py", 1), at("a.py", 9)];
        assert_eq!(places(&all.iter().collect::<Vec<_>>()), "a.py:3, 9; b.py:1");
        let many: Vec<Finding> = (1..60).map(|n| at(&format!("{}.py", n % 6), n)).collect();
        let told = places(&many.iter().collect::<Vec<_>>());
        assert!(told.contains("and 2 more lines") && told.ends_with("and 2 more files"), "{told}");
    }
}
