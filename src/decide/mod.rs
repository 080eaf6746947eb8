//! DECIDE: rules over what was read, one file per kind of rule; the verdict is the worst of their outcomes.

mod acceptance;
mod approvals;
mod base;
mod clauses;
mod context;
mod decision;
mod demand;
mod document;
mod documents;
#[cfg(test)]
mod doubts;
mod evidence;
pub mod explain;
mod feed;
mod gate_verdict;
mod image;
mod meant;
mod outcome;
mod own_gate;
mod problem;
#[cfg(test)]
mod properties;
mod provenance;
mod resolve;
mod rule;
mod sbom;
mod selector;
#[cfg(test)]
mod stricter;
mod tally;
mod unblock;
mod verdicts;
mod waiver;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::finding::Fingerprint;
use crate::policy::{Enforcement, Policy, Rule, Subject};
use crate::report::hex;

pub use base::{BaseResult, Compared, Comparison, source_word};
pub use clauses::{Clause, Surrounding, clauses, describe, looks_at};
pub use context::{Artifact, CodeownersFile, Context, Shown};
pub use decision::{Decision, Fault, undecided};
pub use documents::Document;
pub(crate) use documents::DocumentLimits;
pub use evidence::{About, Evidence, Status};
pub use gate_verdict::{GateStop, GateVerdict};
pub use outcome::{Outcome, exit_code};
pub use own_gate::{GateComparison, OwnGate, baseline_grown};
pub use problem::Problem;
pub use resolve::Obligation;
pub use rule::RuleResult;
pub use tally::{Counts, Matched, Relations, States, Tally, Watched};
pub use unblock::{Step, StepKind, Unblock};
pub use waiver::{WaiverResult, WaiverStatus};

use demand::World;
use gate_verdict::GateParts;
use problem::{Hits, problems, shown};
use rule::{Found, demands, judge_rule, rule_outcome};
use tally::Counted;

/// What the run gathered, given to [`decide`].
#[derive(Debug)]
pub struct Gathered<'p> {
    /// Evidence as judged: files first, in the order of their index, then absent entries.
    pub evidence: Vec<Evidence>,
    /// Counts over all readable reports.
    pub tally: Tally<'p>,
    /// Documents and feeds.
    pub documents: Vec<Document>,
    /// What the change is compared with.
    pub comparison: Option<&'p Comparison>,
    /// The states of the findings stand for a base (a case of the policy).
    pub base_given: bool,
}

/// Applies the policy to what was gathered.
pub fn decide(policy: &Policy, context: &Context, gathered: Gathered<'_>) -> Decision {
    let Gathered { mut evidence, mut tally, documents, comparison, base_given } = gathered;
    let (coverage, mut waivers) = waiver::judge(policy, context, &tally, &evidence, &documents);
    let details = (0..policy.rules.len()).map(|rule| tally.details(rule, &coverage)).collect();
    let (problems, hidden) = problems(policy, &waivers, &tally.to.vex, &context.owners, details);
    waiver::name_hidden(&mut waivers, hidden);
    let found = |index: usize| {
        let Counted { open, new, in_doubt, waived, vexed } = tally.counted(index, &coverage);
        Found { count: open, new, in_doubt, waived, vexed, demands: None, problems: shown(&problems, index) }
    };
    // Which findings need an answer does not depend on who has answered.
    let findings_digest = {
        let stops = |(index, rule): (usize, &Rule)| {
            matches!(rule.subject, Subject::Findings(_))
                && matches!(
                    rule_outcome(rule, policy, context, &evidence, &found(index)).0,
                    Outcome::Fail | Outcome::Review
                )
        };
        let stops: Vec<bool> = policy.rules.iter().enumerate().map(stops).collect();
        digest(&tally.fingerprints(&stops, &coverage))
    };
    let around = World {
        policy,
        decides: policy,
        context,
        evidence: &[],
        documents: &documents,
        waivers: &waivers,
        findings_digest: &findings_digest,
        fed_by: &[],
    };
    let answers = resolve::of_evidence(World { evidence: &evidence, ..around });
    resolve::answer(&mut evidence, answers);
    let world = World { evidence: &evidence, ..around };
    let of_rule = |(index, rule): (usize, &Rule)| {
        let world = World { fed_by: &rule.fed_by, ..world };
        let found = if let Subject::Findings(_) = &rule.subject {
            found(index)
        } else {
            Found::of_demands(demands(rule, world))
        };
        resolve::rule(rule, judge_rule(rule, policy, context, &evidence, found, &problems), world)
    };
    let rules: Vec<RuleResult> = policy.rules.iter().enumerate().map(of_rule).collect();
    let judged =
        policy.base.as_ref().filter(|_| !base_given).map(|policy| {
            base::judge(policy, comparison, tally.states, &tally.heads, &evidence, tally.to.cap)
        });
    let (mut base, fixed) = judged.map_or((None, Vec::new()), |(base, fixed)| (Some(base), fixed));
    if let Some(base) = &mut base {
        resolve::base(base, world);
    }
    let stops: Vec<bool> =
        rules.iter().map(|r| matches!(r.outcome, Outcome::Fail | Outcome::Review)).collect();
    let stopping = tally.fingerprints(&stops, &coverage).len() as u64;
    let (findings, hits): (Vec<Problem>, Vec<Hits>) = problems.into_iter().unzip();
    let errors: Vec<Fault> = vacuous(&rules).into_iter().collect();
    let said = |rules: &[RuleResult]| {
        let (source, sha256) = (&policy.source, &policy.sha256);
        let (evidence, base, errors) = (&evidence, base.as_ref(), &errors);
        GateVerdict::of_parts(&GateParts { source, sha256, rules, evidence, base, errors })
    };
    let rules = with_parents(rules, &context.parents, &said);
    let own_gate =
        context.own_gate.as_ref().map(|comparison| own_gate::judge(comparison, &said(&rules), world));
    let mut decision = Decision {
        gate: policy.gate.clone(),
        title: policy.title.clone(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        // A change that takes the gate's force away is decided on by the gate that had it.
        enforced: policy.enforcement == Enforcement::Blocking
            || context.own_gate.as_ref().is_some_and(|gate| gate.enforced),
        evaluated_at: context.now,
        policy: Some((policy.source.clone(), policy.sha256.clone())),
        policy_files: policy.files.clone(),
        policy_extends: policy.ancestors.clone(),
        context: context.shown.clone(),
        evidence,
        own_gate,
        base,
        fixed,
        rules,
        counts: tally.counts,
        findings,
        findings_digest,
        suppressed: tally.suppressed(),
        known: tally.old(),
        unmatched: tally.unmatched.into_iter().collect(),
        emergencies: waivers.iter().filter_map(WaiverResult::emergency).collect(),
        waivers,
        errors,
        watched: tally.watched,
        unblock: Unblock::default(),
    };
    decision.settle();
    let (unblock, versions) = Unblock::of(&decision, &hits, stopping);
    decision.unblock = unblock;
    name_versions(&mut decision.findings, versions);
    decision
}

/// Puts the version that is to be taken to each witness of a problem.
fn name_versions(problems: &mut [Problem], versions: Vec<(usize, crate::finding::Text)>) {
    for (problem, version) in versions {
        let witnesses = problems.get_mut(problem).into_iter().flat_map(|p| &mut p.witnesses);
        witnesses.for_each(|matched| Arc::make_mut(matched).finding.take = Some(version.clone()));
    }
}

/// The rules, and a row for each policy that is extended and stops by itself what they do not.
fn with_parents(
    mut rules: Vec<RuleResult>,
    parents: &[GateVerdict],
    said: &dyn Fn(&[RuleResult]) -> GateVerdict,
) -> Vec<RuleResult> {
    if !parents.is_empty() {
        let child = said(&rules);
        rules.extend(parents.iter().filter_map(|parent| parent.row(&child)));
    }
    rules
}

/// Where no rule applies there is nothing to pass.
fn vacuous(rules: &[RuleResult]) -> Option<Fault> {
    let message = "no rule applies: there is no evidence for any of them, so there is nothing to decide on";
    let none = rules.iter().all(|r| r.outcome == Outcome::NotApplicable);
    none.then(|| Fault { path: None, message: message.to_owned() })
}

/// SHA-256 over identities, one a line.
fn digest(fingerprints: &[Fingerprint]) -> String {
    let mut digest = Sha256::new();
    for id in fingerprints {
        digest.update(format!("{id}\n"));
    }
    hex(&digest.finalize())
}
