//! Verdict of another gate on the same evidence: that of before a change, or one that the policy extends.

use serde::{Deserialize, Serialize};

use super::allowance::AllowedMatches;
use super::{BaseResult, Decision, Evidence, Obligation, Outcome, RuleResult, RunError};
use crate::finding::{Text, clean_line};
use crate::policy::PolicyLine;
use crate::policy::compare::LoosenedClause;

/// The verdict of a gate, and all that stops a change there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GateVerdict {
    /// Where its policy comes from.
    pub source: String,
    /// SHA-256 of its policy; empty where it could not be read.
    pub sha256: String,
    /// Its verdict.
    pub verdict: Outcome,
    /// Clauses that stop the change there.
    pub stops: Vec<GateStop>,
    /// Approvals that would resolve its reviews.
    pub obligations: Vec<Obligation>,
}

/// A rule, a piece of evidence or a fault that stops a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateStop {
    /// Which, in words: ``rule `sast-high` ``.
    pub clause: String,
    /// Its statement.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
    /// Its line in the policy.
    pub at: Option<PolicyLine>,
}

/// The parts of a decision that can stop a change.
pub(super) struct GateParts<'d> {
    pub(super) source: &'d str,
    pub(super) sha256: &'d str,
    pub(super) rules: &'d [RuleResult],
    pub(super) evidence: &'d [Evidence],
    pub(super) base: Option<&'d BaseResult>,
    pub(super) errors: &'d [RunError],
}

impl GateVerdict {
    /// Content of a decision.
    pub fn of_decision(decision: &Decision) -> Self {
        let (source, sha256) =
            decision.policy.as_ref().map_or(("", ""), |(source, sha256)| (source.as_str(), sha256.as_str()));
        let mut verdict = Self::of_parts(&GateParts {
            source,
            sha256,
            rules: &decision.rules,
            evidence: &decision.evidence,
            base: decision.base.as_ref(),
            errors: &decision.errors,
        });
        verdict.verdict = decision.verdict;
        verdict
    }

    /// The verdict of a gate that cannot decide, and why.
    pub fn undecided(source: &str, message: &str) -> Self {
        Self {
            source: source.to_owned(),
            sha256: String::new(),
            verdict: Outcome::Error,
            stops: vec![GateStop {
                clause: "the gate".to_owned(),
                outcome: Outcome::Error,
                message: clean_line(message.lines().next().unwrap_or_default()).into_owned(),
                at: None,
            }],
            obligations: Vec::new(),
        }
    }

    pub(super) fn of_parts(parts: &GateParts<'_>) -> Self {
        let mut stops = Vec::new();
        let mut obligations: Vec<Obligation> = Vec::new();
        let mut add = |clause: String,
                       outcome: Outcome,
                       message: &str,
                       line: Option<PolicyLine>,
                       asked: &[Obligation]| {
            if outcome < Outcome::Review {
                return;
            }
            for obligation in asked {
                if !obligations.iter().any(|known| known.asks_the_same(obligation)) {
                    obligations.push(obligation.clone());
                }
            }
            let message = message.lines().next().unwrap_or_default().to_owned();
            stops.push(GateStop { clause, outcome, message, at: line });
        };
        for rule in parts.rules {
            let file = rule.policy.clone().unwrap_or_else(|| parts.source.to_owned());
            let place = (rule.line > 0).then_some(PolicyLine { file, line: rule.line });
            add(format!("rule `{}`", rule.id), rule.outcome, &rule.message, place, &rule.obligations);
        }
        for evidence in parts.evidence {
            let name = evidence.entry.as_deref().or(evidence.path.as_ref().map(Text::as_str)).unwrap_or("-");
            let clause = format!("evidence `{}`", clean_line(name));
            add(clause, evidence.outcome, &evidence.message, None, &evidence.obligations);
        }
        if let Some(base) = parts.base {
            let place = PolicyLine { file: parts.source.to_owned(), line: base.line };
            add("`base`".to_owned(), base.outcome, &base.message, Some(place), &base.obligations);
        }
        for fault in parts.errors {
            let path = fault.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
            let message = format!("{path}{}", fault.message);
            add("the run".to_owned(), Outcome::Error, &message, None, &[]);
        }
        let verdict = stops.iter().map(|stop| stop.outcome).max().unwrap_or(Outcome::Pass);
        Self { source: parts.source.to_owned(), sha256: parts.sha256.to_owned(), verdict, stops, obligations }
    }

    /// Clauses that stop a change here and do not stop it, or not as hard, in a gate that says `other`; empty if that one is as
    /// strict about this evidence.
    fn beyond<'v>(&'v self, other: &'v Self) -> Vec<(&'v GateStop, Option<&'v GateStop>)> {
        if self.verdict <= other.verdict {
            return Vec::new();
        }
        let in_other = |stop: &GateStop| {
            other.stops.iter().filter(|one| one.clause == stop.clause).max_by_key(|one| one.outcome)
        };
        let pairs = || self.stops.iter().map(|stop| (stop, in_other(stop)));
        let worse: Vec<_> =
            pairs().filter(|(stop, other)| other.is_none_or(|other| other.outcome < stop.outcome)).collect();
        if worse.is_empty() { pairs().collect() } else { worse }
    }

    /// The clauses by which this gate, of before a change, would have stopped what `now` does not.
    pub(super) fn lost(&self, now: &Self) -> Vec<LoosenedClause> {
        let clause = |(stop, now): (&GateStop, Option<&GateStop>)| {
            let before = format!("{}: {}", stop.outcome.as_str(), stop.message);
            let after = now.map_or("no longer blocks it", |now| now.outcome.as_str());
            let clause = format!("{} as before this change", stop.clause);
            LoosenedClause::outside_policy(&clause, &before, after, stop.at.clone(), None)
        };
        self.beyond(now).into_iter().map(clause).collect()
    }

    /// The row that says what this gate, which the policy extends, stops and `child` does not; none if the child is as
    /// strict.
    pub(super) fn row(&self, child: &Self) -> Option<RuleResult> {
        let worse = self.beyond(child);
        let outcome = worse.iter().map(|(stop, _)| stop.outcome).max()?.max(self.verdict);
        let told: Vec<String> = worse
            .iter()
            .map(|(stop, _)| format!("{}: {}: {}", stop.clause, stop.outcome.as_str(), stop.message))
            .collect();
        let at = worse.iter().find_map(|(stop, _)| stop.at.as_ref());
        let name = clean_line(&self.source).into_owned();
        Some(RuleResult {
            id: "extends".to_owned(),
            line: at.map_or(1, |at| at.line),
            policy: Some(at.map_or_else(|| self.source.clone(), |at| at.file.clone())),
            title: format!("Verdict of {name} by itself"),
            outcome,
            allow: 0,
            allowance: None,
            allowed: AllowedMatches::of_number(worse.len() as u64, worse.len() as u64, 0),
            count: worse.len() as u64,
            new: 0,
            waived: 0,
            vexed: 0,
            shown: 0,
            message: format!("{name}, which the policy extends, stops this by itself: {}", told.join("; ")),
            fix: None,
            obligations: self.obligations.iter().filter(|one| !one.is_met()).cloned().collect(),
            approved_by: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
            blind: false,
            unmet: Vec::new(),
            counted: String::new(),
            log: None,
        })
    }
}
