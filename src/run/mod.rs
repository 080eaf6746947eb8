//! One run of a gate: what is asked for ([`RunRequest`]), and the same with everything but the evidence read
//! ([`ResolvedRun`]), which decides.
//!
//! A command line is one way to make a request; nothing here knows of it. The environment is read here and nowhere
//! else, a closed list of variables, and only where the request allows it.

mod base;
mod beside;
mod bundle;
mod codeowners;
pub mod diagnostics;
mod environment;
mod flip;
mod gate_before;
mod git;
mod policy_source;
mod replay_job;
mod replay_stream;
mod replayed;
mod revalidation;
mod saved_run;
mod waiver_files;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use codeowners::CodeownersText;
use diagnostics::RunDiagnostic;

pub use base::BaseRequest;
pub(crate) use base::{UNKNOWN, baseline, project, same_key, secret_key};
pub(crate) use bundle::{RecomputedVerdict, VERDICT, decide_and_pack, read_bundle, recomputed};
pub(crate) use environment::{Environment, RunFlags, context, parse_commit};
pub(crate) use flip::FlipRequest;
pub use gate_before::GateBeforeRequest;
pub(crate) use git::{command as git_command, commit as commit_of, git, merge_base};
pub use policy_source::PolicyRequest;
pub(crate) use policy_source::{PolicySource, bytes_of, known_format, mappings};
pub(crate) use replay_job::{ReplayJob, ReplayTotals, RowTarget};
pub(crate) use replayed::{ReplayPolicy, RunReplayer};
pub(crate) use revalidation::{RevalidatedBundle, Revalidation, RevalidationRequest, revalidate};
pub(crate) use saved_run::{FoundRuns, find_runs};
pub(crate) use waiver_files::{of_files as waivers_of_files, read_waivers};

use crate::attest::ClockSource;
use crate::decide::{self, Context, Decision, Evidence, GateVerdict, GivenBase, RunError};
use crate::evidence_snapshot::EvidenceSnapshot;
use crate::finding::{Finding, SecretKey, clean};
use crate::gather::{
    EvidenceSource, GivenFile, Inputs, Instead, Limits, evidence_files, expand, standard_input,
};
use crate::policy::waiver::Waiver;
use crate::policy::{Policy, ReportMapping};
use crate::relate::Waivers;
use crate::report::Source;
use base::{BaselineFrom, BaselineText, ComparedUnder, GivenDiff, name_copies_of_head};
use beside::{Beside, BesideRole};
use gate_before::{FeedsBefore, GateBefore, Present};

/// Request for a run, before anything was read.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Which policy decides.
    pub policy: PolicyRequest,
    /// Reports, and directories of reports; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// Reports, each after the format that it must have.
    pub input: Vec<(String, PathBuf)>,
    /// Files, each after the entry of the policy's evidence that it is for.
    pub evidence: Vec<(String, PathBuf)>,
    /// Entries whose scanner was handed only the files that changed: it may find none of them its own.
    pub partial_entries: Vec<String>,
    /// Base that the change is compared with.
    pub base: BaseRequest,
    /// Waiver files, besides those that the policy names.
    pub waivers: Vec<PathBuf>,
    /// Who owns which file, if not where it is looked for.
    pub codeowners: Option<PathBuf>,
    /// The gate before the change.
    pub gate_before: GateBeforeRequest,
    /// The commit that the run is about.
    pub commit: Option<String>,
    /// The artifacts that the run is about, as `[SUBJECT=]NAME@sha256:HEX`.
    pub subjects: Vec<String>,
    /// Values of the policy's parameters, as `NAME=VALUE`.
    pub parameters: Vec<String>,
    /// The project's directory as scanners saw it.
    pub root: Option<String>,
    /// Nothing is read from the environment.
    pub no_env: bool,
    /// How much is read and kept.
    pub limits: Limits,
    /// The run's clock.
    pub now: Timestamp,
    /// Where that time is from.
    pub clock: ClockSource,
}

/// A run of which everything is at hand but the evidence.
pub struct ResolvedRun {
    /// The deciding policy.
    pub policy: Policy,
    /// Remarks made on the way, each in a line.
    pub remarks: Vec<String>,
    request: RunRequest,
    waivers: Waivers,
    /// The gate before the change, where something says so.
    gate_before: Option<GateBefore>,
    evidence: RunEvidence,
    context: Context,
    roots: Vec<String>,
    comparison: Option<GivenBase>,
    secret_key: Option<SecretKey>,
    change: Option<GivenDiff>,
    baseline: BaselineFrom,
    kept: KeptInputs,
    /// Names and bytes of its waiver files, where they are not those of now.
    waiver_texts: Vec<(String, Vec<u8>)>,
    /// Other gates that decide on the same evidence, and whose verdicts count.
    besides: Vec<Beside>,
}

/// Bytes of files that were decided on, of which a bundle could not tell whether they are still the same.
#[derive(Debug, Default)]
struct KeptInputs {
    baseline: Option<BaselineText>,
    codeowners: Option<CodeownersText>,
}

/// Where the evidence of a run comes from.
enum RunEvidence {
    /// Files as given, and feeds as they were before a change.
    Files { given: Vec<GivenFile>, feeds: FeedsBefore },
    /// Evidence of an earlier run.
    Saved(EvidenceSnapshot),
}

/// The evidence of a run as it was read, and that of the gates beside it in their order.
#[derive(Debug, Default)]
pub(crate) struct KeptEvidence {
    saved: OnceCell<EvidenceSnapshot>,
    besides: Vec<KeptEvidence>,
}

impl RunRequest {
    /// A request of the gate of that name, without any file, at that time.
    pub fn of_nothing(gate: &str, now: Timestamp, limits: Limits) -> Self {
        Self {
            policy: PolicyRequest { gate: gate.to_owned(), policy: None, require_policy: None },
            paths: Vec::new(),
            input: Vec::new(),
            evidence: Vec::new(),
            partial_entries: Vec::new(),
            base: BaseRequest::default(),
            waivers: Vec::new(),
            codeowners: None,
            gate_before: GateBeforeRequest::default(),
            commit: None,
            subjects: Vec::new(),
            parameters: Vec::new(),
            root: None,
            no_env: true,
            limits,
            now,
            clock: ClockSource::Pinned,
        }
    }

    /// Loads all that is not evidence.
    pub fn resolve(&self) -> Result<ResolvedRun> {
        self.resolve_with(self.policy.policy()?, None)
    }

    /// Flags that say what the run is about.
    fn flags(&self) -> RunFlags<'_> {
        RunFlags {
            commit: self.commit.as_deref(),
            subjects: &self.subjects,
            parameters: &self.parameters,
            no_env: self.no_env,
        }
    }

    /// The same of this policy, and of these waivers if they were read already.
    pub(crate) fn resolve_with(&self, policy: Policy, waivers: Option<&[Waiver]>) -> Result<ResolvedRun> {
        let base = self.base.with_found_baseline(&policy);
        Self { base, ..self.clone() }.resolve_all(policy, waivers)
    }

    /// The same, once it is said what the change is compared with.
    fn resolve_all(&self, mut policy: Policy, waivers: Option<&[Waiver]>) -> Result<ResolvedRun> {
        let given = self.given_files(&policy.mappings)?;
        let mut environment = Environment::read_variables(self.no_env);
        let mut context = context(&self.flags(), &mut environment, &policy, self.now)?;
        context.clock = self.clock;
        let codeowners = codeowners::read_codeowners(self.codeowners.as_deref())?;
        if let Some(file) = &codeowners {
            codeowners::put_codeowners(file, &mut context);
        }
        let roots = environment.roots(self.root.as_deref());
        let secret_key = secret_key(self.base.secret_key.as_deref())?;
        let waivers = || match waivers {
            Some(waivers) => Ok(waivers.to_vec()),
            None => waiver_files::of_run(&policy, &self.waivers, self.now),
        };
        let directory = project(self.root.as_deref(), &roots);
        let change = self.base.change(&directory)?;
        let mut remarks = Vec::new();
        let mut base = || {
            let (key, change) = (secret_key.as_ref(), change.as_ref());
            let (policy, limits, roots, directory) = (&policy, self.limits, &roots, &directory);
            let now = self.now.as_second();
            let under = ComparedUnder { policy, limits, roots, directory, key, change, now };
            let text = self.base.baseline_text()?;
            let comparison = self.base.comparison(&under, text.as_ref(), &mut remarks)?;
            anyhow::Ok((comparison, text))
        };
        // Either can be a large file.
        let (waivers, comparison) = if self.base.is_given() {
            thread::scope(|scope| match thread::Builder::new().spawn_scoped(scope, waivers) {
                Ok(reading) => {
                    let base = base();
                    let bug = || Err(anyhow!("the waivers could not be read: a bug"));
                    (reading.join().unwrap_or_else(|_| bug()), base)
                }
                // No second thread can be had.
                Err(_) => (waivers(), base()),
            })
        } else {
            (waivers(), base())
        };
        let waivers = waivers?;
        let (mut comparison, baseline) = comparison?;
        let mut evidence = Vec::new();
        if change.is_some() {
            evidence.extend(evidence_files(&policy, &given));
            for path in &self.base.base_reports {
                let of_base = GivenFile { path: path.clone(), format: None, entry: None };
                evidence.extend(expand(&of_base).files.into_iter().map(|(path, _)| path));
            }
        }
        let present = Present {
            request: &self.policy,
            policy: &policy,
            given: &self.waivers,
            baseline: baseline.as_ref(),
            given_owners: self.codeowners.as_deref(),
            owners: codeowners.as_ref(),
            evidence: &evidence,
            now: self.now,
        };
        let mut gate_before = self.gate_before.read_gate_before(present, change.as_ref())?;
        context.own_gate =
            gate_before.as_ref().map(|before| before.compare(&policy, &waivers, self.now)).transpose()?;
        // What a scan of a part asks for is no edit of the policy, so that it is compared without.
        self.leave_parts(&mut policy);
        let waivers = Waivers::new(waivers).below(directory);
        let request = self.clone();
        if !self.base.base_reports.is_empty() {
            name_copies_of_head(comparison.as_mut(), &evidence_files(&policy, &given), self.limits);
        }
        let extends = !policy.ancestors.is_empty();
        let text = (extends || gate_before.is_some()).then(|| self.policy.text()).transpose()?;
        let former = gate_before.as_mut().zip(text.as_ref()).and_then(|(before, text)| before.former(text));
        let mut run = ResolvedRun {
            policy,
            remarks,
            request,
            waivers,
            gate_before,
            evidence: RunEvidence::Files { given, feeds: FeedsBefore::new() },
            context,
            roots,
            comparison,
            secret_key,
            change,
            baseline: BaselineFrom::Given,
            kept: KeptInputs { baseline, codeowners },
            waiver_texts: Vec::new(),
            besides: Vec::new(),
        };
        run.besides = self.besides(&run, text.as_ref(), former)?;
        Ok(run)
    }

    /// The files as given, in the order of the flags; `mappings` are formats of the user's own.
    fn given_files(&self, mappings: &[ReportMapping]) -> Result<Vec<GivenFile>> {
        let mut given = given_reports(&self.paths, &self.input, mappings)?;
        for (entry, path) in &self.evidence {
            given.push(GivenFile { path: path.clone(), format: None, entry: Some(entry.clone()) });
        }
        Ok(given)
    }

    /// The decision that none could be reached.
    pub fn undecided(&self, error: &anyhow::Error) -> Decision {
        undecided(&self.policy.gate, self.no_env, (self.now, self.clock), error)
    }
}

/// Reports as given; `mappings` are formats of the user's own.
pub(crate) fn given_reports(
    paths: &[PathBuf],
    input: &[(String, PathBuf)],
    mappings: &[ReportMapping],
) -> Result<Vec<GivenFile>> {
    let mut given = Vec::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!(RunDiagnostic::EmptyPath);
        }
        given.push(GivenFile { path: path.clone(), format: None, entry: None });
    }
    for (format, path) in input {
        known_format(format, mappings).with_context(|| format!("--input {}", clean(format)))?;
        given.push(GivenFile { path: path.clone(), format: Some(format.clone()), entry: None });
    }
    Ok(given)
}

/// The decision of a gate that none could be reached.
pub(crate) fn undecided(
    gate: &str,
    no_env: bool,
    at: (Timestamp, ClockSource),
    error: &anyhow::Error,
) -> Decision {
    let shown = Environment::read_variables(no_env).context_view(None);
    let fault = RunError::of(None, &diagnostics::said(error));
    decide::undecided(gate, at, shown, vec![fault])
}

impl ResolvedRun {
    /// A run on evidence of an earlier one.
    pub(crate) fn of_saved(
        policy: Policy,
        waivers: Vec<Waiver>,
        saved: EvidenceSnapshot,
        context: Context,
        comparison: Option<GivenBase>,
        limits: Limits,
    ) -> Self {
        let request = RunRequest::of_nothing(&policy.gate, context.now, limits);
        Self {
            policy,
            remarks: Vec::new(),
            request,
            waivers: Waivers::new(waivers),
            gate_before: None,
            evidence: RunEvidence::Saved(saved),
            context,
            roots: Vec::new(),
            comparison,
            secret_key: None,
            change: None,
            baseline: BaselineFrom::Given,
            kept: KeptInputs::default(),
            waiver_texts: Vec::new(),
            besides: Vec::new(),
        }
    }

    /// Reads the evidence and decides; `watch` is what somebody asks about, as `explain` takes it.
    pub fn decide(&self, watch: Option<&str>) -> Decision {
        self.answer(watch, &mut KeptEvidence::default(), false, None)
    }

    /// The same, with the evidence as it was read.
    pub(crate) fn decide_and_keep(&self, kept: &mut KeptEvidence) -> Decision {
        self.answer(None, kept, true, None)
    }

    /// Subject of the run.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Ids of the waivers whose `match` fits a finding.
    pub(crate) fn speaking(&self, finding: &Finding) -> Vec<String> {
        let of = self.waivers.matching(finding);
        of.iter().filter_map(|&(at, _)| Some(self.waivers.list().get(at as usize)?.id.clone())).collect()
    }

    /// Decides after the gates beside it, whose verdicts count. What is read more than once must be the same each time.
    fn answer(
        &self,
        watch: Option<&str>,
        kept: &mut KeptEvidence,
        keep: bool,
        stdin: Option<&Source>,
    ) -> Decision {
        let read = self.standard_input().filter(|_| stdin.is_none());
        let stdin = stdin.or(read.as_ref());
        let mut context = Cow::Borrowed(&self.context);
        let mut others = Vec::new();
        kept.besides.resize_with(self.besides.len(), KeptEvidence::default);
        for (Beside { role, gate }, kept) in self.besides.iter().zip(&mut kept.besides) {
            let said = match gate {
                Ok(gate) => {
                    let decision = gate.answer(None, kept, keep, stdin);
                    let said = GateVerdict::of_decision(&decision);
                    others.push(decision.evidence);
                    said
                }
                Err(said) => said.clone(),
            };
            let context = context.to_mut();
            match role {
                BesideRole::Parent => context.parents.push(said),
                BesideRole::Former => {
                    if let Some(comparison) = &mut context.own_gate {
                        comparison.former = Some(said);
                    }
                }
            }
        }
        let mut decision = self.decide_alone(&context, watch, keep.then_some(&kept.saved), stdin);
        // What was saved was compared when it was read.
        let read = matches!(self.evidence, RunEvidence::Files { .. });
        let differing =
            if read { differing(&decision.evidence, &others, &self.feeds_before()) } else { Vec::new() };
        for path in differing {
            decision.add_error(RunError::of(Some(path), &RunDiagnostic::FileChangedDuringRun));
        }
        decision
    }

    fn decide_alone(
        &self,
        context: &Context,
        watch: Option<&str>,
        keep: Option<&OnceCell<EvidenceSnapshot>>,
        stdin: Option<&Source>,
    ) -> Decision {
        let mut instead = Instead { standard_input: stdin.cloned(), feeds: BTreeMap::new() };
        let source = match &self.evidence {
            RunEvidence::Saved(saved) => EvidenceSource::Saved(saved),
            RunEvidence::Files { given, feeds } => {
                let held = |bytes: &Vec<u8>| Source::Bytes(bytes.as_slice().into());
                let feeds = feeds.iter().map(|(path, was)| (path.clone(), was.as_ref().map(held)));
                instead.feeds = feeds.collect();
                EvidenceSource::Files { given, watch, keep, instead: Some(&instead) }
            }
        };
        let inputs = Inputs {
            policy: &self.policy,
            waivers: &self.waivers,
            source,
            roots: &self.roots,
            comparison: self.comparison.as_ref(),
            change: self.change.as_ref().map(|change| change.diff.as_ref()),
            secret_key: self.secret_key.as_ref(),
        };
        crate::check(inputs, context, self.request.limits).unwrap_or_else(|faults| {
            let shown = context.shown.clone();
            decide::undecided(&self.policy.gate, (context.now, context.clock), shown, faults)
        })
    }

    /// Standard input, where it is evidence for several gates. What cannot be read is said where it is needed.
    fn standard_input(&self) -> Option<Source> {
        let RunEvidence::Files { given, .. } = &self.evidence else { return None };
        let is_given = given.iter().any(|one| one.path == Path::new("-"));
        (is_given && !self.besides.is_empty())
            .then(|| standard_input(self.request.limits.max_stdin).ok())
            .flatten()
    }

    /// Feeds that the gates beside read as they were.
    fn feeds_before(&self) -> Vec<&Path> {
        let gates = self.besides.iter().filter_map(|beside| beside.gate.as_ref().ok());
        let feeds = gates.filter_map(|gate| match &gate.evidence {
            RunEvidence::Files { feeds, .. } => Some(feeds.keys()),
            RunEvidence::Saved(_) => None,
        });
        feeds.flatten().map(PathBuf::as_path).collect()
    }
}

/// Files that were not the same when another gate read them, but for those in `but`.
fn differing(evidence: &[Evidence], others: &[Vec<Evidence>], but: &[&Path]) -> Vec<String> {
    let digests: BTreeMap<&str, &String> =
        evidence.iter().filter_map(|one| Some((one.path.as_ref()?.as_str(), one.sha256.as_ref()?))).collect();
    let mut differing: Vec<String> = Vec::new();
    for one in others.iter().flatten() {
        let (Some(path), Some(sha256)) = (&one.path, &one.sha256) else { continue };
        let path = path.as_str();
        let same = digests.get(path).is_none_or(|known| *known == sha256);
        if !same && !but.contains(&Path::new(path)) && !differing.iter().any(|known| known == path) {
            differing.push(path.to_owned());
        }
    }
    differing
}
