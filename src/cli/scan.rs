//! `secgate scan`: runs the scanners that the policy names and that are installed, then checks; before a push too.

mod changed;
mod consent;
mod hook;
mod progress;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::args::{DecideArgs, OutputArgs, clock};
use super::check;
use crate::exit;
use crate::finding::{clean, plural};
use crate::gather::{self, GivenFile, Limits};
use crate::policy::{BaseSource, EntryKind, EvidenceEntry, Policy};
use crate::scan::{ScannerExit, ScannerJob, Scratch, find, run_all};
use progress::Progress;

/// Longest list of changed files that is handed over; beyond it all is scanned.
const MOST_BYTES: usize = 96 << 10;

/// Run the scanners that the policy names
#[derive(Debug, Args)]
#[command(
    after_help = "The scanners are those of `run:` in the policy's evidence. What is not installed is not scanned, and \
                        counts as absent, never as clean. They get this environment; their messages are never shown, \
                        because they may quote a secret (--keep saves them)."
)]
pub(super) struct ScanArgs {
    /// Scan what changed since the merge base with this commit or branch [default: the branch that is pushed to]
    #[arg(long, value_name = "REV", conflicts_with = "all")]
    since: Option<String>,

    /// Scan everything
    #[arg(long)]
    all: bool,

    /// Only the scanners of this entry; any number of times
    #[arg(long, value_name = "ENTRY")]
    only: Vec<String>,

    /// Run the policy's commands without asking, and remember that they were agreed to
    #[arg(long)]
    yes: bool,

    /// Longest time a scanner may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Save reports and what scanners say into this new directory; they may hold secrets
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// As git's pre-push hook: read what is pushed from standard input, say only what stops it and what CI will ask for
    #[arg(long, conflicts_with_all = ["since", "all", "yes"])]
    hook: bool,

    #[command(flatten)]
    outputs: OutputArgs,

    #[command(flatten)]
    decide: DecideArgs,
}

/// An entry whose scanner gave no report that can be used.
struct Unknown {
    entry: String,
    why: String,
}

pub(super) fn run(args: &ScanArgs) -> Result<u8> {
    let outputs = check::prepare(&args.decide, &args.outputs.files(), None)?;
    let policy = args.decide.policy.request().policy()?;
    let entries = entries(args, &policy)?;
    // Asked before git is: what the policy would run is the first thing to know.
    if !consent::consent_given(&policy, &entries, args.yes, args.hook)? {
        bail!("nothing was run");
    }
    let Some(ScanScope { base, files }) = part(args)? else { return Ok(exit::PASS) };
    // What was there before the change is not this change's, where the policy looks at the diff.
    let compares = policy.base.as_ref().is_some_and(|base| base.from.contains(&BaseSource::Diff));
    let scratch = Scratch::new(&std::env::temp_dir()).context("no folder for the reports can be made")?;
    let (jobs, mut unknown) = jobs(&entries, files.as_deref(), scratch.path());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("signals cannot be watched")?;
    }
    let limit = Duration::from_secs(args.timeout);
    let progress = Progress::new(&jobs, files.as_ref().map(Vec::len), limit, io::stderr().is_terminal());
    let ended = progress.watch(|told| run_all(&jobs, limit, &stop, told));
    if let Some(folder) = &args.keep {
        copy_reports(scratch.path(), folder)?;
    }
    if ended.contains(&ScannerExit::Interrupted) {
        bail!("broken off; nothing was decided");
    }
    // The scanners are programs: that one of them rewrote decides nothing.
    let still = args.decide.policy.request().policy()?;
    if still.sha256 != policy.sha256 {
        bail!("{}: changed while the scanners ran; nothing was decided", policy.source);
    }
    // As of now, because what the scanners wrote is younger than this run's beginning.
    let mut request = args.decide.request(clock(args.decide.now.as_deref())?)?;
    if compares && !request.base.is_given() {
        request.base.diff_base = base;
    }
    for (job, ended) in jobs.iter().zip(ended) {
        match usable(job, &ended, &policy, limit) {
            Ok(()) => {
                request.evidence.push((job.entry.clone(), job.report.clone()));
                if job.in_part {
                    request.partial_entries.push(job.entry.clone());
                }
            }
            Err(why) => unknown.push(Unknown { entry: job.entry.clone(), why }),
        }
    }
    if request.evidence.is_empty() && request.paths.is_empty() && request.input.is_empty() {
        if args.hook {
            return hook::nothing_known(&unknown);
        }
        bail!("no scanner gave a report, so nothing is known:\n{}", list(&unknown));
    }
    if args.hook {
        return hook::print_push_result(&policy, &check::decide_request(&request, None), &unknown);
    }
    if !unknown.is_empty() {
        super::note(&format!("not scanned here, and CI will still ask for it: {}", one_line_of(&unknown)));
    }
    Ok(check::tell(&args.outputs, &outputs, |_| check::decide_request(&request, None)))
}

/// The entries and why nothing is known of each, on one line.
fn one_line_of(unknown: &[Unknown]) -> String {
    let each = unknown.iter().map(|Unknown { entry, why }| format!("{entry} ({why})"));
    each.collect::<Vec<_>>().join(", ")
}

fn list(unknown: &[Unknown]) -> String {
    let mut text = String::new();
    for Unknown { entry, why } in unknown {
        let _ = writeln!(text, "  {entry}: {why}");
    }
    text.trim_end().to_owned()
}

/// The entries that name a scanner.
fn entries<'p>(args: &ScanArgs, policy: &'p Policy) -> Result<Vec<&'p EvidenceEntry>> {
    for name in &args.only {
        if !policy.evidence.iter().any(|entry| entry.name == *name && entry.run.is_some()) {
            let known: Vec<&str> =
                policy.evidence.iter().filter(|e| e.run.is_some()).map(|e| e.name.as_str()).collect();
            bail!(
                "--only {}: no entry of that name has a `run:`; those that have: {}",
                clean(name),
                known.join(", ")
            );
        }
    }
    let wanted = |entry: &&EvidenceEntry| {
        matches!(entry.kind, EntryKind::Report(_))
            && entry.run.is_some()
            && (args.only.is_empty() || args.only.contains(&entry.name))
    };
    let entries: Vec<&EvidenceEntry> = policy.evidence.iter().filter(wanted).collect();
    if entries.is_empty() {
        bail!(
            "{}: no evidence entry says how its scanner is run; add, for example, `run: [gitleaks, dir, --report-path, \
             \"{{report}}\", .]` to one",
            policy.source
        );
    }
    Ok(entries)
}

/// Part of the project that is scanned.
struct ScanScope {
    /// The commit that it is compared with.
    base: Option<String>,
    /// The files that changed since; `None`: everything is scanned.
    files: Option<Vec<String>>,
}

impl ScanScope {
    const ALL: Self = Self { base: None, files: None };
}

/// Part of the project that is scanned; `None` if there is nothing to do.
fn part(args: &ScanArgs) -> Result<Option<ScanScope>> {
    if args.all {
        return Ok(Some(ScanScope::ALL));
    }
    let base = match (&args.since, args.hook) {
        (_, true) => match pushed()? {
            Pushed::Nothing => return Ok(None),
            Pushed::All => None,
            Pushed::Since(base) => Some(base),
        },
        (Some(revision), false) => {
            Some(changed::base_of(revision).with_context(|| format!("--since {}", clean(revision)))?)
        }
        (None, false) => changed::left_from(),
    };
    let Some(base) = base else { return Ok(Some(ScanScope::ALL)) };
    let files = if args.hook { pushed_files(&base)? } else { changed::files(&base, true)? };
    if files.is_empty() {
        if !args.hook {
            super::note("no file changed, so everything is scanned");
        }
        return Ok((!args.hook).then_some(ScanScope::ALL));
    }
    let bytes: usize = files.iter().map(|file| file.len() + 1).sum();
    Ok(Some(ScanScope { base: Some(base), files: (bytes <= MOST_BYTES).then_some(files) }))
}

/// The files of a push that can be scanned here; says what of it cannot.
fn pushed_files(base: &str) -> Result<Vec<String>> {
    let changed::PushedFiles { files, other, links } = changed::pushed_files(base)?;
    if other > 0 {
        super::note(&format!(
            "{} of the push {} changed here and not committed: scanners see what is on disk, and CI what is pushed",
            plural(other as u64, "file"),
            if other == 1 { "is" } else { "are" }
        ));
    }
    if links > 0 {
        super::note(&format!(
            "not scanned here: {} of the push; CI will scan it",
            plural(links as u64, "link")
        ));
    }
    Ok(files)
}

/// Commits to be pushed of the checked-out branch.
enum Pushed {
    /// Nothing, so that nothing can be scanned here.
    Nothing,
    /// Nobody knows since when.
    All,
    /// Changes after this commit.
    Since(String),
}

fn pushed() -> Result<Pushed> {
    let pushes = changed::pushed(io::stdin().lock())?;
    if pushes.is_empty() {
        return Ok(Pushed::Nothing);
    }
    let head = changed::head()?;
    let others: BTreeSet<&str> =
        pushes.iter().map(|push| push.head.as_str()).filter(|pushed| *pushed != head).collect();
    for other in others {
        let short = other.get(..12).unwrap_or(other);
        super::note(&format!(
            "{short} is pushed and is not what is checked out, so it was not scanned here; CI will scan it"
        ));
    }
    let Some(push) = pushes.iter().find(|push| push.head == head) else { return Ok(Pushed::Nothing) };
    // A commit that is not here (somebody else pushed it, and this push is forced) leaves no beginning to count from.
    let before = push.before.as_ref().and_then(|before| changed::base_of(before).ok());
    Ok(before.or_else(changed::left_from).map_or(Pushed::All, Pushed::Since))
}

/// A job an entry whose scanner is installed, and the others.
fn jobs(
    entries: &[&EvidenceEntry],
    files: Option<&[String]>,
    folder: &Path,
) -> (Vec<ScannerJob>, Vec<Unknown>) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (mut jobs, mut unknown) = (Vec::new(), Vec::new());
    for entry in entries {
        let Some(run) = &entry.run else { continue };
        match find(run.program(), &path) {
            Some(program) => jobs.push(ScannerJob::new(&entry.name, run, program, folder, files)),
            None => unknown.push(Unknown {
                entry: entry.name.clone(),
                why: format!("{} is not installed (not on PATH)", run.program()),
            }),
        }
    }
    (jobs, unknown)
}

/// Whether what a scanner left is a report, or why not. Many scanners end with another code than 0 when they have found
/// something; one that has found nothing and does so has failed.
fn usable(job: &ScannerJob, ended: &ScannerExit, policy: &Policy, limit: Duration) -> Result<(), String> {
    let name = &job.name;
    let code = match ended {
        ScannerExit::Exit(code) => *code,
        ScannerExit::TimedOut => {
            return Err(format!("{name} took more than {} s and was killed (--timeout)", limit.as_secs()));
        }
        ScannerExit::Signal => return Err(format!("{name} was killed")),
        ScannerExit::Interrupted => return Err(format!("{name} was broken off")),
        ScannerExit::NotStarted(why) => return Err(format!("{name} could not be run: {why}")),
    };
    let there = std::fs::metadata(&job.report).is_ok_and(|meta| meta.len() > 0);
    if !there {
        return Err(format!(
            "{name} ended with code {code} and wrote no report (--keep DIR saves what it said)"
        ));
    }
    if code == 0 {
        return Ok(());
    }
    let entry = policy.evidence.iter().find(|entry| entry.name == job.entry);
    let format = entry.and_then(|entry| entry.format.clone());
    let given = [GivenFile { path: job.report.clone(), format, entry: None }];
    let limits = Limits { max_report: 8 << 30, max_stdin: 0, max_findings: 1 };
    match gather::findings(&given, &policy.mappings, limits, &[], None) {
        Ok((_, findings)) if !findings.is_empty() => Ok(()),
        _ => Err(format!(
            "{name} ended with code {code} and found nothing, so it failed (--keep DIR saves what it said)"
        )),
    }
}

/// Copies reports and logs into a new directory.
fn copy_reports(from: &Path, to: &Path) -> Result<()> {
    let name = || format!("--keep {}", to.display());
    match std::fs::create_dir(to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{}: is there already; give a directory that is not, and it is made", name());
        }
        made => made.with_context(|| format!("{}: cannot be made", name()))?,
    }
    for entry in std::fs::read_dir(from).with_context(name)?.filter_map(Result::ok) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).with_context(name)?;
    }
    Ok(())
}
