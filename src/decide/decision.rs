//! What a run decided, and the verdict over all of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BaseResult, Counts, Evidence, Matched, Outcome, OwnGate, Problem, RuleResult, Shown, Unblock,
    WaiverResult, Watched, digest, exit_code,
};
use crate::finding::{Category, Text};
use crate::policy::{Enforcement, PolicyFile};
use crate::relate::BaseEntry;

/// Everything a run decided, ready to be told in any format.
#[derive(Debug)]
pub struct Decision {
    /// The gate, such as `merge`.
    pub gate: String,
    /// The policy's title.
    pub title: String,
    /// Pass, review, error or fail.
    pub verdict: Outcome,
    /// What the process ends with.
    pub exit_code: u8,
    /// False under advisory enforcement.
    pub enforced: bool,
    /// The run's clock.
    pub evaluated_at: Timestamp,
    /// Source and SHA-256 of the policy; `None` where it could not be read.
    pub policy: Option<(String, String)>,
    /// Other files that are part of the policy.
    pub policy_files: Vec<PolicyFile>,
    /// The policies that it extends, the nearest first.
    pub policy_extends: Vec<PolicyFile>,
    /// The surroundings.
    pub context: Shown,
    /// What was on the table.
    pub evidence: Vec<Evidence>,
    /// What the change was compared with, where the policy has a base.
    pub base: Option<BaseResult>,
    /// Findings of the base that are gone, worst first, up to a cap.
    pub fixed: Vec<BaseEntry>,
    /// What the change does to the gate itself, where something says what it was.
    pub own_gate: Option<OwnGate>,
    /// The rules in the policy's order.
    pub rules: Vec<RuleResult>,
    /// Active findings of all reports.
    pub counts: Counts,
    /// Problems that rules matched, worst first, up to a cap a rule.
    pub findings: Vec<Problem>,
    /// SHA-256 over the sorted fingerprints of all findings that stop the change.
    pub findings_digest: String,
    /// Active findings that no rule looked at, by category.
    pub unmatched: Vec<(Category, Counts)>,
    /// Suppressed findings that no rule looked at, worst first, up to a cap; [`Counts::suppressed`] counts all.
    pub suppressed: Vec<Arc<Matched>>,
    /// Active findings that were there before and that no rule looked at, worst first, up to a cap.
    pub known: Vec<Arc<Matched>>,
    /// The waivers of this gate, sorted by id.
    pub waivers: Vec<WaiverResult>,
    /// Emergency waivers that hold, a line each, which every output shows.
    pub emergencies: Vec<String>,
    /// What kept the run from deciding.
    pub errors: Vec<Fault>,
    /// The findings that somebody asks about.
    pub watched: Vec<Watched>,
    /// The smallest set of actions that lets the change through.
    pub unblock: Unblock,
}

/// Something that kept the run from deciding.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// The file concerned.
    pub path: Option<String>,
    /// One line first, detail below.
    pub message: String,
}

/// A run that could not begin to decide.
pub fn undecided(gate: &str, now: Timestamp, context: Shown, errors: Vec<Fault>) -> Decision {
    let mut decision = Decision {
        gate: gate.to_owned(),
        title: gate.to_owned(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        enforced: true,
        evaluated_at: now,
        policy: None,
        policy_files: Vec::new(),
        policy_extends: Vec::new(),
        context,
        evidence: Vec::new(),
        own_gate: None,
        base: None,
        fixed: Vec::new(),
        rules: Vec::new(),
        counts: Counts::default(),
        findings: Vec::new(),
        findings_digest: digest(&[]),
        unmatched: Vec::new(),
        suppressed: Vec::new(),
        known: Vec::new(),
        waivers: Vec::new(),
        emergencies: Vec::new(),
        errors,
        watched: Vec::new(),
        unblock: Unblock::default(),
    };
    decision.settle();
    decision.unblock = Unblock::of(&decision, &[], 0).0;
    decision
}

impl Decision {
    /// Verdict and exit code from all outcomes: the worst wins.
    pub(super) fn settle(&mut self) {
        let errors = self.errors.iter().map(|_| Outcome::Error);
        let all = self
            .rules
            .iter()
            .map(|r| r.outcome)
            .chain(self.evidence.iter().map(|e| e.outcome))
            .chain(self.own_gate.iter().map(|gate| gate.outcome))
            .chain(self.base.iter().map(|b| b.outcome))
            .chain(errors);
        let has_error = all.clone().any(|o| o == Outcome::Error);
        self.verdict = all.max().unwrap_or(Outcome::Error).gating();
        let enforcement = if self.enforced { Enforcement::Blocking } else { Enforcement::Advisory };
        self.exit_code = exit_code(self.verdict, enforcement, has_error);
    }

    /// Adds trouble that came after the decision, such as an output that could not be written.
    pub fn add_error(&mut self, fault: Fault) {
        self.unblock.add_error(&fault);
        self.errors.push(fault);
        self.settle();
    }

    /// Number of active findings that met no rule.
    pub fn unmatched_total(&self) -> u64 {
        self.unmatched.iter().map(|(_, counts)| counts.total).sum()
    }

    /// What decided, for a log's last line: the first rule in the policy's order that stopped the change by what
    /// it matched, else the first piece of evidence, else the base.
    pub fn decisive(&self) -> String {
        if self.verdict == Outcome::Pass {
            return format!("{} satisfied", self.title);
        }
        let decided = |outcome: Outcome| outcome == self.verdict;
        let rule = || self.rules.iter().find(|r| decided(r.outcome) && !r.blind).map(|r| r.title.clone());
        let evidence = || {
            self.evidence.iter().find(|e| decided(e.outcome)).map(|e| {
                let name = e.path.as_ref().map(Text::as_str).or(e.entry.as_deref()).unwrap_or_default();
                format!("evidence {name}: {}", e.message)
            })
        };
        let gate = || self.own_gate.as_ref().filter(|g| decided(g.outcome)).map(|g| g.message.clone());
        let base = || self.base.as_ref().filter(|b| decided(b.outcome)).map(|b| b.message.clone());
        let error = self.errors.first().filter(|_| self.verdict == Outcome::Error).map(|e| {
            let first = e.message.lines().next().unwrap_or_default();
            e.path.as_ref().map_or_else(|| first.to_owned(), |path| format!("{path}: {first}"))
        });
        error
            .or_else(rule)
            .or_else(gate)
            .or_else(evidence)
            .or_else(base)
            .unwrap_or_else(|| self.title.clone())
    }
}
