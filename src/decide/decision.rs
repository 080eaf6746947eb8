//! Decisions of a run, and the verdict over all of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BaseResult, ContextView, Counts, Evidence, GateChange, Matched, MatchedProblem, Outcome, RuleResult,
    Unblock, WaiverResult, WatchedRules, digest, exit_code,
};
use crate::attest::ClockSource;
use crate::diagnostic::{Diagnostic, SaidDiagnostic};
use crate::finding::{Category, Text, plural};
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
    /// Exit code of the process.
    pub exit_code: u8,
    /// False under advisory enforcement.
    pub enforced: bool,
    /// The run's clock.
    pub evaluated_at: Timestamp,
    /// Where that time is from.
    pub clock: ClockSource,
    /// Source and SHA-256 of the policy; `None` where it could not be read.
    pub policy: Option<(String, String)>,
    /// Other files that are part of the policy.
    pub policy_files: Vec<PolicyFile>,
    /// The policies that it extends, the nearest first.
    pub policy_extends: Vec<PolicyFile>,
    /// Context of the report.
    pub context: ContextView,
    /// Evidence that was given.
    pub evidence: Vec<Evidence>,
    /// Base that the change was compared with, where the policy has a base.
    pub base: Option<BaseResult>,
    /// Findings of the base that are gone, worst first, up to a cap.
    pub fixed: Vec<BaseEntry>,
    /// Changes to the gate itself, where the gate before is known.
    pub own_gate: Option<GateChange>,
    /// The rules in the policy's order.
    pub rules: Vec<RuleResult>,
    /// Active findings of all reports.
    pub counts: Counts,
    /// Problems that rules matched, worst first, up to a cap a rule.
    pub findings: Vec<MatchedProblem>,
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
    /// Errors that kept the run from deciding.
    pub errors: Vec<RunError>,
    /// The findings that somebody asks about.
    pub watched: Vec<WatchedRules>,
    /// The smallest set of actions that lets the change through.
    pub unblock: Unblock,
}

/// Something that kept the run from deciding.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RunError {
    /// The file concerned.
    pub path: Option<String>,
    /// One line first, detail below.
    pub message: String,
    /// The message's code.
    pub code: String,
    /// The action to take, where there is one to name.
    pub suggestion: Option<String>,
}

impl RunError {
    /// Error of the file at `path`, in the words of a diagnostic.
    pub fn of(path: Option<String>, diagnostic: &dyn Diagnostic) -> Self {
        let SaidDiagnostic { message, code, suggestion } = SaidDiagnostic::of(diagnostic);
        Self { path, message, code, suggestion }
    }
}

/// A run that could not begin to decide.
pub fn undecided(
    gate: &str,
    (now, clock): (Timestamp, ClockSource),
    context: ContextView,
    errors: Vec<RunError>,
) -> Decision {
    let mut decision = Decision {
        gate: gate.to_owned(),
        title: gate.to_owned(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        enforced: true,
        evaluated_at: now,
        clock,
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
    decision.unblock = Unblock::work_out(&decision, &[], 0).0;
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
    pub fn add_error(&mut self, fault: RunError) {
        self.unblock.add_error(&fault);
        self.errors.push(fault);
        self.settle();
    }

    /// Number of active findings that matched no rule.
    pub fn unmatched_total(&self) -> u64 {
        self.unmatched.iter().map(|(_, counts)| counts.total).sum()
    }

    /// The decisive rule, for a log's last line: the first in the policy's order that stopped the change by what
    /// it matched, else the first piece of evidence, else the base.
    pub fn decisive(&self) -> String {
        if self.verdict == Outcome::Pass {
            return format!("{} satisfied", self.title);
        }
        let decided = |outcome: Outcome| outcome == self.verdict;
        let rule = || self.rules.iter().find(|r| decided(r.outcome) && !r.blind).map(|r| self.last_line(r));
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

    /// The line of a log that a rule ends: what the policy says, else its id, what it counted, and how many rules say so.
    fn last_line(&self, rule: &RuleResult) -> String {
        if let Some(line) = &rule.log {
            return line.clone();
        }
        let said = [&rule.counted, &rule.message, &rule.title].into_iter().find(|text| !text.is_empty());
        let said = said.map_or("", String::as_str);
        let number =
            |is: &dyn Fn(Outcome) -> bool| self.rules.iter().filter(|r| is(r.outcome)).count() as u64;
        let word = match rule.outcome {
            Outcome::Review => "need review",
            Outcome::Error => "could not be decided",
            _ => "failed",
        };
        let rules = plural(number(&|outcome| outcome != Outcome::NotApplicable), "rule");
        match number(&|outcome| outcome == rule.outcome) {
            0 | 1 => format!("{}: {said}", rule.id),
            several => format!("{}: {said}; {several} of {rules} {word}", rule.id),
        }
    }
}
