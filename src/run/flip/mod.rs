//! Why two saved runs have different verdicts.
//!
//! Nothing is guessed from what looks different: the run with the worse verdict gets inputs of the other, and is decided on again
//! by the code that decided on both. The smallest sets of inputs that give it the other's verdict are the causes, whichever run
//! came first. Evidence is swapped as it was read, so that a report's findings, its time and its tool are inputs by themselves.

mod causes;
mod inputs;
mod mixing;
mod search;
mod side;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::diagnostics::RunDiagnostic;
use super::policy_source::PolicyRequest;
use super::replayed::{ReplayPolicy, RunReplayer};
use super::saved_run::SavedRun;
use crate::decide::Decision;
use crate::gather::Limits;
use crate::replay::{ComparedRun, DIFF_SCHEMA, FlipExplanation, RunComparison, flip_effects};

use inputs::RunInput;
use mixing::MixedRun;
use search::smallest_sets;
use side::{ComparedSide, run_named};

/// Explanations that are told; more say the same in other ways.
const TOLD: usize = 16;

/// A comparison of two runs that was asked for.
pub(crate) struct FlipRequest<'r> {
    /// The runs: each a path that replay takes, or `PATH#ID`.
    pub(crate) runs: [&'r Path; 2],
    /// Where contents lie that runs name by their digests.
    pub(crate) store: Option<&'r Path>,
    /// The policy of both; else each is decided on by its own.
    pub(crate) policy: Option<&'r Path>,
    /// That of the second.
    pub(crate) against: Option<&'r Path>,
    /// Values of parameters that a run does not give, as `NAME=VALUE`.
    pub(crate) parameters: &'r [String],
}

impl FlipRequest<'_> {
    /// Compares them.
    pub(crate) fn compare(&self) -> Result<RunComparison> {
        let [first, second] = self.runs.map(|path| run_named(path, self.store));
        let runs = [first?, second?];
        let [first, second] = &runs;
        let policies = vec![policy_of(first, self.policy)?, policy_of(second, self.against.or(self.policy))?];
        let limits = Limits { max_report: 8 << 30, max_stdin: 0, max_findings: usize::MAX >> 1 };
        let parameters = self.parameters.to_vec();
        let replayer = RunReplayer { policies, limits, pinned: None, parameters, keep: true };
        let [first, second] = runs.map(|run| ComparedSide::new(run, &replayer));
        Flip::new(MixedRun::new([first?, second?], &replayer)?)?.explain()
    }
}

/// The policy that is given, else the run's own.
fn policy_of(run: &SavedRun, given: Option<&Path>) -> Result<ReplayPolicy> {
    match given {
        Some(path) => {
            let request = PolicyRequest::of_file(path.to_owned());
            ReplayPolicy::load(&request, &request.source()?)
        }
        None => side::own_policy(run),
    }
}

/// Two runs, and what was decided on each.
struct Flip<'f> {
    mixed: MixedRun<'f>,
    decisions: [Decision; 2],
}

impl<'f> Flip<'f> {
    fn new(mut mixed: MixedRun<'f>) -> Result<Self> {
        let decided = [0, 1].map(|side| mixed.decide_as_it_was(side));
        let [first, second] = decided;
        let decisions = [first?, second?];
        mixed.worse = usize::from(decisions[1].verdict > decisions[0].verdict);
        Ok(Self { mixed, decisions })
    }

    fn explain(mut self) -> Result<RunComparison> {
        let [first, second] = &self.decisions;
        let same_verdict = first.verdict == second.verdict;
        let differing = self.mixed.differing()?;
        let mut explanations = Vec::new();
        if !same_verdict {
            explanations = self.explanations(&differing)?;
        }
        let [first, second] = &self.decisions;
        let named: BTreeSet<String> =
            explanations.iter().flat_map(|one| one.causes.iter().map(|cause| cause.input.clone())).collect();
        let mut other_inputs: Vec<String> = differing.iter().map(RunInput::name).collect();
        other_inputs.dedup();
        other_inputs.retain(|name| !named.contains(name));
        let [a, b] = &self.mixed.sides;
        let mut remarks = Vec::new();
        for (side, decision) in [(a, first), (b, second)] {
            remarks.extend(side.remark(decision));
        }
        Ok(RunComparison {
            schema: DIFF_SCHEMA,
            runs: [
                ComparedRun::new(a.id.clone(), a.commit(), first),
                ComparedRun::new(b.id.clone(), b.commit(), second),
            ],
            same_verdict,
            explanations,
            changes: flip_effects(first, second),
            other_inputs,
            remarks,
        })
    }

    fn wanted(&self) -> crate::decide::Outcome {
        let [first, second] = &self.decisions;
        first.verdict.min(second.verdict)
    }

    /// Sets of inputs: reports first, then the findings in them.
    fn explanations(&mut self, differing: &[RunInput]) -> Result<Vec<FlipExplanation>> {
        let wanted = self.wanted();
        let all: BTreeSet<RunInput> = differing.iter().cloned().collect();
        if self.mixed.decide(&all)?.verdict != wanted {
            bail!(RunDiagnostic::UnexplainedVerdict);
        }
        let whole = smallest_sets(differing, |given| Ok(self.mixed.decide(given)?.verdict == wanted))?;
        let mut found = Vec::new();
        for set in whole.sets {
            found.extend(self.refined(&set, whole.minimal)?);
        }
        found.truncate(TOLD);
        found.into_iter().map(|(set, minimal)| self.explanation(&set, minimal)).collect()
    }

    /// The same with the findings of reports, one report after the other.
    fn refined(&mut self, set: &[RunInput], minimal: bool) -> Result<Vec<(Vec<RunInput>, bool)>> {
        let wanted = self.wanted();
        let mut sets = vec![(set.to_vec(), minimal)];
        let reports: Vec<String> = set.iter().filter_map(RunInput::findings_of).map(str::to_owned).collect();
        for report in reports {
            let units = self.mixed.take_apart(&report)?;
            let mut next = Vec::new();
            for (set, minimal) in sets {
                let rest: BTreeSet<RunInput> =
                    set.iter().filter(|one| one.findings_of() != Some(&report)).cloned().collect();
                let with = |units: &BTreeSet<RunInput>| rest.union(units).cloned().collect::<BTreeSet<_>>();
                let is_enough = |mixed: &MixedRun<'_>, units: &BTreeSet<RunInput>| -> Result<bool> {
                    Ok(mixed.decide(&with(units))?.verdict == wanted)
                };
                let every: BTreeSet<RunInput> = units.iter().cloned().collect();
                if !is_enough(&self.mixed, &every)? {
                    // The order of findings, or how many there are, is all that differs.
                    next.push((set, minimal));
                    continue;
                }
                let matched = self.mixed.matched(&units, [&self.decisions[0], &self.decisions[1]]);
                let some: BTreeSet<RunInput> = matched.iter().cloned().collect();
                let units = if is_enough(&self.mixed, &some)? { matched } else { units.clone() };
                let smallest = smallest_sets(&units, |given| is_enough(&self.mixed, given))?;
                for units in smallest.sets {
                    next.push((rest.iter().cloned().chain(units).collect(), minimal && smallest.minimal));
                }
            }
            next.truncate(TOLD);
            sets = next;
        }
        Ok(sets)
    }

    fn explanation(&self, set: &[RunInput], minimal: bool) -> Result<FlipExplanation> {
        let given: BTreeSet<RunInput> = set.iter().cloned().collect();
        let with = self.mixed.decide(&given)?;
        let mut causes = Vec::new();
        for input in set {
            let mut others = given.clone();
            others.remove(input);
            let without = self.mixed.decide(&others)?;
            causes.push(causes::cause(&self.mixed, input, (&without, &with)));
        }
        causes.sort_by_key(|cause| (cause.kind, cause.input.clone(), cause.text.clone()));
        Ok(FlipExplanation { causes, minimal })
    }
}
