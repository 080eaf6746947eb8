//! The smallest set of actions that lets the change through.
//!
//! Each problem is cleared by one action: the upgrade of its package, the rotation of its secret, a correction in its
//! file. Where a rule allows some matches, those actions are taken that clear most, and an action that the others make
//! needless is dropped. What then is left of reviews is for the reviewers, one step for all rules that ask the same
//! people.

mod plan;
mod wording;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Serialize;

use super::matched_problem::Hits;
use super::{Decision, Outcome, RunError};
use crate::finding::{Fingerprint, Text};

use plan::{Plan, actions};
use wording::{of_evidence, or_approved, summary};

/// Action to take, and what it clears; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Default, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnblockStep {
    /// Kind of action.
    pub kind: UnblockStepKind,
    /// In words, beginning with a verb.
    pub text: String,
    /// Object of the action: a place, `PyYAML 5.3.1 to 5.4`, a file, people.
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
pub enum UnblockStepKind {
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

impl UnblockStepKind {
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
    pub fn groups(&self) -> impl Iterator<Item = &[UnblockStep]> {
        self.steps.chunk_by(|a, b| a.kind == b.kind && a.kind.together().is_some())
    }

    /// Works out the steps. `hits` says for each problem which witness counts for which rule; `stopping` is how
    /// many findings stop the change. Gives also the version that each problem's upgrade goes to.
    pub(super) fn work_out(decision: &Decision, hits: &[Hits], stopping: u64) -> (Self, Vec<(usize, Text)>) {
        let mut steps = beside_findings(decision);
        let need = decision
            .rules
            .iter()
            .map(|r| {
                let others = r.allow.saturating_add(r.unmet.len() as u64);
                if r.outcome >= Outcome::Review { r.count.saturating_sub(others) } else { 0 }
            })
            .collect();
        let mut plan = Plan { decision, hits, need, cleared: BTreeSet::new(), versions: Vec::new() };
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
        (Self { summary, stops: stopping, clears, steps }, plan.versions)
    }

    /// Adds what went wrong after the decision.
    pub(super) fn add_error(&mut self, fault: &RunError) {
        self.steps.insert(0, of_error(fault));
        self.summary = summary(&self.steps, self.stops);
    }
}

impl UnblockStep {
    /// A step that clears no finding.
    fn plain(kind: UnblockStepKind, text: String, rules: Vec<String>) -> Self {
        let what = text.clone();
        Self { kind, text, what, clears: 0, rules, owners: Vec::new(), findings: Vec::new() }
    }
}

fn of_error(error: &RunError) -> UnblockStep {
    let first = error.message.lines().next().unwrap_or_default();
    let path = error.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    UnblockStep::plain(UnblockStepKind::Error, format!("correct this: {path}{first}"), Vec::new())
}

/// Steps for what is no finding.
fn beside_findings(decision: &Decision) -> Vec<UnblockStep> {
    let stops = |outcome: Outcome| outcome >= Outcome::Review;
    let errors = decision.errors.iter().map(of_error);
    let evidence = decision.evidence.iter().filter(|e| stops(e.outcome));
    let evidence = evidence.map(|e| {
        UnblockStep::plain(UnblockStepKind::Evidence, or_approved(of_evidence(e), &e.obligations), Vec::new())
    });
    let base = decision.base.iter().filter(|base| stops(base.outcome));
    let base = base.map(|base| {
        let text = or_approved("give a base to compare with".to_owned(), &base.obligations);
        UnblockStep::plain(UnblockStepKind::Base, text, Vec::new())
    });
    let gate = decision.own_gate.iter().filter(|gate| stops(gate.outcome)).map(|gate| {
        let text = "take what loosens the gate out, into a change of its own".to_owned();
        let text = match gate.obligations.first() {
            Some(_) => or_approved(text, &gate.obligations),
            None => format!("{text}; the policy before this change names nobody who can allow it"),
        };
        UnblockStep::plain(UnblockStepKind::Gate, text, Vec::new())
    });
    let others = decision.rules.iter().filter(|r| {
        let by_people = r.outcome == Outcome::Review && !r.obligations.is_empty();
        stops(r.outcome) && !r.blind && (r.problems.is_empty() || !r.unmet.is_empty()) && !by_people
    });
    let others = others.map(|r| {
        let unmet = if r.problems.is_empty() { r.message.clone() } else { r.unmet.join("; ") };
        UnblockStep::plain(UnblockStepKind::Demand, format!("meet {}: {unmet}", r.id), vec![r.id.clone()])
    });
    errors.chain(evidence).chain(base).chain(gate).chain(others).collect()
}
