//! `secgate replay`: one policy, or two side by side, over many saved runs.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;

use super::args::clock;
use super::check::{self, DecideArgs};
use super::policy::PolicySource;
use crate::decide::Decision;
use crate::exit;
use crate::finding::clean;
use crate::gather::{Given, expand};
use crate::policy::{BaseSource, Entry, Policy};
use crate::replay::Replay;
use crate::report::open_regular;

/// The diff of a run's change, if it was saved.
const DIFF: &str = "change.diff";
/// What was known before a run.
const BASELINE: &str = "baseline.jsonl";

/// Decide again on saved runs
#[derive(Debug, Args)]
#[command(
    after_help = "Each PATH is a run: a directory with the reports and documents of one pipeline. A directory that holds \
                        nothing but directories is many runs. `change.diff` and `baseline.jsonl` in a run are what its \
                        change is compared with. Nothing is read from the environment. The exit code is 0 whatever was \
                        decided, 2 if a policy is not valid or there is no run."
)]
pub(super) struct ReplayArgs {
    /// A second policy, to be put beside the first: a file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,

    #[command(flatten)]
    decide: DecideArgs,
}

pub(super) fn run(mut args: ReplayArgs) -> Result<u8> {
    args.decide.inputs.no_env = true;
    clock(args.decide.now.as_deref())?;
    let runs = runs(&args.decide.inputs.paths)?;
    // Where a run says when its reports were made, it is judged as of then.
    let pinned = args.decide.now.is_some();
    let given = std::mem::take(&mut args.decide.evidence);
    let mut policies = vec![args.decide.policy.load(&args.decide.policy.source()?)?];
    let mut names = vec![args.decide.policy.policy.clone()];
    if let Some(against) = &args.against {
        let source = PolicySource::named("--against", against)?;
        let own = args.decide.policy.policy.replace(against.clone());
        let second = args.decide.policy.load(&source).context("--against")?;
        args.decide.policy.policy = own;
        policies.push(second);
        names.push(Some(against.clone()));
    }
    let of: Vec<(String, String)> = policies.iter().map(|p| (p.source.clone(), p.sha256.clone())).collect();
    let mut replay = Replay::new(&of);
    for path in &runs {
        let mut decisions = Vec::new();
        for (policy, name) in policies.iter().zip(&names) {
            args.decide.policy.policy.clone_from(name);
            args.decide.evidence.clone_from(&given);
            lay_out(&mut args.decide, policy, path);
            if !pinned {
                args.decide.now = None;
            }
            let mut decision = check::decide(&args.decide);
            if let (false, Some(made)) = (pinned, newest(&decision)) {
                args.decide.now = Some(made);
                decision = check::decide(&args.decide);
            }
            decisions.push(decision);
        }
        replay.add(clean(&path.to_string_lossy()).into_owned(), &decisions);
    }
    replay.finish();
    let mut out = Vec::new();
    if args.format == "json" {
        serde_json::to_writer_pretty(&mut out, &Told { schema: "secgate/replay/v1", replay: &replay })?;
        writeln!(out)?;
    } else {
        crate::render::replay::replay(&replay, &mut out)?;
    }
    super::print(&out)?;
    Ok(exit::PASS)
}

#[derive(Serialize)]
struct Told<'r> {
    schema: &'static str,
    #[serde(flatten)]
    replay: &'r Replay,
}

/// The runs that paths mean, sorted, each once.
fn runs(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for path in paths {
        let name = || clean(&path.to_string_lossy()).into_owned();
        if path.as_os_str().is_empty() {
            bail!("an empty PATH; is a variable of the script unset?");
        }
        if !path.is_dir() {
            open_regular(path).with_context(name)?;
            runs.push(path.clone());
            continue;
        }
        let mut folders = Vec::new();
        let mut files = false;
        for entry in std::fs::read_dir(path).with_context(name)? {
            let entry = entry.with_context(name)?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                let is_folder = entry.file_type().with_context(name)?.is_dir();
                files |= !is_folder;
                folders.extend(is_folder.then(|| entry.path()));
            }
        }
        if files || folders.is_empty() { runs.push(path.clone()) } else { runs.extend(folders) }
    }
    runs.sort();
    runs.dedup();
    if runs.is_empty() {
        bail!("no run given; give directories, each with the reports of one pipeline");
    }
    Ok(runs)
}

/// Puts the files of a run before a policy, each for the entries that name it.
fn lay_out(args: &mut DecideArgs, policy: &Policy, run: &Path) {
    args.inputs.paths.clear();
    let beside = |name: &str| Some(run.join(name)).filter(|path| path.is_file());
    let from = |source| policy.base.as_ref().is_some_and(|base| base.from.contains(&source));
    args.base.diff = beside(DIFF).filter(|_| from(BaseSource::Diff));
    args.base.baseline = beside(BASELINE).filter(|_| from(BaseSource::Baseline));
    let whole = Given { path: run.to_owned(), format: None, entry: None };
    for (path, in_directory) in expand(&whole) {
        let inside = if in_directory { path.strip_prefix(run).unwrap_or(&path) } else { &path };
        if [DIFF, BASELINE].iter().any(|name| inside == Path::new(name)) {
            continue;
        }
        let name = inside.to_string_lossy();
        let is_for = |entry: &&Entry| entry.files.iter().any(|glob| glob.matches_file(&name));
        for entry in policy.evidence.iter().filter(is_for) {
            let mut pair = OsString::from(format!("{}=", entry.name));
            pair.push(&path);
            args.evidence.push(pair);
        }
        if args.base.diff.is_some() || args.base.baseline.is_some() {
            args.inputs.paths.push(path);
        }
    }
    if args.inputs.paths.is_empty() {
        // As a directory, so that what is no report is passed over; and that nothing of the current one stands in for it.
        args.inputs.paths.push(run.to_owned());
    }
}

/// When the newest report of a run was made.
fn newest(decision: &Decision) -> Option<String> {
    let times = decision.evidence.iter().filter_map(|evidence| evidence.generated_at.as_deref());
    times.filter_map(|time| time.parse::<jiff::Timestamp>().ok()).max().map(|time| time.to_string())
}
