//! Counting while a report streams by: exact numbers, and details of the worst findings up to a cap.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::selector::{Surroundings, correct, selects};
use crate::finding::{Category, Finding, Fingerprint, Severity};
use crate::policy::{Policy, Subject};
use crate::report::Sink;

/// Findings of one report by severity. `total` counts active findings; what the scanner suppressed stands apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Active findings.
    pub total: u64,
    /// Of critical severity.
    pub critical: u64,
    /// Of high severity.
    pub high: u64,
    /// Of medium severity.
    pub medium: u64,
    /// Of low severity.
    pub low: u64,
    /// For information.
    pub info: u64,
    /// Without a severity that can be trusted.
    pub unknown: u64,
    /// Switched off by the scanner or in the code; not part of `total`.
    pub suppressed: u64,
}

impl Counts {
    /// Counts one finding.
    pub fn add(&mut self, finding: &Finding) {
        if finding.suppressed {
            self.suppressed += 1;
            return;
        }
        self.total += 1;
        match finding.severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            Severity::Info => self.info += 1,
            Severity::Unknown => self.unknown += 1,
        }
    }

    /// Adds another report's counts.
    pub fn merge(&mut self, other: &Self) {
        self.total += other.total;
        self.critical += other.critical;
        self.high += other.high;
        self.medium += other.medium;
        self.low += other.low;
        self.info += other.info;
        self.unknown += other.unknown;
        self.suppressed += other.suppressed;
    }

    /// The number of one severity.
    pub const fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
            Severity::Unknown => self.unknown,
        }
    }
}

/// A finding that a rule matched, with the report it stands in.
#[derive(Debug)]
pub struct Matched {
    /// The finding, corrected by `severity.map`.
    pub finding: Finding,
    /// The report's index in the evidence.
    pub evidence: usize,
    /// Position in the report: the last tie-breaker of the output order.
    ordinal: u64,
    /// How its severity counts, 0 to 4.
    rank: u8,
}

impl Matched {
    /// The output order: worst first, then path, line and fingerprint. Total, so that the same findings are shown
    /// whatever the order of reading.
    pub(super) fn order(&self) -> impl Ord + '_ {
        let at = self.finding.location.as_ref();
        (
            std::cmp::Reverse(self.rank),
            at.map(|l| l.path.as_str()),
            at.and_then(|l| l.line),
            self.finding.fingerprint,
            self.evidence,
            self.ordinal,
        )
    }
}

/// The worst findings in output order, up to a cap.
#[derive(Debug, Default, Clone)]
pub(super) struct Worst(Vec<Arc<Matched>>);

impl Worst {
    fn push(&mut self, matched: Arc<Matched>, cap: usize) {
        self.0.push(matched);
        if self.0.len() >= cap.saturating_mul(2).max(64) {
            self.settle(cap);
        }
    }

    pub(super) fn settle(&mut self, cap: usize) {
        self.0.sort_by(|a, b| a.order().cmp(&b.order()));
        self.0.truncate(cap);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Matched>> {
        self.0.iter()
    }
}

/// What one rule counted.
#[derive(Debug, Default, Clone)]
pub(super) struct RuleTally {
    pub(super) count: u64,
    pub(super) worst: Worst,
}

/// The set of rules that matched a finding, as a bit set of rule indexes.
type RuleSet = Vec<u64>;

/// All that is counted over one report, or over all of them once merged.
#[derive(Debug)]
pub struct Tally<'p> {
    policy: &'p Policy,
    entries: &'p [String],
    evidence: usize,
    now: i64,
    cap: usize,
    /// As the report says, before any correction by the policy.
    pub counts: Counts,
    /// Categories of active findings after correction.
    pub categories: Vec<Category>,
    pub(super) rules: Vec<RuleTally>,
    /// Findings that no rule looked at, after correction.
    pub unmatched: BTreeMap<Category, Counts>,
    /// Which rules matched: interned, because few combinations occur.
    sets: Vec<RuleSet>,
    /// Every matched finding: its identity and the rules that matched it.
    marks: Vec<(Fingerprint, u32)>,
}

impl<'p> Tally<'p> {
    /// Counts for the report at index `evidence`, given for `entries`; details of `cap` findings a rule are kept.
    pub fn new(policy: &'p Policy, entries: &'p [String], evidence: usize, now: i64, cap: usize) -> Self {
        Self {
            policy,
            entries,
            evidence,
            now,
            cap,
            counts: Counts::default(),
            categories: Vec::new(),
            rules: vec![RuleTally::default(); policy.rules.len()],
            unmatched: BTreeMap::new(),
            sets: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Adds what another report counted.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            mine.count += theirs.count;
            mine.worst.merge(theirs.worst);
        }
        for (category, counts) in other.unmatched {
            self.unmatched.entry(category).or_default().merge(&counts);
        }
        let renamed: Vec<u32> = other.sets.into_iter().map(|set| intern(&mut self.sets, set)).collect();
        self.marks
            .extend(other.marks.into_iter().filter_map(|(id, set)| Some((id, *renamed.get(set as usize)?))));
    }

    /// Cuts the details to the cap.
    pub(super) fn settle(&mut self) {
        for rule in &mut self.rules {
            rule.worst.settle(self.cap);
        }
    }

    /// The identities of all findings that one of the rules in `which` matched, as often as they occur, sorted.
    pub(super) fn fingerprints(&self, which: &[bool]) -> Vec<Fingerprint> {
        let wanted: Vec<bool> = self
            .sets
            .iter()
            .map(|set| which.iter().enumerate().any(|(rule, wanted)| *wanted && has(set, rule)))
            .collect();
        let of_wanted = |set: u32| wanted.get(set as usize).copied().unwrap_or(false);
        let mut all: Vec<Fingerprint> =
            self.marks.iter().filter(|(_, set)| of_wanted(*set)).map(|(id, _)| *id).collect();
        all.sort_unstable();
        all
    }
}

fn has(set: &RuleSet, rule: usize) -> bool {
    set.get(rule / 64).is_some_and(|word| word & (1 << (rule % 64)) != 0)
}

fn intern(sets: &mut Vec<RuleSet>, set: RuleSet) -> u32 {
    let at = sets.iter().position(|known| *known == set).unwrap_or_else(|| {
        sets.push(set);
        sets.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Sink for Tally<'_> {
    fn finding(&mut self, mut finding: Finding) {
        self.counts.add(&finding);
        let policy = self.policy;
        correct(&mut finding, policy);
        if !finding.suppressed && !self.categories.contains(&finding.category) {
            self.categories.push(finding.category);
        }
        let around = Surroundings {
            unknown_severity: policy.unknown_severity,
            now: self.now,
            entries: self.entries,
            evidence: self.evidence,
        };
        let mut set: RuleSet = vec![0; policy.rules.len().div_ceil(64)];
        let mut any = false;
        for (index, rule) in policy.rules.iter().enumerate() {
            if let Subject::Findings(selector) = &rule.subject
                && selects(selector, &finding, around)
                && let Some(word) = set.get_mut(index / 64)
            {
                *word |= 1 << (index % 64);
                any = true;
            }
        }
        if !any {
            if !finding.suppressed {
                self.unmatched.entry(finding.category).or_default().add(&finding);
            }
            return;
        }
        let rank = finding.severity.rank(policy.unknown_severity);
        let ordinal = self.counts.total + self.counts.suppressed;
        let id = finding.fingerprint;
        let matched = Arc::new(Matched { finding, evidence: self.evidence, ordinal, rank });
        for (index, tally) in self.rules.iter_mut().enumerate() {
            if has(&set, index) {
                tally.count += 1;
                tally.worst.push(Arc::clone(&matched), self.cap);
            }
        }
        let set = intern(&mut self.sets, set);
        self.marks.push((id, set));
    }

    fn restart(&mut self) {
        *self = Self::new(self.policy, self.entries, self.evidence, self.now, self.cap);
    }
}
