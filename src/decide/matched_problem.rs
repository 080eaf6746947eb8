//! Matched findings as they are shown: duplicates put together, and which are waived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::WaiverResult;
use super::tally::{CoveredMatches, Matched};
use super::waiver::Lift;
use crate::finding::{Fingerprint, VexNote};
use crate::policy::{Action, Policy};
use crate::relate::{self, DuplicateReason, Owners, Vex};

/// One problem: a finding, or several of different reports that say the same.
#[derive(Debug)]
pub struct MatchedProblem {
    /// The finding that leads, which is the worst of them, and its fellows in output order.
    pub witnesses: Vec<Arc<Matched>>,
    /// Why they are one; `None` where there is one witness.
    pub why: Option<DuplicateReason>,
    /// The first waiver of what lifts it from every rule that could stop it; `None` if one is left.
    pub waiver: Option<String>,
    /// The first VEX statement of what lifts it from every rule that could stop it.
    pub vex: Option<VexNote>,
    /// Who owns the file it is in, by CODEOWNERS.
    pub owners: Vec<String>,
}

impl MatchedProblem {
    /// The finding that is shown for all.
    pub fn lead(&self) -> Option<&Matched> {
        self.witnesses.first().map(AsRef::as_ref)
    }

    /// Waiver or VEX statement that lifts it from every rule that could stop it, on one line; `None` if nothing does.
    pub fn lifted_by(&self) -> Option<String> {
        let waiver = self.waiver.as_ref().map(|id| format!("waived by {id}"));
        let vex = self.vex.as_ref().map(VexNote::line);
        waiver.into_iter().chain(vex).reduce(|a, b| format!("{a}; {b}"))
    }
}

/// Which witness of a problem counts for which rule.
pub(super) type Hits = Vec<(usize, usize)>;

/// A problem with what counts of it.
pub(super) type CountedProblem = (MatchedProblem, Hits);

/// One finding that rules matched, with what lifts it from each.
type LiftedMatch = (Arc<Matched>, Vec<(usize, Option<Lift>)>);

/// The findings that rules matched, in output order, those that say the same put together; and what is shown of what
/// each waiver hides.
pub(super) fn problems(
    policy: &Policy,
    waivers: &[WaiverResult],
    vex: &Vex,
    owners: &Owners,
    details: Vec<Vec<CoveredMatches>>,
) -> (Vec<CountedProblem>, BTreeMap<u32, BTreeSet<Fingerprint>>) {
    let mut all: Vec<(Arc<Matched>, usize, Option<Lift>)> = Vec::new();
    let mut hidden: BTreeMap<u32, BTreeSet<Fingerprint>> = BTreeMap::new();
    for (rule, details) in details.into_iter().enumerate() {
        for (matched, lift) in details {
            if let Some(waiver) = lift.and_then(Lift::waiver) {
                hidden.entry(waiver).or_default().insert(matched.finding.fingerprint);
            }
            all.push((matched, rule, lift));
        }
    }
    all.sort_by(|(a, ..), (b, ..)| a.order().cmp(&b.order()));
    let mut each: Vec<LiftedMatch> = Vec::new();
    for (matched, rule, waiver) in all {
        match each.last_mut() {
            Some((last, rules)) if Arc::ptr_eq(last, &matched) => rules.push((rule, waiver)),
            _ => each.push((matched, vec![(rule, waiver)])),
        }
    }
    let problems = relate::group(each.iter().map(|(matched, _)| (&matched.finding, matched.evidence)))
        .into_iter()
        .map(|group| {
            let members: Vec<&LiftedMatch> = group.members.iter().filter_map(|&at| each.get(at)).collect();
            let open = |(at, (_, rules)): (usize, &&LiftedMatch)| -> Hits {
                rules.iter().filter(|(_, by)| by.is_none()).map(|(rule, _)| (at, *rule)).collect()
            };
            let hits = members.iter().enumerate().flat_map(open).collect();
            let lifts = lifts(policy, &members);
            let waiver = lifts.iter().find_map(|lift| lift.waiver());
            let waiver = waiver.and_then(|at| waivers.get(at as usize)).map(|w| w.id.clone());
            let vex = lifts.iter().find_map(|lift| lift.vex()).and_then(|claim| vex.note(claim)).cloned();
            let paths = members.first().into_iter().flat_map(|(matched, _)| matched.finding.paths());
            let mut owned: Vec<String> = Vec::new();
            for owner in paths.flat_map(|path| owners.owners_of(path)) {
                if !owned.contains(&owner) {
                    owned.push(owner);
                }
            }
            let witnesses = members.into_iter().map(|(matched, _)| Arc::clone(matched)).collect();
            (MatchedProblem { witnesses, why: group.why, waiver, vex, owners: owned }, hits)
        })
        .collect();
    (problems, hidden)
}

/// Waiver or VEX statement that lifts a problem whose every witness is lifted from every rule that matched it; rules that only warn do not
/// count, unless there is no other.
fn lifts(policy: &Policy, members: &[&LiftedMatch]) -> Vec<Lift> {
    let warns = |rule: usize| policy.rules.get(rule).is_none_or(|r| r.then == Action::Warn);
    let rules = || members.iter().flat_map(|(_, rules)| rules.iter());
    let gated = rules().any(|(rule, _)| !warns(*rule));
    let by = rules().filter(|(rule, _)| !(gated && warns(*rule))).map(|(_, by)| *by);
    by.collect::<Option<_>>().unwrap_or_default()
}

/// The problems that count for a rule.
pub(super) fn problems_of_rule(problems: &[CountedProblem], rule: usize) -> Vec<usize> {
    let of_rule = problems.iter().enumerate().filter(|(_, (_, hits))| hits.iter().any(|(_, r)| *r == rule));
    of_rule.map(|(at, _)| at).collect()
}
