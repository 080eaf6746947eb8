//! `secgate check`

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use clap::Args;
use jiff::Timestamp;

use super::args::{InputArgs, clock, pair};
use super::base::BaseArgs;
use super::bundle;
use super::codeowners;
use super::environment::{About, Environment, context};
use super::outputs::{Outputs, Staged};
use super::own_gate::{GateBefore, OwnGateArgs, Present};
use super::policy::PolicyArgs;
use crate::decide::{self, Comparison, Context, Decision, Fault};
use crate::exit;
use crate::finding::{Finding, SecretKey};
use crate::gather::{Given, Inputs, Limits};
use crate::policy::waiver::Waiver;
use crate::policy::{Action, Policy};
use crate::relate::Waivers;
use crate::render::Output;
use crate::saved::Saved;

/// What a decision rests on: all that `check` takes but its outputs.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    #[command(flatten, next_help_heading = "Policy")]
    pub(super) policy: PolicyArgs,

    #[command(flatten, next_help_heading = "Evidence")]
    pub(super) inputs: InputArgs,

    /// A file for this entry of the policy's evidence
    #[arg(long, help_heading = "Evidence", value_name = "ENTRY=PATH")]
    pub(super) evidence: Vec<OsString>,

    /// A document that rules look at
    #[arg(long, help_heading = "Evidence", value_name = "NAME=PATH")]
    document: Vec<OsString>,

    #[command(flatten, next_help_heading = "What is new")]
    pub(super) base: BaseArgs,

    /// A waiver file, besides those that the policy names; any number of times
    #[arg(long, help_heading = "Policy", value_name = "PATH")]
    pub(super) waivers: Vec<PathBuf>,

    /// Who owns which file [default: CODEOWNERS, docs/CODEOWNERS or .gitlab/CODEOWNERS, if there]; only shown
    #[arg(long, help_heading = "Evidence", value_name = "PATH")]
    codeowners: Option<PathBuf>,

    #[command(flatten, next_help_heading = "The gate before the change")]
    own_gate: OwnGateArgs,

    /// The commit that the run is about [default: `CI_COMMIT_SHA`]
    #[arg(long, help_heading = "What the run is about", value_name = "SHA")]
    commit: Option<String>,

    /// An artifact that the run is about; `SUBJECT=` where the policy names several
    #[arg(long, help_heading = "What the run is about", value_name = "[SUBJECT=]NAME@sha256:HEX")]
    subject: Vec<String>,

    /// The value of a parameter of the policy
    #[arg(long, help_heading = "What the run is about", value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Pin the clock
    #[arg(long, help_heading = "What the run is about", value_name = "RFC3339")]
    pub(super) now: Option<String>,

    /// Findings a rule whose details are kept; counts are exact whatever it is
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_findings: u32,

    /// Entries whose scanner was handed only the files that changed: it may find none of them its own.
    #[arg(skip)]
    pub(super) in_part: Vec<String>,
}

/// Decide: the main job
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    decide: DecideArgs,

    /// What to print
    #[arg(long, help_heading = "Outputs", value_name = "FORMAT", default_value = "text", value_parser = clap::builder::PossibleValuesParser::new(crate::render::OUTPUTS.iter().map(|o| o.id)))]
    format: String,

    /// Also write this format to a file; any number of times
    #[arg(long, help_heading = "Outputs", value_name = "FORMAT=PATH")]
    output: Vec<OsString>,

    /// Also pack all that the decision rests on, without secrets: a directory, or one file NAME.tar
    #[arg(long, help_heading = "Outputs", value_name = "DIR|FILE.tar")]
    bundle: Option<PathBuf>,

    /// Say on standard error how long the run took
    #[arg(long, help_heading = "Outputs")]
    timings: bool,
}

/// Runs the gate. Whatever goes wrong ends in a decision of its own, so that every output says so.
pub(super) fn run(args: &CheckArgs) -> u8 {
    let start = Instant::now();
    let prepared = prepare(&args.decide, &args.output).and_then(|outputs| {
        if let Some(path) = &args.bundle {
            let inputs = args.decide.files();
            bundle::prepare(path, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &outputs)?;
        }
        Ok(outputs)
    });
    let code = match prepared {
        Ok(outputs) => {
            let decision = match &args.bundle {
                Some(path) => decide_and_pack(&args.decide, path),
                None => decide(&args.decide),
            };
            let decided = decision.exit_code;
            let code = tell(&args.format, &outputs, decision);
            if let Some(path) = args.bundle.as_ref().filter(|_| code != decided) {
                // What was not told in full is not kept either.
                let _ = bundle::remove(path);
            }
            code
        }
        Err(error) => {
            let undecided = undecided(&args.decide, Timestamp::now(), &error);
            tell(&args.format, &Outputs::default(), undecided)
        }
    };
    if args.timings {
        let _ = writeln!(io::stderr(), "secgate: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    code
}

/// Removes the outputs of an earlier run, before anything is opened.
pub(super) fn prepare(args: &DecideArgs, outputs: &[OsString]) -> Result<Outputs> {
    let inputs = args.files();
    Outputs::prepare(outputs, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

impl DecideArgs {
    /// The files that the flags name.
    fn files(&self) -> Vec<PathBuf> {
        let pairs = self.inputs.input.iter().chain(&self.evidence).chain(&self.document);
        let policy = self.policy.source().ok().and_then(|source| source.file);
        let mut files = self.inputs.paths.clone();
        files.extend(pairs.filter_map(|text| pair("", "", text).ok()).map(|(_, path)| path));
        files.extend(policy);
        files.extend(self.waivers.iter().cloned());
        files.extend(self.base.paths().map(Path::to_owned));
        files.extend(self.codeowners.clone());
        files.extend(self.own_gate.inputs().map(Path::to_owned));
        files
    }

    /// Findings a rule whose details are kept.
    pub(super) fn max_findings(&self) -> usize {
        self.max_findings as usize
    }
}

/// The same as [`decide`], with a bundle of what the decision rests on.
fn decide_and_pack(args: &DecideArgs, path: &Path) -> Decision {
    let packed = |now| Ok(bundle::decide(args, &question(args, now)?, path));
    match clock(args.now.as_deref()) {
        Ok(now) => packed(now).unwrap_or_else(|error: anyhow::Error| undecided(args, now, &error)),
        Err(error) => undecided(args, Timestamp::UNIX_EPOCH, &error),
    }
}

pub(super) fn decide(args: &DecideArgs) -> Decision {
    match clock(args.now.as_deref()) {
        Ok(now) => try_decide(args, now).unwrap_or_else(|error| undecided(args, now, &error)),
        Err(error) => undecided(args, Timestamp::UNIX_EPOCH, &error),
    }
}

fn try_decide(args: &DecideArgs, now: Timestamp) -> Result<Decision> {
    Ok(question(args, now)?.decide(None))
}

/// A policy, and what it is to decide on.
pub(super) struct Question {
    pub(super) policy: Policy,
    pub(super) waivers: Waivers,
    /// What the gate was before the change, where something says so.
    pub(super) gate_before: Option<GateBefore>,
    given: Vec<Given>,
    context: Context,
    limits: Limits,
    roots: Vec<String>,
    comparison: Option<Comparison>,
    secret_key: Option<SecretKey>,
}

impl Question {
    /// Ids of the waivers whose `match` fits a finding.
    pub(super) fn speaking(&self, finding: &Finding) -> Vec<String> {
        let of = self.waivers.of(finding);
        of.iter().filter_map(|&at| Some(self.waivers.list().get(at as usize)?.id.clone())).collect()
    }

    /// Reads the evidence and decides; `watch` is what somebody asks about, as `explain` takes it.
    pub(super) fn decide(&self, watch: Option<&str>) -> Decision {
        self.answer(watch, None)
    }

    /// The same, with the evidence as it was read.
    pub(super) fn decide_and_keep(&self, keep: &OnceCell<Saved>) -> Decision {
        self.answer(None, Some(keep))
    }

    /// What the run is about.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    fn answer(&self, watch: Option<&str>, keep: Option<&OnceCell<Saved>>) -> Decision {
        let inputs = Inputs {
            policy: &self.policy,
            waivers: &self.waivers,
            given: &self.given,
            roots: &self.roots,
            comparison: self.comparison.as_ref(),
            secret_key: self.secret_key.as_ref(),
            watch,
            rehearsal: None,
            saved: None,
            keep,
        };
        crate::check(inputs, &self.context, self.limits).unwrap_or_else(|faults| {
            let shown = self.context.shown.clone();
            decide::undecided(&self.policy.gate, self.context.now, shown, faults)
        })
    }
}

/// Loads all that is not evidence.
pub(super) fn question(args: &DecideArgs, now: Timestamp) -> Result<Question> {
    let source = args.policy.source()?;
    let mut policy = args.policy.load(&source)?;
    for entry in policy.evidence.iter_mut().filter(|entry| args.in_part.contains(&entry.name)) {
        entry.nothing_scanned = Action::Warn;
    }
    question_of(args, policy, None, now)
}

/// The same, of this policy, and of these waivers if they were read already.
pub(super) fn question_of(
    args: &DecideArgs,
    policy: Policy,
    waivers: Option<Vec<Waiver>>,
    now: Timestamp,
) -> Result<Question> {
    let mut given = args.inputs.given(&policy.mappings)?;
    for text in &args.evidence {
        let (entry, path) = pair("--evidence", "ENTRY=PATH", text)?;
        given.push(Given { path, format: None, entry: Some(entry) });
    }
    for text in &args.document {
        let (entry, path) = pair("--document", "NAME=PATH", text)?;
        given.push(Given { path, format: None, entry: Some(entry) });
    }
    let mut environment = Environment::read(args.inputs.no_env);
    let about = About {
        commit: args.commit.as_deref(),
        subjects: &args.subject,
        parameters: &args.param,
        no_env: args.inputs.no_env,
    };
    let mut context = context(&about, &mut environment, &policy, now)?;
    codeowners::read(args.codeowners.as_deref(), &mut context)?;
    let limits = args.inputs.limits(args.max_findings as usize);
    let roots = environment.roots(args.inputs.root.as_deref());
    let secret_key = args.base.key.read()?;
    let waivers = || waivers.map_or_else(|| super::waiver::of_run(&policy, &args.waivers, now), Ok);
    let change = args.base.change(&roots)?;
    let base = || args.base.comparison(&policy, limits, &roots, secret_key.as_ref(), change.as_ref());
    // Either can be a large file.
    let (waivers, comparison) = if args.base.is_given() {
        thread::scope(|scope| {
            let waivers = scope.spawn(waivers);
            let base = base();
            (waivers.join().unwrap_or_else(|_| Err(anyhow!("the waivers could not be read: a bug"))), base)
        })
    } else {
        (waivers(), base())
    };
    let waivers = waivers?;
    let present = Present {
        args: &args.policy,
        policy: &policy,
        given: &args.waivers,
        baseline: args.base.baseline.as_deref(),
    };
    let gate_before = args.own_gate.read(present, change.as_ref())?;
    context.own_gate =
        gate_before.as_ref().map(|before| before.compare(&policy, &waivers, now)).transpose()?;
    let (waivers, comparison) = (Waivers::new(waivers), comparison?);
    Ok(Question { policy, waivers, gate_before, given, context, limits, roots, comparison, secret_key })
}

/// The decision that none could be reached.
fn undecided(args: &DecideArgs, now: Timestamp, error: &anyhow::Error) -> Decision {
    let shown = Environment::read(args.inputs.no_env).shown(None);
    let fault = Fault { path: None, message: format!("{error:#}") };
    decide::undecided(&args.policy.gate, now, shown, vec![fault])
}

/// Writes all outputs, then chooses the exit code.
pub(super) fn tell(format: &str, outputs: &Outputs, mut decision: Decision) -> u8 {
    // Files are made ready first, so that what is printed can say that one could not be written.
    let staged = outputs.stage(&decision).unwrap_or_else(|error| {
        decision.add_error(Fault { path: None, message: format!("{error:#}") });
        Staged::nothing()
    });
    let mut text = Vec::new();
    let written = match Output::by_id(format) {
        Some(output) => (output.write)(&decision, super::look(), &mut text).map_err(anyhow::Error::from),
        None => Err(anyhow!("`{format}` is no output format")),
    };
    // On a terminal they stand in the text.
    let shown = format == "text" && super::on_one_terminal();
    for error in decision.errors.iter().filter(|_| !shown) {
        let path = error.path.as_ref().map(|p| format!("{p}: ")).unwrap_or_default();
        super::complain(&format!("{path}{}", error.message));
    }
    match written.and_then(|()| super::print(&text)).and_then(|()| staged.publish()) {
        Ok(()) => decision.exit_code,
        Err(error) => {
            super::complain(&format!("{error:#}"));
            // A known violation is final; anything else was not told, so it is no decision.
            if decision.exit_code == exit::FAIL { exit::FAIL } else { exit::ERROR }
        }
    }
}
