//! One run of a gate: what is asked for ([`RunRequest`]), and the same with everything but the evidence read
//! ([`ResolvedRun`]), which decides.
//!
//! A command line is one way to make a request; nothing here knows of it. The environment is read here and nowhere
//! else, a closed list of variables, and only where the request allows it.

mod base;
mod bundle;
mod codeowners;
mod environment;
mod gate_before;
mod git;
mod policy_source;
mod waiver_files;

use std::cell::OnceCell;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

pub use base::BaseRequest;
pub(crate) use base::{UNKNOWN, baseline, project, same_key, secret_key};
pub(crate) use bundle::{decide_and_pack, read as read_bundle, recomputed};
pub(crate) use environment::{About, Environment, context, parse_commit};
pub use gate_before::GateBeforeRequest;
pub(crate) use git::{command as git_command, commit as commit_of, git, merge_base};
pub use policy_source::PolicyRequest;
pub(crate) use policy_source::{PolicySource, bytes_of, known_format, mappings};
pub(crate) use waiver_files::{of_files as waivers_of_files, read as read_waivers};

use crate::decide::{self, Comparison, Context, Decision, Fault};
use crate::finding::{Finding, SecretKey, clean};
use crate::gather::{EvidenceSource, Given, Inputs, Limits, evidence_files, expand};
use crate::policy::waiver::Waiver;
use crate::policy::{Action, Policy, ReportMapping};
use crate::relate::Waivers;
use crate::saved::Saved;
use gate_before::{GateBefore, Present};

/// What a run is asked to decide on, before anything was read.
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
    /// What the change is compared with.
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
}

/// A run of which everything is at hand but the evidence.
pub struct ResolvedRun {
    /// What decides.
    pub policy: Policy,
    /// What is worth a remark on the way, each in a line.
    pub remarks: Vec<String>,
    request: RunRequest,
    waivers: Waivers,
    /// What the gate was before the change, where something says so.
    gate_before: Option<GateBefore>,
    given: Vec<Given>,
    context: Context,
    roots: Vec<String>,
    comparison: Option<Comparison>,
    secret_key: Option<SecretKey>,
}

impl RunRequest {
    /// Loads all that is not evidence.
    pub fn resolve(&self) -> Result<ResolvedRun> {
        let mut policy = self.policy.policy()?;
        for entry in policy.evidence.iter_mut().filter(|entry| self.partial_entries.contains(&entry.name)) {
            entry.nothing_scanned = Action::Warn;
        }
        self.resolve_with(policy, None)
    }

    /// The same of this policy, and of these waivers if they were read already.
    pub(crate) fn resolve_with(&self, policy: Policy, waivers: Option<Vec<Waiver>>) -> Result<ResolvedRun> {
        let given = self.given(&policy.mappings)?;
        let mut environment = Environment::read(self.no_env);
        let about = About {
            commit: self.commit.as_deref(),
            subjects: &self.subjects,
            parameters: &self.parameters,
            no_env: self.no_env,
        };
        let mut context = context(&about, &mut environment, &policy, self.now)?;
        codeowners::read(self.codeowners.as_deref(), &mut context)?;
        let roots = environment.roots(self.root.as_deref());
        let secret_key = secret_key(self.base.secret_key.as_deref())?;
        let waivers = || waivers.map_or_else(|| waiver_files::of_run(&policy, &self.waivers, self.now), Ok);
        let directory = project(self.root.as_deref(), &roots);
        let change = self.base.change(&directory)?;
        let mut remarks = Vec::new();
        let mut base = || {
            let (key, change) = (secret_key.as_ref(), (directory.as_path(), change.as_ref()));
            self.base.comparison(&policy, self.limits, &roots, key, change, &mut remarks)
        };
        // Either can be a large file.
        let (waivers, comparison) = if self.base.is_given() {
            thread::scope(|scope| {
                let waivers = scope.spawn(waivers);
                let base = base();
                (
                    waivers.join().unwrap_or_else(|_| Err(anyhow!("the waivers could not be read: a bug"))),
                    base,
                )
            })
        } else {
            (waivers(), base())
        };
        let waivers = waivers?;
        let mut evidence = Vec::new();
        if change.is_some() {
            evidence.extend(evidence_files(&policy, &given));
            for path in &self.base.base_reports {
                let of_base = Given { path: path.clone(), format: None, entry: None };
                evidence.extend(expand(&of_base).files.into_iter().map(|(path, _)| path));
            }
        }
        let present = Present {
            request: &self.policy,
            policy: &policy,
            given: &self.waivers,
            baseline: self.base.baseline.as_deref(),
            evidence: &evidence,
        };
        let gate_before = self.gate_before.read(present, change.as_ref())?;
        context.own_gate =
            gate_before.as_ref().map(|before| before.compare(&policy, &waivers, self.now)).transpose()?;
        let waivers = Waivers::new(waivers).below(directory);
        let (comparison, request) = (comparison?, self.clone());
        Ok(ResolvedRun {
            policy,
            remarks,
            request,
            waivers,
            gate_before,
            given,
            context,
            roots,
            comparison,
            secret_key,
        })
    }

    /// The files as given, in the order of the flags; `mappings` are formats of the user's own.
    fn given(&self, mappings: &[ReportMapping]) -> Result<Vec<Given>> {
        let mut given = given_reports(&self.paths, &self.input, mappings)?;
        for (entry, path) in &self.evidence {
            given.push(Given { path: path.clone(), format: None, entry: Some(entry.clone()) });
        }
        Ok(given)
    }

    /// The decision that none could be reached.
    pub fn undecided(&self, error: &anyhow::Error) -> Decision {
        undecided(&self.policy.gate, self.no_env, self.now, error)
    }
}

/// Reports as given; `mappings` are formats of the user's own.
pub(crate) fn given_reports(
    paths: &[PathBuf],
    input: &[(String, PathBuf)],
    mappings: &[ReportMapping],
) -> Result<Vec<Given>> {
    let mut given = Vec::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!("an empty PATH; is a variable of the script unset?");
        }
        given.push(Given { path: path.clone(), format: None, entry: None });
    }
    for (format, path) in input {
        known_format(format, mappings).with_context(|| format!("--input {}", clean(format)))?;
        given.push(Given { path: path.clone(), format: Some(format.clone()), entry: None });
    }
    Ok(given)
}

/// The decision of a gate that none could be reached.
pub(crate) fn undecided(gate: &str, no_env: bool, now: Timestamp, error: &anyhow::Error) -> Decision {
    let shown = Environment::read(no_env).shown(None);
    let fault = Fault { path: None, message: format!("{error:#}") };
    decide::undecided(gate, now, shown, vec![fault])
}

impl ResolvedRun {
    /// Reads the evidence and decides; `watch` is what somebody asks about, as `explain` takes it.
    pub fn decide(&self, watch: Option<&str>) -> Decision {
        self.answer(watch, None)
    }

    /// The same, with the evidence as it was read.
    pub(crate) fn decide_and_keep(&self, keep: &OnceCell<Saved>) -> Decision {
        self.answer(None, Some(keep))
    }

    /// What the run is about.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Ids of the waivers whose `match` fits a finding.
    pub(crate) fn speaking(&self, finding: &Finding) -> Vec<String> {
        let of = self.waivers.of(finding);
        of.iter().filter_map(|&(at, _)| Some(self.waivers.list().get(at as usize)?.id.clone())).collect()
    }

    fn answer(&self, watch: Option<&str>, keep: Option<&OnceCell<Saved>>) -> Decision {
        let inputs = Inputs {
            policy: &self.policy,
            waivers: &self.waivers,
            source: EvidenceSource::Files { given: &self.given, watch, keep },
            roots: &self.roots,
            comparison: self.comparison.as_ref(),
            secret_key: self.secret_key.as_ref(),
        };
        crate::check(inputs, &self.context, self.request.limits).unwrap_or_else(|faults| {
            let shown = self.context.shown.clone();
            decide::undecided(&self.policy.gate, self.context.now, shown, faults)
        })
    }
}
