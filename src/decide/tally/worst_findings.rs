//! The worst of many findings, up to a cap, the same whatever the order of reading.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use crate::finding::{Finding, Fingerprint};

/// A finding that a rule matched, with the report it stands in.
#[derive(Debug, Clone)]
pub struct Matched {
    /// The finding, corrected by `severity.map`.
    pub finding: Finding,
    /// The report's index in the evidence.
    pub evidence: usize,
    /// Position in the report: the last tie-breaker of the output order.
    pub(super) ordinal: u64,
    /// How its severity counts, 0 to 4.
    pub(super) rank: u8,
    /// A rule would look at it if it were new.
    pub(crate) matches_as_new: bool,
    /// The waivers that speak of it, whether they cover it or not.
    pub(super) waivers: Option<Arc<[u32]>>,
    /// The VEX claims that speak of it, if its report is about their image.
    pub(super) claims: Option<Arc<[u32]>>,
    /// The claim by which it does not count, once that is known.
    pub(super) vex: OnceLock<u32>,
}

/// The output order: worst first, then path, line and fingerprint. Total, so that the same findings are shown
/// whatever the order of reading.
pub(in crate::decide) type Order<'m> = (Reverse<u8>, Option<&'m str>, Option<u32>, Fingerprint, usize, u64);

impl Matched {
    /// How its severity counts, 0 (info) to 4 (critical); an unknown one as the policy says.
    pub const fn rank(&self) -> u8 {
        self.rank
    }

    /// Where it stands in the output order.
    pub(in crate::decide) fn order(&self) -> Order<'_> {
        order(&self.finding, self.rank, self.evidence, self.ordinal)
    }
}

pub(super) fn order(finding: &Finding, rank: u8, evidence: usize, ordinal: u64) -> Order<'_> {
    let at = finding.location.as_ref();
    let (path, line) = (at.map(|l| l.path.real()), at.and_then(|l| l.line));
    (Reverse(rank), path, line, finding.fingerprint, evidence, ordinal)
}

/// The worst findings in output order, up to a cap.
#[derive(Debug, Default, Clone)]
pub(super) struct WorstFindings {
    pub(super) kept: Vec<Arc<Matched>>,
    /// The last of as many findings as the cap lets stay: none that comes after it stays.
    bar: Option<Arc<Matched>>,
}

impl WorstFindings {
    /// False for a finding that would not stay.
    pub(super) fn admits(&self, order: &Order<'_>) -> bool {
        self.bar.as_ref().is_none_or(|bar| *order < bar.order())
    }

    pub(super) fn push(&mut self, matched: Arc<Matched>, cap: usize) {
        self.kept.push(matched);
        if self.kept.len() >= cap.saturating_mul(2).max(64) {
            self.settle(cap);
            self.bar = self.kept.last().filter(|_| self.kept.len() == cap).map(Arc::clone);
        }
    }

    pub(super) fn settle(&mut self, cap: usize) {
        self.kept.sort_by(|a, b| a.order().cmp(&b.order()));
        self.kept.truncate(cap);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.kept.extend(other.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Severity};

    #[test]
    fn of_many_the_worst_stay_whatever_their_order() {
        let of = |n: u64| {
            let finding = Finding::new(Category::Sast, "t", "r", Severity::High);
            let rank = u8::try_from(n * 7919 % 5).unwrap_or_default();
            Arc::new(Matched {
                finding,
                evidence: 0,
                ordinal: n,
                rank,
                matches_as_new: true,
                waivers: None,
                claims: None,
                vex: OnceLock::new(),
            })
        };
        let mut all: Vec<_> = (0..1000).map(of).collect();
        let turned: Vec<_> = all.iter().rev().cloned().collect();
        for cap in [0, 1, 10, 100, 2000] {
            for given in [&all.clone(), &turned] {
                let mut worst = WorstFindings::default();
                for matched in given {
                    if worst.admits(&matched.order()) {
                        worst.push(Arc::clone(matched), cap);
                    }
                }
                assert!(worst.kept.len() <= (2 * cap).max(64));
                worst.settle(cap);
                all.sort_by(|a, b| a.order().cmp(&b.order()));
                let ordinals = |list: &[Arc<Matched>]| list.iter().map(|m| m.ordinal).collect::<Vec<_>>();
                assert_eq!(ordinals(&worst.kept), ordinals(all.get(..cap).unwrap_or(&all)), "{cap}");
            }
        }
    }
}
