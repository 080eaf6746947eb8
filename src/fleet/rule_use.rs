//! Rules: which never say anything, which always do, and which only ever together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::row::{ReadRule, RunRows};
use crate::decide::Outcome;
use crate::finding::{Fingerprint, Fix};

/// A rule of a gate.
#[derive(Debug, Default, Clone)]
pub struct RuleUse {
    /// Runs in which it failed by what it matched.
    pub fail: u64,
    /// Runs in which it asked for a review.
    pub review: u64,
    /// Runs in which it could not decide.
    pub error: u64,
    /// Runs in which it warned.
    pub warn: u64,
    /// Runs in which it looked and said nothing.
    pub pass: u64,
    /// Runs in which it had nothing to look at.
    pub blind: u64,
    /// Runs that it alone stopped.
    pub alone: u64,
    /// Matches that a waiver covered.
    pub waived: u64,
    /// Findings that blocked, each once a run.
    pub blockers: u64,
    /// Of them, those with a fix.
    pub with_fix: u64,
    /// Of them, those that an earlier merge request of the repository had.
    pub old: u64,
    /// Of them, those whose merge request is known.
    pub of_request: u64,
    /// Different findings of a repository.
    pub different: u64,
    /// Days between the first and the last run that each blocked, in all.
    pub days: i64,
}

impl RuleUse {
    /// Runs in which it looked.
    pub const fn looked(&self) -> u64 {
        self.fail + self.review + self.error + self.warn + self.pass
    }

    /// Runs in which it said something.
    pub const fn fired(&self) -> u64 {
        self.fail + self.review + self.error + self.warn
    }
}

/// Two rules of a gate that fail in the same runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePair {
    /// The gate.
    pub gate: String,
    /// The first by name.
    pub one: String,
    /// The other.
    pub other: String,
}

/// All rules.
#[derive(Debug, Default)]
pub struct RuleUses {
    /// By gate and rule.
    pub rules: BTreeMap<(String, String), RuleUse>,
    /// Runs in which both fail.
    pub pairs: BTreeMap<RulePair, u64>,
    /// Blockers by rule and repository, while runs are read.
    lives: BTreeMap<(u32, u32, Fingerprint), BlockerLife>,
    names: BTreeMap<String, u32>,
    of_number: BTreeMap<u32, (String, String)>,
}

/// A finding of a repository that a rule blocked.
#[derive(Debug)]
struct BlockerLife {
    /// The first merge request that had it, and how often that was blocked by it.
    first: Option<(u64, u64)>,
    of_request: u64,
    days: Option<(Timestamp, Timestamp)>,
}

impl RuleUses {
    pub(super) fn add(&mut self, rows: &RunRows) {
        let gate = &rows.run.policy_gate;
        let stopping: Vec<&ReadRule> = rows.rules.iter().filter(|rule| rule.stops()).collect();
        for rule in &rows.rules {
            let known = self.rules.entry((gate.clone(), rule.rule.clone())).or_default();
            match (rule.outcome, rule.blind) {
                (Outcome::NotApplicable, _) | (_, true) => known.blind += 1,
                (Outcome::Pass, _) => known.pass += 1,
                (Outcome::Warn, _) => known.warn += 1,
                (Outcome::Review, _) => known.review += 1,
                (Outcome::Error, _) => known.error += 1,
                (Outcome::Fail, _) => known.fail += 1,
            }
            known.waived = known.waived.saturating_add(rule.waived_count);
            known.alone += u64::from(matches!(stopping.as_slice(), [only] if only.rule == rule.rule));
        }
        let failing: BTreeSet<&str> = stopping
            .iter()
            .filter(|rule| rule.outcome == Outcome::Fail)
            .map(|rule| rule.rule.as_str())
            .collect();
        for one in &failing {
            for other in failing.iter().filter(|other| one < *other) {
                let pair =
                    RulePair { gate: gate.clone(), one: (*one).to_owned(), other: (*other).to_owned() };
                *self.pairs.entry(pair).or_default() += 1;
            }
        }
        self.add_blockers(rows);
    }

    fn add_blockers(&mut self, rows: &RunRows) {
        let (gate, request, time) = (&rows.run.policy_gate, rows.run.merge_request, rows.run.time());
        let project = self.number(rows.run.project());
        let mut seen: BTreeSet<(&str, Fingerprint)> = BTreeSet::new();
        for (rule, finding) in rows.blockers() {
            if !seen.insert((rule, finding.fingerprint)) {
                continue;
            }
            let key = (gate.clone(), rule.to_owned());
            let number = self.number(&format!("{gate}\n{rule}"));
            let known = self.rules.entry(key.clone()).or_default();
            known.blockers += 1;
            known.with_fix += u64::from(finding.fix == Fix::Available);
            self.of_number.entry(number).or_insert(key);
            let life = self.lives.entry((number, project, finding.fingerprint)).or_insert(BlockerLife {
                first: None,
                of_request: 0,
                days: None,
            });
            life.add(request, time);
        }
    }

    fn number(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.names.entry(name.to_owned()).or_insert(next)
    }

    /// What is known when all runs were read.
    pub(super) fn finish(&mut self) {
        for ((rule, ..), life) in std::mem::take(&mut self.lives) {
            let Some(known) = self.of_number.get(&rule).and_then(|key| self.rules.get_mut(key)) else {
                continue;
            };
            known.different += 1;
            known.of_request += life.of_request;
            known.old += life.of_request - life.first.map_or(0, |(_, runs)| runs);
            known.days += life.days.map_or(0, |(first, last)| days_between(first, last));
        }
    }
}

impl BlockerLife {
    fn add(&mut self, request: Option<u64>, time: Option<Timestamp>) {
        if let Some(request) = request {
            self.of_request += 1;
            self.first = match self.first {
                Some((first, runs)) if first == request => Some((first, runs + 1)),
                Some((first, runs)) if first < request => Some((first, runs)),
                _ => Some((request, 1)),
            };
        }
        if let Some(time) = time {
            self.days =
                self.days.map_or(Some((time, time)), |(first, last)| Some((first.min(time), last.max(time))));
        }
    }
}

/// Days between the dates of two times in UTC.
pub fn days_between(first: Timestamp, last: Timestamp) -> i64 {
    last.as_second().div_euclid(86_400) - first.as_second().div_euclid(86_400)
}
