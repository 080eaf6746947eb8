//! Which actions clear the problems that stop the change, and what is left for reviewers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::command::upgrade_command;
use super::wording::describe_step;
use super::{Blocker, UnblockPlace, UnblockStep, UnblockStepKind};
use crate::decide::matched_problem::Hits;
use crate::decide::{Decision, MatchedProblem, Obligation, Outcome, RuleResult};
use crate::finding::{Category, Finding, Fix, PackageName, Text, loose, upgrade_target};

/// Fingerprints that one step holds.
const FINGERPRINTS: usize = 100;
/// Places that one step holds.
const PLACES: usize = 100;

/// Actions that clear problems, before some are chosen.
pub(super) struct CandidateAction<'d> {
    kind: UnblockStepKind,
    problems: Vec<usize>,
    lead: &'d Finding,
}

/// Blocking findings, rule by rule.
pub(super) struct Plan<'d> {
    pub(super) decision: &'d Decision,
    pub(super) hits: &'d [Hits],
    /// Matches too many, for each rule.
    pub(super) need: Vec<u64>,
    pub(super) cleared: BTreeSet<usize>,
    /// The version that each problem's upgrade goes to.
    pub(super) versions: Vec<(usize, Text)>,
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

    /// Input that a rule needs beyond what is cleared.
    fn left(&self, rule: usize) -> u64 {
        let cleared: u64 = self.cleared.iter().map(|&problem| self.hit(problem, rule)).sum();
        self.need.get(rule).copied().unwrap_or_default().saturating_sub(cleared)
    }

    /// The actions that these rules need, those that clear most first.
    pub(super) fn choose<'a>(
        &mut self,
        all: &'a [CandidateAction<'d>],
        rules: &[usize],
    ) -> Vec<&'a CandidateAction<'d>> {
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
        let chosen: Vec<&CandidateAction<'d>> = chosen.into_iter().filter_map(|at| all.get(at)).collect();
        self.cleared.extend(chosen.iter().flat_map(|action| action.problems.iter().copied()));
        chosen
    }

    fn problems<'a>(
        &self,
        action: &'a CandidateAction<'_>,
    ) -> impl Iterator<Item = &'d MatchedProblem> + use<'a, 'd> {
        let decision = self.decision;
        action.problems.iter().filter_map(|&at| decision.findings.get(at))
    }

    pub(super) fn step(&mut self, action: &CandidateAction<'d>) -> UnblockStep {
        let stopping: Vec<usize> =
            (0..self.need.len()).filter(|&rule| self.need.get(rule).is_some_and(|n| *n > 0)).collect();
        let served = |rule: &&usize| action.problems.iter().any(|&p| self.hit(p, **rule) > 0);
        let rules: Vec<usize> = stopping.iter().filter(served).copied().collect();
        let findings: Vec<&Finding> =
            self.problems(action).filter_map(|p| Some(&p.lead()?.finding)).collect();
        let (what, text) = describe_step(action.kind, action.lead, &findings);
        if let Some(version) = upgrade_target(&findings).filter(|_| action.kind == UnblockStepKind::Upgrade) {
            self.versions.extend(action.problems.iter().map(|&problem| (problem, version.clone())));
        }
        let places = places(&findings);
        let package = action.lead.package.as_ref().filter(|package| !package.name.is_empty());
        let package =
            package.filter(|_| matches!(action.kind, UnblockStepKind::Upgrade | UnblockStepKind::Replace));
        let to = upgrade_target(&findings).filter(|_| action.kind == UnblockStepKind::Upgrade);
        let cleared = |&rule: &usize| {
            let times = action.problems.iter().map(|&problem| self.hit(problem, rule)).sum();
            (Blocker::Rule(rule), times)
        };
        let rule_ids = rules.iter().filter_map(|&rule| Some(self.decision.rules.get(rule)?.id.clone()));
        UnblockStep {
            what,
            path: places.first().map(|place| place.path.clone()),
            line: places.first().and_then(|place| place.line),
            places,
            package: package.map(|package| package.name.to_string()),
            purl: package.and_then(|package| package.purl.as_ref()).map(ToString::to_string),
            from: package.map(|package| package.version.to_string()).filter(|version| !version.is_empty()),
            command: to.as_ref().and_then(|to| upgrade_command(action.lead, to.as_str())),
            to: to.map(|version| version.to_string()),
            text_from_report: true,
            clears: action.problems.iter().map(|&p| self.witnesses(p, &stopping)).sum(),
            owners: owners(self.problems(action)),
            findings: findings.iter().take(FINGERPRINTS).map(|f| f.fingerprint).collect(),
            answers: rules.iter().map(cleared).collect(),
            ..UnblockStep::plain(action.kind, text, rule_ids.collect())
        }
    }

    /// Findings beyond the details that were kept.
    pub(super) fn unlisted(&self, rules: &[usize]) -> Option<UnblockStep> {
        let rules: Vec<(usize, &RuleResult)> = rules
            .iter()
            .filter(|&&rule| self.left(rule) > 0)
            .filter_map(|&rule| Some((rule, self.decision.rules.get(rule)?)))
            .filter(|(_, rule)| !rule.problems.is_empty())
            .collect();
        let ids = rules.iter().map(|(_, rule)| rule.id.clone()).collect();
        let text = "look at the findings that are not listed; --max-findings lists more".to_owned();
        (!rules.is_empty()).then(|| UnblockStep {
            answers: rules.iter().map(|(rule, _)| (Blocker::Rule(*rule), u64::MAX)).collect(),
            ..UnblockStep::plain(UnblockStepKind::Unlisted, text, ids)
        })
    }

    /// One step for all reviews that ask the same people.
    pub(super) fn approvals(&self) -> Vec<UnblockStep> {
        let mut groups: Vec<(&Obligation, Vec<usize>)> = Vec::new();
        let reviews = |&at: &usize| {
            self.decision.rules.get(at).filter(|r| r.outcome == Outcome::Review)?.obligations.first()
        };
        let open = |at: &usize| {
            let rule = self.decision.rules.get(*at);
            self.left(*at) > 0 || rule.is_some_and(|r| r.allowed.over == 0 && !r.blind)
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
            let ids = rules.iter().filter_map(|&r| Some(self.decision.rules.get(r)?.id.clone())).collect();
            let text = format!("have it approved by {obligation}");
            UnblockStep {
                what: obligation.to_string(),
                clears: left.iter().map(|&at| self.witnesses(at, &rules)).sum(),
                owners: owners(left.iter().filter_map(of)),
                answers: rules.iter().map(|&rule| (Blocker::Rule(rule), u64::MAX)).collect(),
                findings: left
                    .iter()
                    .filter_map(|at| Some(of(at)?.lead()?.finding.fingerprint))
                    .take(FINGERPRINTS)
                    .collect(),
                ..UnblockStep::plain(UnblockStepKind::Approve, text, ids)
            }
        };
        groups.into_iter().map(step).collect()
    }
}

/// One action for each problem that counts for a rule that stops the change, in output order.
pub(super) fn actions(decision: &Decision) -> Vec<CandidateAction<'_>> {
    let stops =
        |at: usize| decision.rules.iter().any(|r| r.outcome >= Outcome::Review && r.problems.contains(&at));
    let mut all: Vec<CandidateAction<'_>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, problem) in decision.findings.iter().enumerate().filter(|(at, _)| stops(*at)) {
        let Some(lead) = problem.lead() else { continue };
        let finding = &lead.finding;
        let kind = match (finding.category, finding.fix) {
            (Category::Secret, _) => UnblockStepKind::Rotate,
            (Category::Vulnerability, Fix::Available) if upgrade_target(&[finding]).is_some() => {
                UnblockStepKind::Upgrade
            }
            (Category::Vulnerability | Category::License, _) => UnblockStepKind::Replace,
            _ => UnblockStepKind::Correct,
        };
        let keys = keys(kind, problem);
        let joined = keys.iter().find_map(|key| known.get(key)).copied();
        let index = joined.unwrap_or(all.len());
        match all.get_mut(index) {
            Some(action) => action.problems.push(at),
            None => all.push(CandidateAction { kind, problems: vec![at], lead: finding }),
        }
        for key in keys {
            known.entry(key).or_insert(index);
        }
    }
    all
}

/// Key under which two problems are one piece of work.
fn keys(kind: UnblockStepKind, problem: &MatchedProblem) -> Vec<String> {
    let Some(lead) = problem.lead() else { return Vec::new() };
    let finding = &lead.finding;
    let place = || {
        let at = finding.location.as_ref();
        let line = at.and_then(|l| l.line).map(|line| line.to_string()).unwrap_or_default();
        at.map_or_else(|| finding.fingerprint.to_string(), |l| format!("{}\0{line}", l.path.real()))
    };
    match kind {
        // The same value in several places is rotated once; what several tools see in one line is one secret.
        UnblockStepKind::Rotate => {
            let marks = problem.witnesses.iter().filter_map(|witness| witness.finding.mark);
            marks
                .map(|mark| format!("mark\0{}", mark.digits()))
                .chain([format!("place\0{}", place())])
                .collect()
        }
        UnblockStepKind::Upgrade | UnblockStepKind::Replace => {
            let Some(PackageName { ecosystem, name }) = finding.package_name().filter(|p| !p.name.is_empty())
            else {
                return vec![place()];
            };
            let name = if ecosystem.is_some() { name } else { loose(&name) };
            vec![format!("{kind:?}\0{}\0{name}", ecosystem.unwrap_or_default())]
        }
        _ => {
            let target = finding.target.as_ref().map_or("", |target| target.real());
            vec![format!("file\0{}", finding.path().unwrap_or(target))]
        }
    }
}

/// Where these findings are, each place once, in their order.
fn places(findings: &[&Finding]) -> Vec<UnblockPlace> {
    let mut all: Vec<UnblockPlace> = Vec::new();
    for at in findings.iter().filter_map(|finding| finding.location.as_ref()) {
        let place = UnblockPlace { path: at.path.to_string(), line: at.line };
        if all.len() < PLACES && !all.contains(&place) {
            all.push(place);
        }
    }
    all
}

/// Everybody who owns one of the problems' files, each once, in the order of the problems.
fn owners<'d>(problems: impl Iterator<Item = &'d MatchedProblem>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for owner in problems.flat_map(|problem| &problem.owners) {
        if !all.contains(owner) {
            all.push(owner.clone());
        }
    }
    all
}
