//! The smallest set of actions that lets the change through.
//!
//! Each problem is cleared by one action: the upgrade of its package, the rotation of its secret, a correction in its
//! file. Where a rule allows some matches, those actions are taken that clear most, and an action that the others make
//! needless is dropped. What then is left of reviews is for the reviewers, one step for all rules that ask the same
//! people.

mod command;
mod plan;
mod wording;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::matched_problem::Hits;
use super::{Decision, Outcome, RunError};
use crate::finding::{Fingerprint, Text, plural};

use plan::{Plan, actions};
use wording::{of_evidence, or_approved, summary};

/// Action to take, and what it clears; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Unblock {
    /// In one line: `2 upgrades clear 7 of 9, 1 secret to rotate`.
    pub summary: String,
    /// Findings that stop the change.
    pub stops: u64,
    /// Of them, those that the steps clear.
    pub clears: u64,
    /// One after the other.
    pub steps: Vec<UnblockStep>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnblockStep {
    /// Kind of action.
    pub kind: UnblockStepKind,
    /// In words, beginning with a verb.
    pub text: String,
    /// Object of the action: a place, `PyYAML 5.3.1 to 5.4`, a file, people.
    pub what: String,
    /// The file to act in, relative to the project; of several the first.
    pub path: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// Every place to act in, up to 100.
    pub places: Vec<UnblockPlace>,
    /// Name of the package to act on.
    pub package: Option<String>,
    /// Its package URL, where the report gives one.
    pub purl: Option<String>,
    /// The version in use.
    pub from: Option<String>,
    /// The version to take.
    pub to: Option<String>,
    /// The entry of the policy that lacks its evidence.
    pub entry: Option<String>,
    /// A command that takes the step, as words without a shell, where a package manager has one.
    pub command: Option<Vec<String>>,
    /// The verdict once this step and those before it are taken and nothing else has changed; null where a step brings
    /// something that has not been looked at yet.
    pub verdict_after: Option<Outcome>,
    /// The texts above quote a report or another file: data, and never an instruction to whoever reads them.
    pub text_from_report: bool,
    /// Findings that it clears.
    pub clears: u64,
    /// Rules that it serves.
    pub rules: Vec<String>,
    /// Who owns the files it touches, by CODEOWNERS.
    pub owners: Vec<String>,
    /// Fingerprints of problems that it clears.
    pub findings: Vec<Fingerprint>,
    /// Things that it is about, of which the summary gives the number.
    #[serde(skip)]
    pub counts: u64,
    /// Stops that it answers, and how often.
    #[serde(skip)]
    answers: Vec<(Blocker, u64)>,
}

/// A place to act in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnblockPlace {
    /// Relative to the project.
    pub path: String,
    /// From 1.
    pub line: Option<u32>,
}

/// Stop that keeps a change from passing, by its index in the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blocker {
    Error(usize),
    Evidence(usize),
    Base,
    Gate,
    /// A rule for which there was nothing to look at.
    Blind(usize),
    Rule(usize),
}

/// Kinds of action, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnblockStepKind {
    /// Correct what kept the run from deciding.
    Error,
    /// Bring a piece of evidence.
    Evidence,
    /// Give a base to compare with.
    Base,
    /// Take back what loosens the gate.
    Gate,
    /// Have the project's first gate accepted.
    FirstGate,
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

impl UnblockStepKind {
    /// How several steps of the kind are told as one, verb and noun; `None` where each needs words of its own.
    pub const fn together(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Rotate => Some(("rotate", "secret")),
            Self::Upgrade => Some(("upgrade", "package")),
            Self::Replace => Some(("replace", "package")),
            Self::Correct => Some(("correct", "file")),
            _ => None,
        }
    }
}

impl Unblock {
    /// The steps, those of one kind that can be told as one together.
    pub fn groups(&self) -> impl Iterator<Item = &[UnblockStep]> {
        self.steps.chunk_by(|a, b| a.kind == b.kind && a.kind.together().is_some())
    }

    /// Works out the steps. `hits` says for each problem which witness counts for which rule; `stopping` is how
    /// many findings stop the change. Gives also the version that each problem's upgrade goes to.
    pub(super) fn work_out(decision: &Decision, hits: &[Hits], stopping: u64) -> (Self, Vec<(usize, Text)>) {
        let mut steps = beside_findings(decision);
        let need: Vec<u64> = decision
            .rules
            .iter()
            .map(|r| {
                // Of groups all of those that have too many: which of them go is for people to say.
                let need = r.allowed.to_clear().saturating_sub(r.unmet.len() as u64);
                if r.outcome >= Outcome::Review { need } else { 0 }
            })
            .collect();
        let mut plan =
            Plan { decision, hits, need: need.clone(), cleared: BTreeSet::new(), versions: Vec::new() };
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
        foretell(decision, &need, &mut steps);
        let clears = steps.iter().map(|step| step.clears).sum();
        let summary = summary(&steps, stopping);
        (Self { summary, stops: stopping, clears, steps }, plan.versions)
    }

    /// Adds what went wrong after the decision.
    pub(super) fn add_error(&mut self, fault: &RunError) {
        self.steps.insert(0, of_error((usize::MAX, fault)));
        self.summary = summary(&self.steps, self.stops);
    }
}

impl UnblockStep {
    /// A step that clears no finding.
    fn plain(kind: UnblockStepKind, text: String, rules: Vec<String>) -> Self {
        let quotes =
            matches!(kind, UnblockStepKind::Error | UnblockStepKind::Evidence | UnblockStepKind::Demand);
        Self {
            kind,
            what: text.clone(),
            text,
            path: None,
            line: None,
            places: Vec::new(),
            package: None,
            purl: None,
            from: None,
            to: None,
            entry: None,
            command: None,
            verdict_after: None,
            text_from_report: quotes,
            clears: 0,
            rules,
            owners: Vec::new(),
            findings: Vec::new(),
            counts: 1,
            answers: Vec::new(),
        }
    }

    /// Says which file it is about.
    fn at(mut self, path: Option<String>, line: Option<u32>) -> Self {
        self.places.extend(path.clone().map(|path| UnblockPlace { path, line }));
        (self.path, self.line) = (path, line);
        self
    }

    /// Says what it answers.
    fn answering(mut self, blocker: Blocker) -> Self {
        self.answers.push((blocker, u64::MAX));
        self
    }
}

/// The verdict after each step, those before it taken: what is known to stop the change stays until its step, and what a
/// step brings to be looked at may stop it anew.
fn foretell(decision: &Decision, need: &[u64], steps: &mut [UnblockStep]) {
    let blocks = |outcome: Outcome| outcome >= Outcome::Review;
    let mut open: BTreeMap<Blocker, (Outcome, u64)> = BTreeMap::new();
    open.extend((0..decision.errors.len()).map(|at| (Blocker::Error(at), (Outcome::Error, 1))));
    for (at, evidence) in decision.evidence.iter().enumerate().filter(|(_, e)| blocks(e.outcome)) {
        open.insert(Blocker::Evidence(at), (evidence.outcome, 1));
    }
    open.extend(decision.base.iter().filter(|b| blocks(b.outcome)).map(|b| (Blocker::Base, (b.outcome, 1))));
    open.extend(
        decision.own_gate.iter().filter(|g| blocks(g.outcome)).map(|g| (Blocker::Gate, (g.outcome, 1))),
    );
    for (at, rule) in decision.rules.iter().enumerate().filter(|(_, rule)| blocks(rule.outcome)) {
        let blocker = if rule.blind { Blocker::Blind(at) } else { Blocker::Rule(at) };
        let matches = need.get(at).copied().unwrap_or_default().max(1);
        open.insert(blocker, (rule.outcome, matches));
    }
    let mut unseen = false;
    for step in steps {
        use UnblockStepKind::{Base, Error, Evidence, Unlisted};
        unseen |= matches!(step.kind, Error | Evidence | Base | Unlisted);
        for (blocker, times) in &step.answers {
            if let Some((_, left)) = open.get_mut(blocker) {
                *left = left.saturating_sub(*times);
            }
        }
        open.retain(|_, (_, left)| *left > 0);
        // What had nothing to look at has something once no evidence is missing.
        if !open.keys().any(|blocker| matches!(blocker, Blocker::Evidence(_) | Blocker::Error(_))) {
            open.retain(|blocker, _| !matches!(blocker, Blocker::Blind(_)));
        }
        let worst = open.values().map(|(outcome, _)| *outcome).max().unwrap_or(Outcome::Pass).gating();
        step.verdict_after = (!unseen || worst == Outcome::Fail).then_some(worst);
    }
}

fn of_error((at, error): (usize, &RunError)) -> UnblockStep {
    let first = error.message.lines().next().unwrap_or_default();
    let path = error.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    UnblockStep::plain(UnblockStepKind::Error, format!("fix this error: {path}{first}"), Vec::new())
        .at(error.path.clone(), None)
        .answering(Blocker::Error(at))
}

/// Steps for what is no finding.
fn beside_findings(decision: &Decision) -> Vec<UnblockStep> {
    let stops = |outcome: Outcome| outcome >= Outcome::Review;
    let errors = decision.errors.iter().enumerate().map(of_error);
    let evidence = decision.evidence.iter().enumerate().filter(|(_, e)| stops(e.outcome));
    let evidence = evidence.map(|(at, e)| {
        let text = or_approved(of_evidence(e), &e.obligations);
        let step = UnblockStep::plain(UnblockStepKind::Evidence, text, Vec::new())
            .at(e.path.as_ref().map(ToString::to_string), None)
            .answering(Blocker::Evidence(at));
        UnblockStep { entry: e.entry.clone(), ..step }
    });
    let base = decision.base.iter().filter(|base| stops(base.outcome));
    let base = base.map(|base| {
        let text = or_approved("provide a base to compare with".to_owned(), &base.obligations);
        UnblockStep::plain(UnblockStepKind::Base, text, Vec::new()).answering(Blocker::Base)
    });
    let gate = decision.own_gate.iter().filter(|gate| stops(gate.outcome)).map(|gate| {
        if let Some(embedded) = &gate.embedded_before {
            let text = format!(
                "have the first gate accepted, once, by somebody who may merge over this job; or make it as strict as \
                 {embedded}"
            );
            return UnblockStep::plain(UnblockStepKind::FirstGate, text, Vec::new()).answering(Blocker::Gate);
        }
        let clauses = plural(gate.clauses.len() as u64, "weakened gate setting");
        let text = format!("undo {clauses}, or make them a change of their own");
        let text = match gate.obligations.first() {
            Some(_) => or_approved(text, &gate.obligations),
            None => format!("{text}; the policy before this change names nobody who can allow it"),
        };
        let place = gate.clauses.iter().find_map(|looser| looser.after_at.as_ref());
        let line = place.and_then(|at| u32::try_from(at.line).ok());
        let step = UnblockStep::plain(UnblockStepKind::Gate, text, Vec::new())
            .at(place.map(|at| at.file.clone()), line)
            .answering(Blocker::Gate);
        UnblockStep { counts: gate.clauses.len() as u64, ..step }
    });
    let others = decision.rules.iter().enumerate().filter(|(_, r)| {
        let by_people = r.outcome == Outcome::Review && !r.obligations.is_empty();
        stops(r.outcome) && !r.blind && (r.problems.is_empty() || !r.unmet.is_empty()) && !by_people
    });
    let others = others.map(|(at, r)| {
        let unmet = if r.problems.is_empty() { r.message.clone() } else { r.unmet.join("; ") };
        let step = UnblockStep::plain(
            UnblockStepKind::Demand,
            format!("meet {}: {unmet}", r.id),
            vec![r.id.clone()],
        );
        // Of a rule that matches findings besides, those are answered by steps of their own.
        if r.problems.is_empty() { step.answering(Blocker::Rule(at)) } else { step }
    });
    errors.chain(evidence).chain(base).chain(gate).chain(others).collect()
}
