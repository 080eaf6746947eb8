//! `secgate replay`: one policy, or two side by side, over many saved runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;

use super::args::{DecideArgs, TextOrJson, clock};
use super::check::decide_request;
use crate::attest::ClockSource;
use crate::decide::Decision;
use crate::exit;
use crate::finding::clean;
use crate::gather::{GivenFile, expand, no_report};
use crate::policy::{BaseSource, EvidenceEntry, Policy};
use crate::replay::{Replay, ReplayOutput};
use crate::report::{is_absent, open_regular};
use crate::run::{PolicyRequest, PolicySource, RunRequest};

/// The diff of a run's change, if it was saved.
const DIFF: &str = "change.diff";
/// Base of a run.
const BASELINE: &str = "baseline.jsonl";

/// Decide again on saved runs
#[derive(Debug, Args)]
#[command(
    after_help = "Each PATH is a run: a directory with the reports and documents of one pipeline. A directory that holds \
                        nothing but directories is many runs, at every level. `change.diff` and `baseline.jsonl` in a run are what its \
                        change is compared with. Nothing is read from the environment. The exit code is 0 whatever was \
                        decided, 2 if a policy is not valid or there is no run."
)]
pub(super) struct ReplayArgs {
    /// A second policy, to be put beside the first: a file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: TextOrJson,

    #[command(flatten)]
    decide: DecideArgs,
}

pub(super) fn run(args: &ReplayArgs) -> Result<u8> {
    let now = clock(args.decide.now.as_deref())?;
    let runs = runs(&args.decide.inputs.paths)?;
    let asked = RunRequest { no_env: true, ..args.decide.request(now)? };
    // Where a run says when its reports were made, it is judged as of then.
    let pinned = args.decide.now.is_some();
    let mut requests = vec![asked.policy.clone()];
    let mut policies = vec![asked.policy.policy()?];
    if let Some(against) = &args.against {
        let second = PolicyRequest { policy: Some(against.clone()), ..asked.policy.clone() };
        policies.push(second.load(&PolicySource::from_flag("--against", against)?).context("--against")?);
        requests.push(second);
    }
    let of: Vec<(String, String)> = policies.iter().map(|p| (p.source.clone(), p.sha256.clone())).collect();
    let mut replay = Replay::new(&of);
    for path in &runs {
        let mut decisions = Vec::new();
        for (policy, request) in policies.iter().zip(&requests) {
            let mut request = of_run(&asked, request, policy, path);
            if !pinned {
                (request.now, request.clock) = (Timestamp::now(), ClockSource::Machine);
            }
            let mut decision = decide_request(&request, None);
            if let (false, Some(made)) = (pinned, newest(&decision)) {
                (request.now, request.clock) = (made, ClockSource::Pinned);
                decision = decide_request(&request, None);
            }
            decisions.push(decision);
        }
        replay.add(clean(&path.to_string_lossy()).into_owned(), &decisions);
    }
    replay.finish();
    let mut out = Vec::new();
    if args.format == TextOrJson::Json {
        serde_json::to_writer_pretty(&mut out, &ReplayOutput::of_replay(&replay))?;
        writeln!(out)?;
        super::print_exact(&out)?;
    } else {
        crate::render::replay::replay(&replay, &mut out)?;
        super::print(&out)?;
    }
    Ok(exit::PASS)
}

/// The runs of a directory: itself, or, where it holds nothing but directories, those of each of them, at every depth.
/// Links are not followed, so that this ends.
fn runs_below(directory: &Path, runs: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut folders = Vec::new();
    let mut files = false;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            let is_folder = entry.file_type()?.is_dir();
            files |= !is_folder;
            folders.extend(is_folder.then(|| entry.path()));
        }
    }
    if files || folders.is_empty() {
        runs.push(directory.to_owned());
        return Ok(());
    }
    folders.iter().try_for_each(|folder| runs_below(folder, runs))
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
        runs_below(path, &mut runs).with_context(name)?;
    }
    runs.sort();
    runs.dedup();
    if runs.is_empty() {
        bail!("no run given; give directories, each with the reports of one pipeline");
    }
    Ok(runs)
}

/// The request for one run: its files, each for the entries of the policy that name it.
fn of_run(asked: &RunRequest, policy_request: &PolicyRequest, policy: &Policy, run: &Path) -> RunRequest {
    let mut request = RunRequest { policy: policy_request.clone(), paths: Vec::new(), ..asked.clone() };
    let beside = |name: &str| Some(run.join(name)).filter(|path| !is_absent(path));
    let from = |source| policy.base.as_ref().is_some_and(|base| base.from.contains(&source));
    request.base.tree_is_gone = true;
    request.base.diff = beside(DIFF).filter(|_| from(BaseSource::Diff));
    request.base.baseline = beside(BASELINE).filter(|_| from(BaseSource::Baseline));
    let whole = GivenFile { path: run.to_owned(), format: None, entry: None };
    for (path, in_directory) in expand(&whole).files {
        let inside = if in_directory { path.strip_prefix(run).unwrap_or(&path) } else { &path };
        if [DIFF, BASELINE].iter().any(|name| inside == Path::new(name)) {
            continue;
        }
        let name = inside.to_string_lossy();
        let is_for = |entry: &&EvidenceEntry| entry.files.iter().any(|glob| glob.matches_file(&name));
        for entry in policy.evidence.iter().filter(is_for) {
            request.evidence.push((entry.name.clone(), path.clone()));
        }
        let named = policy.evidence.iter().any(|entry| is_for(&entry));
        let is_report = named || !in_directory || no_report(&path).is_none();
        if is_report && (request.base.diff.is_some() || request.base.baseline.is_some()) {
            request.paths.push(path);
        }
    }
    if request.paths.is_empty() {
        // As a directory, so that what is no report is passed over; and that nothing of the current one stands in for it.
        request.paths.push(run.to_owned());
    }
    request
}

/// When the newest report of a run was made.
fn newest(decision: &Decision) -> Option<Timestamp> {
    let times = decision.evidence.iter().filter_map(|evidence| evidence.generated_at.as_deref());
    times.filter_map(|time| time.parse().ok()).max()
}
