//! DECIDE: rules over what was read, one file per kind of rule; the verdict is the worst of their outcomes.

mod acceptance;
mod allowance;
mod approvals;
mod base;
mod context;
mod counted_report;
mod decision;
pub mod diagnostics;
mod document;
mod documents;
mod evidence;
pub mod explain;
mod feed;
mod finding_query;
mod gate_change;
mod gate_verdict;
mod image;
mod matched_problem;
mod outcome;
mod provenance;
mod requirement;
mod review;
mod rule;
mod sbom;
mod tally;
mod unblock;
mod verdicts;
mod waiver;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::finding::Fingerprint;
use crate::finding::hex;
use crate::policy::{Allowance, Enforcement, Policy, Rule, Subject};
use crate::report::ImageIndex;

pub use crate::policy::Clause;
pub use allowance::AllowanceDetail;
pub use base::{BaseComparison, BaseResult, GivenBase, ScanKind, matches_in_base, source_word};
pub use context::{Artifact, CodeownersFile, Context, ContextView};
pub use counted_report::CountedReport;
pub use decision::{Decision, RunError, undecided};
pub use documents::Document;
pub(crate) use documents::{DocumentLimits, unwrap_signed};
pub use evidence::{Evidence, EvidenceTarget, Status};
pub use gate_change::{GateChange, GateComparison, baseline_grown};
pub use gate_verdict::{GateStop, GateVerdict};
pub use matched_problem::MatchedProblem;
pub use outcome::{Outcome, exit_code};
pub use review::Obligation;
pub use rule::RuleResult;
pub use tally::{Counts, Matched, States, Tally, TallyContext, WatchedRules};
pub use unblock::{Unblock, UnblockStep, UnblockStepKind};
pub use waiver::{WaiverResult, WaiverStatus};

use allowance::{AllowanceContext, AllowedMatches};
use diagnostics::DecisionDiagnostic;
use gate_verdict::GateParts;
use matched_problem::{CountedProblem, Hits, problems, problems_of_rule};
use requirement::{Requirements, RuleContext, UnmetRequirement};
use rule::{RuleMatches, evaluate_requirements, judge_rule, rule_outcome};
use tally::MatchCounts;
use waiver::Coverage;

/// Evidence of a run, given to [`decide`].
#[derive(Debug)]
pub struct Gathered<'p> {
    /// Evidence as judged: files first, in the order of their index, then absent entries.
    pub evidence: Vec<Evidence>,
    /// The findings of all readable reports, related and counted.
    pub counted: CountedReport<'p>,
    /// Documents and feeds.
    pub documents: Vec<Document>,
    /// Indexes of images among the documents.
    pub indexes: Vec<ImageIndex>,
    /// Base that the change is compared with.
    pub comparison: Option<&'p GivenBase>,
    /// The states of the findings stand for a base (a case of the policy), and so many of its findings do the rules match
    /// that allow as many.
    pub base_of_case: Option<&'p BTreeMap<String, u64>>,
}

/// Applies the policy to what was gathered.
pub fn decide(policy: &Policy, context: &Context, gathered: Gathered<'_>) -> Decision {
    let Gathered { mut evidence, counted, documents, indexes, comparison, base_of_case } = gathered;
    let context = &Context { indexes, ..context.clone() };
    let CountedReport { related, mut tally } = counted;
    let around = RuleContext {
        policy,
        decides: policy,
        context,
        evidence: &[],
        documents: &documents,
        waivers: &[],
        findings_digest: "",
        fed_by: &[],
    };
    let unknown = sbom::count_licenses(RuleContext { evidence: &evidence, ..around }, &related, &mut tally);
    let (coverage, mut waivers) = waiver::judge(policy, context, &tally, &evidence, &documents);
    let details = (0..policy.rules.len()).map(|rule| tally.details(rule, &coverage)).collect();
    let (problems, hidden) = problems(policy, &waivers, &related.to.vex, &context.owners, details);
    waiver::name_hidden(&mut waivers, hidden);
    let matcher = RuleMatcher {
        tally: &tally,
        coverage: &coverage,
        problems: &problems,
        unknown: &unknown,
        base: comparison,
        base_of_case,
    };
    // Which findings need an answer does not depend on who has answered.
    let stops = matcher.stops(RuleContext { evidence: &evidence, ..around });
    let findings_digest = digest(&tally.fingerprints(&stops, &coverage));
    let around = RuleContext { waivers: &waivers, findings_digest: &findings_digest, ..around };
    let answers = review::of_evidence(RuleContext { evidence: &evidence, ..around });
    review::answer(&mut evidence, answers);
    let world = RuleContext { evidence: &evidence, ..around };
    let of_rule = |(index, rule): (usize, &Rule)| {
        let world = RuleContext { fed_by: &rule.fed_by, ..world };
        let found = matcher.matches((index, rule), world);
        let judged = judge_rule(rule, policy, context, &evidence, found, &problems, comparison);
        review::rule(rule, judged, world)
    };
    let rules: Vec<RuleResult> = policy.rules.iter().enumerate().map(of_rule).collect();
    let judged = policy.base.as_ref().filter(|_| base_of_case.is_none()).map(|base| {
        let entries = &policy.evidence;
        base::judge(base, entries, comparison, tally.states, &related.heads, &evidence, tally.to.cap)
    });
    let (mut base, fixed) = judged.map_or((None, Vec::new()), |(base, fixed)| (Some(base), fixed));
    if let Some(base) = &mut base {
        review::base(base, world);
    }
    let stops: Vec<bool> =
        rules.iter().map(|r| matches!(r.outcome, Outcome::Fail | Outcome::Review)).collect();
    let stopping = tally.fingerprints(&stops, &coverage).len() as u64;
    let (findings, hits) = with_concerned_hits(problems, &rules);
    let errors: Vec<RunError> =
        vacuous(&rules).into_iter().chain(waiver::over_budget(policy, &waivers)).collect();
    let said = |rules: &[RuleResult]| {
        let (source, sha256) = (&policy.source, &policy.sha256);
        let (evidence, base, errors) = (&evidence, base.as_ref(), &errors);
        GateVerdict::of_parts(&GateParts { source, sha256, rules, evidence, base, errors })
    };
    let rules = with_parents(rules, &context.parents, &said);
    let hidden = comparison.map(|given| given.base.more_suppressed(&related.silenced)).unwrap_or_default();
    let compared = context.own_gate.as_ref();
    let own_gate = compared.map(|gate| gate_change::judge(gate, &hidden, &said(&rules), world));
    waivers.retain(|waiver| !waiver.elsewhere);
    let mut decision = Decision {
        gate: policy.gate.clone(),
        title: policy.title.clone(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        // A change that takes the gate's force away is decided on by the gate that had it.
        enforced: policy.enforcement == Enforcement::Blocking
            || context.own_gate.as_ref().is_some_and(|gate| gate.enforced),
        evaluated_at: context.now,
        clock: context.clock,
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
    let (unblock, versions) = Unblock::work_out(&decision, &hits, stopping);
    decision.unblock = unblock;
    name_versions(&mut decision.findings, versions);
    decision
}

/// Finds what each rule matches, once it is known what is waived.
struct RuleMatcher<'m> {
    tally: &'m Tally<'m>,
    coverage: &'m Coverage,
    problems: &'m [CountedProblem],
    /// Licences of which nobody knows what they bind to, by rule and finding.
    unknown: &'m BTreeSet<(usize, Fingerprint)>,
    /// Base that the change is compared with.
    base: Option<&'m GivenBase>,
    /// The same in a case of the policy.
    base_of_case: Option<&'m BTreeMap<String, u64>>,
}

impl RuleMatcher<'_> {
    /// Which rules need an answer for findings that they match.
    fn stops(&self, around: RuleContext<'_>) -> Vec<bool> {
        let RuleContext { policy, context, evidence, .. } = around;
        let stops = |(index, rule): (usize, &Rule)| {
            let world = RuleContext { fed_by: &rule.fed_by, ..around };
            rule.subject.matches_findings()
                && matches!(
                    rule_outcome(rule, policy, context, evidence, &self.matches((index, rule), world)).0,
                    Outcome::Fail | Outcome::Review
                )
        };
        policy.rules.iter().enumerate().map(stops).collect()
    }

    fn matches(&self, (index, rule): (usize, &Rule), world: RuleContext<'_>) -> RuleMatches {
        let counts = self.tally.counted(index, self.coverage);
        let problems = problems_of_rule(self.problems, index);
        match &rule.subject {
            Subject::Findings(_) => {
                let groups = self.tally.counted_by_group(index, self.coverage);
                let own: Vec<&CountedProblem> =
                    problems.iter().filter_map(|&at| self.problems.get(at)).collect();
                let around = AllowanceContext {
                    owners: &world.context.owners,
                    evidence: world.evidence,
                    base: self.base,
                    of_case: self.base_of_case,
                };
                let allowed = allowance::judge(rule, counts, &groups, &own, around);
                matches_of_rule(counts, problems, allowed)
            }
            Subject::Sbom(sbom) => {
                let demands = evaluate_requirements(rule, world);
                let leads = problems.iter().filter_map(|&at| self.problems.get(at)?.0.lead());
                let leads: Vec<&Matched> = leads.collect();
                let unknown =
                    |matched: &Matched| self.unknown.contains(&(index, matched.finding.fingerprint));
                let said = sbom::unmet_licenses(sbom, counts, &leads, &unknown, world.context.now);
                let found = matches_of_rule(counts, problems, AllowedMatches::default());
                matches_of_sbom(found, demands, said, rule.allow)
            }
            Subject::Document(_)
            | Subject::Image(_)
            | Subject::Provenance(_)
            | Subject::Approvals(_)
            | Subject::Verdicts(_) => RuleMatches::of_demands(evaluate_requirements(rule, world), rule.allow),
        }
    }
}

/// Matches of one rule of findings, with their counts.
fn matches_of_rule(counts: MatchCounts, problems: Vec<usize>, allowed: AllowedMatches) -> RuleMatches {
    let MatchCounts { open, new, in_doubt, unanswered, unknown_license: _, waived, vexed } = counts;
    RuleMatches {
        count: open,
        new,
        in_doubt,
        unanswered,
        waived,
        vexed,
        demands: None,
        problems,
        unmet: Vec::new(),
        allowed,
    }
}

/// The same of a rule about SBOMs, whose demands count besides the licences; `licenses` says of these which are not met.
fn matches_of_sbom(
    found: RuleMatches,
    mut demands: Requirements,
    licenses: Vec<UnmetRequirement>,
    allow: Allowance,
) -> RuleMatches {
    let unmet: Vec<String> = demands.unmet.iter().map(|unmet| unmet.text.clone()).collect();
    demands.unmet.extend(licenses);
    let count = found.count + unmet.len() as u64;
    RuleMatches {
        count,
        demands: Some(demands),
        unmet,
        allowed: allowance::of_demands(count, allow),
        ..found
    }
}

/// The problems, and of each what counts for a rule and is in a group that has too many, where the rule has groups.
fn with_concerned_hits(
    problems: Vec<CountedProblem>,
    rules: &[RuleResult],
) -> (Vec<MatchedProblem>, Vec<Hits>) {
    let (findings, mut hits): (Vec<MatchedProblem>, Vec<Hits>) = problems.into_iter().unzip();
    for (problem, hits) in findings.iter().zip(&mut hits) {
        hits.retain(|(witness, rule)| rules.get(*rule).is_none_or(|r| r.allowed.concerns(problem, *witness)));
    }
    (findings, hits)
}

/// Puts the version that is to be taken to each witness of a problem.
fn name_versions(problems: &mut [MatchedProblem], versions: Vec<(usize, crate::finding::Text)>) {
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
fn vacuous(rules: &[RuleResult]) -> Option<RunError> {
    let none = rules.iter().all(|r| r.outcome == Outcome::NotApplicable);
    none.then(|| RunError::of(None, &DecisionDiagnostic::NothingToDecideOn))
}

/// SHA-256 over identities, one a line.
fn digest(fingerprints: &[Fingerprint]) -> String {
    let mut digest = Sha256::new();
    for id in fingerprints {
        digest.update(format!("{id}\n"));
    }
    hex(&digest.finalize())
}
