//! Causes of a difference between what two policies say to a run.

use std::collections::BTreeSet;

use serde::Serialize;

use super::policy_verdict;
use super::rows::{RowSubject, RowTexts};
use crate::decide::{Decision, Outcome, RuleResult};
use crate::finding::Fingerprint;
use crate::policy::{Policy, compare};

/// A row of a rule, or of a piece of evidence, of which two policies say different things.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunDifferenceRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_difference`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// The verdict of the first policy.
    pub verdict_a: Outcome,
    /// The verdict of the second.
    pub verdict_b: Outcome,
    /// `rule`, `evidence` or `error`.
    pub cause: &'static str,
    /// The rule's id, the entry of evidence, or the error.
    pub subject: &'d str,
    /// Its statement under the first policy; null where the policy does not have it.
    pub outcome_a: Option<Outcome>,
    /// The same under the second.
    pub outcome_b: Option<Outcome>,
    /// Matches that count under the first policy.
    pub count_a: u64,
    /// The same under the second.
    pub count_b: u64,
    /// Clauses in which the policies differ and that the rule or entry is about, in words.
    pub clauses: &'d [String],
    /// Findings that only the first counts, of those that have rows.
    pub findings_a: Vec<Fingerprint>,
    /// Findings that only the second counts.
    pub findings_b: Vec<Fingerprint>,
}

/// Clauses in which two policies differ, in words.
#[derive(Debug, Default)]
pub struct PolicyDifference {
    clauses: Vec<String>,
}

impl PolicyDifference {
    /// Compares two policies both ways.
    pub fn of_policies(a: &Policy, b: &Policy) -> Self {
        let looser = compare::policies(a, b);
        let stricter = compare::policies(b, a).into_iter().map(compare::LoosenedClause::turned);
        let mut clauses: Vec<String> = looser
            .into_iter()
            .chain(stricter)
            .map(|clause| format!("{}: {} -> {}", clause.clause, clause.before, clause.after))
            .collect();
        clauses.dedup();
        Self { clauses }
    }

    /// The clauses that name a rule or an entry; all where none does.
    pub(crate) fn about(&self, name: &str) -> Vec<String> {
        let is_about = |clause: &&String| {
            let words = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '/'));
            clause.split(words).any(|word| word == name)
        };
        let named: Vec<String> = self.clauses.iter().filter(is_about).cloned().collect();
        if named.is_empty() { self.clauses.clone() } else { named }
    }
}

impl RowSubject<'_> {
    /// Adds a row for each rule and each piece of evidence of which two decisions say different things.
    pub fn add_difference(
        &self,
        [a, b]: [&Decision; 2],
        policies: &PolicyDifference,
        rows: &mut RowTexts,
    ) -> serde_json::Result<()> {
        let ids: BTreeSet<&str> = a.rules.iter().chain(&b.rules).map(|rule| rule.id.as_str()).collect();
        for id in ids {
            let of = |decision: &'_ Decision| decision.rules.iter().position(|rule| rule.id == id);
            let (in_a, in_b) = (of(a).and_then(|at| a.rules.get(at)), of(b).and_then(|at| b.rules.get(at)));
            let (fps_a, fps_b) = (fingerprints(in_a), fingerprints(in_b));
            let outcomes = [in_a, in_b].map(|rule| rule.map(|rule| rule.outcome));
            let counts = [in_a, in_b].map(|rule| rule.map_or(0, |rule| rule.count));
            if outcomes[0] == outcomes[1] && counts[0] == counts[1] && fps_a == fps_b {
                continue;
            }
            let clauses = policies.about(id);
            let only = |one: &BTreeSet<Fingerprint>, other: &BTreeSet<Fingerprint>| {
                one.difference(other).copied().collect::<Vec<_>>()
            };
            self.put(
                rows,
                [a, b],
                "rule",
                id,
                outcomes,
                &RunDifferenceParts {
                    counts,
                    clauses: &clauses,
                    findings: [only(&fps_a, &fps_b), only(&fps_b, &fps_a)],
                },
            )?;
        }
        let stops = [a, b].map(|decision| policy_verdict(decision).stopped_by);
        let names = |of: &[super::Stop]| -> BTreeSet<String> {
            of.iter().filter_map(|stop| stop.what.strip_prefix(super::EVIDENCE).map(str::to_owned)).collect()
        };
        let [of_a, of_b] = &stops;
        for name in names(of_a).union(&names(of_b)) {
            let key = format!("{}{name}", super::EVIDENCE);
            let outcome =
                |of: &[super::Stop]| of.iter().find(|stop| stop.what == key).map(|stop| stop.outcome);
            let outcomes = [outcome(of_a), outcome(of_b)];
            if outcomes[0] != outcomes[1] {
                let clauses = policies.about(name);
                let parts = RunDifferenceParts {
                    counts: [0, 0],
                    clauses: &clauses,
                    findings: [Vec::new(), Vec::new()],
                };
                self.put(rows, [a, b], "evidence", name, outcomes, &parts)?;
            }
        }
        Ok(())
    }

    fn put(
        &self,
        rows: &mut RowTexts,
        [a, b]: [&Decision; 2],
        cause: &'static str,
        subject: &str,
        [outcome_a, outcome_b]: [Option<Outcome>; 2],
        parts: &RunDifferenceParts<'_>,
    ) -> serde_json::Result<()> {
        let ([count_a, count_b], [findings_a, findings_b]) = (parts.counts, parts.findings.clone());
        rows.put(
            "run_difference",
            &RunDifferenceRow {
                seq: self.seq,
                row_type: "run_difference",
                id: self.id,
                verdict_a: a.verdict,
                verdict_b: b.verdict,
                cause,
                subject,
                outcome_a,
                outcome_b,
                count_a,
                count_b,
                clauses: parts.clauses,
                findings_a,
                findings_b,
            },
        )
    }
}

/// Details of a difference.
struct RunDifferenceParts<'p> {
    counts: [u64; 2],
    clauses: &'p [String],
    findings: [Vec<Fingerprint>; 2],
}

fn fingerprints(rule: Option<&RuleResult>) -> BTreeSet<Fingerprint> {
    rule.map(|rule| rule.findings.iter().copied().collect()).unwrap_or_default()
}
