//! A saved run, decided on again by policies that were read once. All that it rests on comes from the run.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::base::{BaseRequest, BaselineText, ComparedUnder, GivenDiff};
use super::beside::{inherited, parent_policies};
use super::bundle::{BundledEvidence, evidence_of, recorded_verdict};
use super::codeowners::{CodeownersText, put_codeowners};
use super::diagnostics::{RunDiagnostic, said};
use super::environment::{Environment, RunFlags, another_context};
use super::policy_source::{PolicyRequest, PolicySource, PolicyText};
use super::saved_run::{DIFF, RunContent, SavedRun};
use super::waiver_files::parse;
use crate::attest::ClockSource;
use crate::attest::bundle::Bundle;
use crate::decide::{self, Context, ContextView, Decision, GateVerdict, GivenBase, RunError};
use crate::evidence_snapshot::{EvidenceSnapshot, SavedReport};
use crate::finding::clean_line;
use crate::gather::{EvidenceSource, Inputs, Limits, Readings, SavedFile};
use crate::policy::waiver::{self, Waiver};
use crate::policy::{BaseSource, EntryKind, Policy, TrustRules};
use crate::relate::{CODEOWNERS, Waivers};
use crate::replay::{PastVerdict, Recall, RunDescription, recalled_reports};

/// Where the base of a run may lie in it.
const BASELINES: [&str; 2] = ["baseline.jsonl", ".secgate/baseline.jsonl"];
/// Largest file of a run that is no evidence.
pub(super) const MAX_FILE: u64 = 64 << 20;

/// A policy that decides on many runs, read once, with those that it extends.
pub(crate) struct ReplayPolicy {
    /// The policy.
    pub(crate) policy: Policy,
    pub(super) parents: Vec<Policy>,
    /// The same, trusting every scanner, where it does not.
    trusting: Option<Box<ReplayPolicy>>,
}

impl ReplayPolicy {
    /// Reads and checks it.
    pub(crate) fn load(request: &PolicyRequest, source: &PolicySource) -> Result<Self> {
        let read = || -> Result<Self> {
            let policy = request.load(source)?;
            let parents = if policy.ancestors.is_empty() {
                Vec::new()
            } else {
                parent_policies(&source.text()?, &policy)?
            };
            Ok(Self { policy, parents, trusting: None })
        };
        let mut policy = read()?;
        if policy.all().any(|policy| policy.trust != TrustRules::default()) {
            let mut trusting = read()?;
            for policy in std::iter::once(&mut trusting.policy).chain(&mut trusting.parents) {
                policy.trust = TrustRules::default();
            }
            policy.trusting = Some(Box::new(trusting));
        }
        Ok(policy)
    }

    /// The policy of this text, which trusts whom it trusts.
    pub(super) fn of_text(text: &PolicyText) -> Result<Self> {
        let policy = text.load()?;
        let parents = parent_policies(text, &policy)?;
        Ok(Self { policy, parents, trusting: None })
    }

    fn all(&self) -> impl Iterator<Item = &Policy> {
        std::iter::once(&self.policy).chain(&self.parents)
    }
}

/// Decides on saved runs.
pub(crate) struct RunReplayer {
    /// The policies, each of which decides on each run.
    pub(crate) policies: Vec<ReplayPolicy>,
    /// How much is read and kept.
    pub(crate) limits: Limits,
    /// The clock of all runs, in place of their own.
    pub(crate) pinned: Option<Timestamp>,
    /// Values of parameters that a run does not give, as `NAME=VALUE`.
    pub(crate) parameters: Vec<String>,
    /// The evidence is kept as it was read.
    pub(crate) keep: bool,
}

/// What a policy says to a run.
pub(crate) struct ReplayedDecision {
    pub(crate) decision: Decision,
    /// The evidence as it was read, where it is kept.
    pub(crate) evidence: Option<EvidenceSnapshot>,
    /// Where it rested on a scanner that the policy does not trust: what it would be if it did.
    pub(crate) recall: Option<Recall>,
}

/// Files of a run that are no evidence, and its evidence.
pub(super) struct RunMaterial<'r> {
    pub(super) about: &'r RunDescription,
    pub(super) files: &'r [SavedFile],
    pub(super) change: Option<GivenDiff>,
    pub(super) baseline: Option<BaselineText>,
    pub(super) readings: Readings,
}

/// The files of a run, those that are no evidence apart.
pub(super) struct RunFiles {
    pub(super) evidence: Vec<SavedFile>,
    pub(super) diff: Option<Vec<u8>>,
    /// Name and bytes.
    pub(super) baseline: Option<(&'static str, Vec<u8>)>,
}

impl RunFiles {
    pub(super) fn new(files: &[SavedFile]) -> Result<Self> {
        let whole = |name: &str| -> Result<Option<Vec<u8>>> {
            let file = files.iter().find(|file| file.name == name);
            Ok(file.map(|file| file.source.bytes(MAX_FILE)).transpose()?)
        };
        let mut baseline = None;
        for name in BASELINES {
            if let (None, Some(bytes)) = (&baseline, whole(name)?) {
                baseline = Some((name, bytes));
            }
        }
        let is_evidence = |file: &&SavedFile| file.name != DIFF && !BASELINES.contains(&file.name.as_str());
        Ok(Self {
            evidence: files.iter().filter(is_evidence).cloned().collect(),
            diff: whole(DIFF)?,
            baseline,
        })
    }

    /// What is decided on.
    pub(super) fn material<'r>(&'r self, about: &'r RunDescription) -> Result<RunMaterial<'r>> {
        self.compared_with(about, self.baseline.as_ref(), self.diff.as_ref())
    }

    /// The same, compared with the base of another run.
    pub(super) fn compared_with<'r>(
        &'r self,
        about: &'r RunDescription,
        baseline: Option<&(&'static str, Vec<u8>)>,
        diff: Option<&Vec<u8>>,
    ) -> Result<RunMaterial<'r>> {
        let change = diff.cloned().map(|bytes| GivenDiff::of_saved_run(DIFF, bytes)).transpose()?;
        let baseline =
            baseline.map(|(name, bytes)| BaselineText { path: name.into(), bytes: bytes.clone().into() });
        Ok(RunMaterial { about, files: &self.evidence, change, baseline, readings: Readings::default() })
    }
}

impl RunReplayer {
    /// The decision of each policy on a run, in their order.
    pub(crate) fn decide(&self, run: &SavedRun) -> Vec<ReplayedDecision> {
        let decided = match &run.content {
            RunContent::Files(files) => self.of_files(&run.about, files),
            RunContent::Bundle(bundle) => self.of_bundle(bundle),
            RunContent::Broken { fault, .. } => return self.undecided(Timestamp::UNIX_EPOCH, fault),
        };
        decided.unwrap_or_else(|error| {
            let now = run.about.time.as_deref().and_then(|time| time.parse().ok());
            self.undecided(
                self.pinned.or(now).unwrap_or(Timestamp::UNIX_EPOCH),
                &RunError::of(None, &said(&error)),
            )
        })
    }

    /// That no policy can decide.
    pub(crate) fn undecided(&self, now: Timestamp, fault: &RunError) -> Vec<ReplayedDecision> {
        self.policies.iter().map(|policy| undecided(&policy.policy, now, fault.clone())).collect()
    }

    fn of_files(&self, about: &RunDescription, files: &[SavedFile]) -> Result<Vec<ReplayedDecision>> {
        let apart = RunFiles::new(files)?;
        let run = apart.material(about)?;
        let now = self.clock_of(&run)?;
        self.policies
            .iter()
            .map(|policy| {
                let said = self.by_policy(policy, &run, now)?;
                recalled(policy, said, None, |trusting| self.by_policy(trusting, &run, now))
            })
            .collect()
    }

    /// The clock that a run is judged by.
    pub(super) fn clock_of(&self, run: &RunMaterial<'_>) -> Result<Timestamp> {
        match (self.pinned, &run.about.time) {
            (Some(pinned), _) => Ok(pinned),
            (None, Some(time)) => time.parse().map_err(|_| {
                let shown = clean_line(time).into_owned();
                anyhow!(RunDiagnostic::InvalidRunTime { shown })
            }),
            (None, None) => self.newest_report(run),
        }
    }

    /// When the newest report of a run was made, where the run does not say its time.
    fn newest_report(&self, run: &RunMaterial<'_>) -> Result<Timestamp> {
        let Some(first) = self.policies.first() else { return Err(RunDiagnostic::RunWithoutTime.into()) };
        let said = self.by_policy(first, run, Timestamp::UNIX_EPOCH)?.decision;
        let times = said.evidence.iter().filter_map(|evidence| evidence.generated_at.as_deref());
        let newest = times.filter_map(|time| time.parse().ok()).max();
        newest.ok_or_else(|| RunDiagnostic::RunWithoutTime.into())
    }

    pub(super) fn by_policy(
        &self,
        by: &ReplayPolicy,
        run: &RunMaterial<'_>,
        now: Timestamp,
    ) -> Result<ReplayedDecision> {
        let waivers = waivers_of_run(&by.policy, run.files, now)?;
        let mut context = self.context(run, &by.policy, now)?;
        for parent in &by.parents {
            let parent_context = self.context(run, parent, now)?;
            let waivers = inherited(&waivers, &by.policy, parent);
            let said = self.decide_files(parent, run, &parent_context, waivers, false)?;
            context.parents.push(GateVerdict::of_decision(&said.decision));
        }
        self.decide_files(&by.policy, run, &context, waivers, self.keep)
    }

    pub(super) fn decide_files(
        &self,
        policy: &Policy,
        run: &RunMaterial<'_>,
        context: &Context,
        waivers: Vec<Waiver>,
        keep: bool,
    ) -> Result<ReplayedDecision> {
        let files: Vec<SavedFile> =
            run.files.iter().filter(|file| is_evidence(policy, file)).cloned().collect();
        let roots: Vec<String> = run.about.root.iter().cloned().collect();
        let asked = BaseRequest {
            baseline: run.baseline.as_ref().map(|baseline| baseline.path.clone()),
            diff: run.change.as_ref().map(|_| PathBuf::from(DIFF)),
            tree_is_gone: true,
            ..BaseRequest::default()
        };
        let under = ComparedUnder {
            policy,
            limits: self.limits,
            roots: &roots,
            directory: Path::new(""),
            key: None,
            change: run.change.as_ref(),
            now: context.now.as_second(),
        };
        let uses = |source| policy.base.as_ref().is_some_and(|base| base.from.contains(&source));
        let known = run.baseline.as_ref().filter(|_| uses(BaseSource::Baseline));
        let comparison = asked.restricted(policy).comparison(&under, known, &mut Vec::new())?;
        let waivers = Waivers::new(waivers);
        let kept = OnceCell::new();
        // One policy without parents reads each report once by itself.
        let several = self.policies.len() > 1 || !context.parents.is_empty() || run.about.time.is_none();
        let inputs = Inputs {
            policy,
            waivers: &waivers,
            source: EvidenceSource::Run {
                files: &files,
                readings: several.then_some(&run.readings),
                keep: keep.then_some(&kept),
            },
            roots: &roots,
            comparison: comparison.as_ref(),
            change: run.change.as_ref().map(|change| change.diff.as_ref()),
            secret_key: None,
        };
        let decision = self.check(inputs, context);
        Ok(ReplayedDecision { decision, evidence: kept.into_inner(), recall: None })
    }

    fn check(&self, inputs: Inputs<'_>, context: &Context) -> Decision {
        let policy = inputs.policy;
        crate::check(inputs, context, self.limits).unwrap_or_else(|faults| {
            let mut decision =
                decide::undecided(&policy.gate, (context.now, context.clock), context.shown.clone(), faults);
            decision.policy = Some((policy.source.clone(), policy.sha256.clone()));
            decision
        })
    }

    /// The context of a run under a policy. What the policy does not know is not told it.
    pub(super) fn context(&self, run: &RunMaterial<'_>, policy: &Policy, now: Timestamp) -> Result<Context> {
        let about = run.about;
        let mut parameters: Vec<String> =
            about.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let given = self
            .parameters
            .iter()
            .filter(|text| text.split_once('=').is_none_or(|(name, _)| !about.params.contains_key(name)));
        parameters.extend(given.cloned());
        let flags = RunFlags {
            commit: about.commit.as_deref(),
            subjects: &about.subjects,
            parameters: &parameters,
            no_env: true,
        };
        let mut environment = Environment::of_saved_run(about.project.as_deref(), about.author.as_deref());
        let mut context = another_context(&flags, &mut environment, policy, now)?;
        context.shown.env.clear();
        let owners = CODEOWNERS.iter().find_map(|name| run.files.iter().find(|file| file.name == *name));
        if let Some(file) = owners {
            let (name, bytes) = (file.name.clone(), file.source.bytes(MAX_FILE)?);
            put_codeowners(&CodeownersText { name, bytes }, &mut context);
        }
        Ok(context)
    }

    fn of_bundle(&self, bundle: &Bundle) -> Result<Vec<ReplayedDecision>> {
        let run = &evidence_of(bundle)?;
        let recorded = recorded_verdict(bundle);
        self.policies
            .iter()
            .map(|by| {
                let said = self.bundle_by_policy(by, run)?;
                recalled(by, said, recorded, |trusting| self.bundle_by_policy(trusting, run))
            })
            .collect()
    }

    pub(super) fn bundle_by_policy(
        &self,
        by: &ReplayPolicy,
        run: &BundledEvidence,
    ) -> Result<ReplayedDecision> {
        let now = self.pinned.unwrap_or(run.context.now);
        let waivers = waivers_of(&by.policy, &run.waivers, now)?;
        let mut context = of_bundled(&run.context, &by.policy, now)?;
        for parent in &by.parents {
            let waivers = inherited(&waivers, &by.policy, parent);
            let parent_context = of_bundled(&run.context, parent, now)?;
            let said = self.decide_saved(
                parent,
                (run.saved.clone(), run.comparison.as_ref()),
                &parent_context,
                waivers,
            );
            context.parents.push(GateVerdict::of_decision(&said.decision));
        }
        Ok(self.decide_saved(&by.policy, (run.saved.clone(), run.comparison.as_ref()), &context, waivers))
    }

    /// Decides on evidence as it was read, and on the base that it was compared with.
    pub(super) fn decide_saved(
        &self,
        policy: &Policy,
        (mut saved, comparison): (EvidenceSnapshot, Option<&GivenBase>),
        context: &Context,
        waivers: Vec<Waiver>,
    ) -> ReplayedDecision {
        for SavedReport { name, entries, .. } in &mut saved.reports {
            *entries = entries_under(policy, name, entries, true);
        }
        for document in &mut saved.documents {
            document.entries = entries_under(policy, &document.name, &document.entries, false);
        }
        let comparison = comparison.filter(|_| policy.base.is_some());
        let waivers = Waivers::new(waivers);
        let inputs = Inputs {
            policy,
            waivers: &waivers,
            source: EvidenceSource::Saved(&saved),
            roots: &[],
            comparison,
            change: None,
            secret_key: None,
        };
        let decision = self.check(inputs, context);
        ReplayedDecision { decision, evidence: self.keep.then_some(saved), recall: None }
    }
}

/// Adds to a decision, where it rests on a scanner that the policy does not trust, what it would be if it did.
fn recalled(
    by: &ReplayPolicy,
    mut said: ReplayedDecision,
    recorded: Option<PastVerdict>,
    decide: impl FnOnce(&ReplayPolicy) -> Result<ReplayedDecision>,
) -> Result<ReplayedDecision> {
    let Some(trusting) = &by.trusting else { return Ok(said) };
    let reports = recalled_reports(&said.decision);
    if !reports.is_empty() {
        let trusting = PastVerdict::of_decision(&decide(trusting)?.decision);
        said.recall = Some(Recall { reports, trusting, recorded });
    }
    Ok(said)
}

/// A policy's statement that nothing could be decided.
pub(super) fn undecided(policy: &Policy, now: Timestamp, fault: RunError) -> ReplayedDecision {
    let mut decision =
        decide::undecided(&policy.gate, (now, ClockSource::Pinned), ContextView::default(), vec![fault]);
    decision.policy = Some((policy.source.clone(), policy.sha256.clone()));
    ReplayedDecision { decision, evidence: None, recall: None }
}

/// secgate's own folder holds the gate, and no evidence but what the policy names in it.
fn is_evidence(policy: &Policy, file: &SavedFile) -> bool {
    let named =
        || policy.evidence.iter().any(|entry| entry.files.iter().any(|glob| glob.matches_file(&file.name)));
    !file.name.starts_with(".secgate/") || file.entry.is_some() || named()
}

/// The waivers of a run: those of its files that the policy names.
fn waivers_of_run(policy: &Policy, files: &[SavedFile], now: Timestamp) -> Result<Vec<Waiver>> {
    let Some(limits) = &policy.waivers else { return Ok(Vec::new()) };
    let named = |file: &&SavedFile| limits.files.iter().any(|glob| glob.matches_file(&file.name));
    let read = |file: &SavedFile| -> Result<(String, Vec<u8>)> {
        Ok((file.name.clone(), file.source.bytes(waiver::READ_AT_MOST)?))
    };
    let texts = files.iter().filter(named).map(read).collect::<Result<Vec<_>>>()?;
    waivers_of(policy, &texts, now)
}

pub(super) fn waivers_of(
    policy: &Policy,
    texts: &[(String, Vec<u8>)],
    now: Timestamp,
) -> Result<Vec<Waiver>> {
    if policy.waivers.is_none() {
        return Ok(Vec::new());
    }
    let files = parse(texts, policy, now)?;
    waiver::unite(files).map_err(|why| RunDiagnostic::DuplicateWaiverId { why }.into())
}

/// The context of a bundle under a policy that need not be its own.
pub(super) fn of_bundled(was: &Context, policy: &Policy, now: Timestamp) -> Result<Context> {
    let parameters: Vec<String> =
        was.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let subject = |artifact: &decide::Artifact| {
        let named = artifact.subject.as_ref().map(|subject| format!("{subject}=")).unwrap_or_default();
        format!("{named}{}@{}", artifact.name, artifact.digest)
    };
    let subjects: Vec<String> = was.artifacts.iter().map(subject).collect();
    let flags = RunFlags { commit: None, subjects: &subjects, parameters: &parameters, no_env: true };
    let told = another_context(&flags, &mut Environment::default(), policy, now)?;
    let shown = ContextView {
        subjects: told.artifacts.clone(),
        parameters: told.parameters.clone(),
        ..was.shown.clone()
    };
    Ok(Context {
        now,
        clock: ClockSource::Pinned,
        artifacts: told.artifacts,
        parameters: told.parameters,
        own_gate: None,
        parents: Vec::new(),
        shown,
        ..was.clone()
    })
}

/// The entries of a policy that saved evidence is for: those of its names that the policy has, else those that name its path.
fn entries_under(policy: &Policy, name: &str, was: &[String], report: bool) -> Vec<String> {
    let fits = |kind: EntryKind| matches!(kind, EntryKind::Report(_)) == report;
    let mut entries: Vec<String> = Vec::new();
    for entry in policy.evidence.iter().filter(|entry| fits(entry.kind)) {
        let by_name = was.contains(&entry.name);
        let by_path =
            || was.is_empty() || !was.iter().any(|known| policy.evidence.iter().any(|e| e.name == *known));
        if by_name || by_path() && entry.files.iter().any(|glob| glob.matches_file(name)) {
            entries.push(entry.name.clone());
        }
    }
    entries
}
