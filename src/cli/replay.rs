//! `secgate replay`: one policy, or two side by side, over many saved runs.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};

use super::args::{PolicyArgs, TextOrJson, clock};
use super::delivery::StandardStream;
use crate::exit;
use crate::finding::{clean, clean_line, plural};
use crate::gather::Limits;
use crate::replay::{DoneRuns, Replay, ReplayOutput, RowFolder, RowsHead, RunShard, merge};
use crate::run::diagnostics::RunDiagnostic;
use crate::run::{
    FoundRuns, PolicyRequest, PolicySource, ReplayJob, ReplayPolicy, ReplayTotals, RowTarget, RunReplayer,
    find_runs,
};

/// Runs that a listing of a replay with rows names.
const LISTED: usize = 40;
/// How often the progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// Decide again on saved runs
#[derive(Debug, Args)]
#[command(
    after_help = "A run is a folder with the reports and documents of one pipeline, a tar file of one (.tar, .tar.gz, .tar.zst), a \
                  bundle, or a line of a file NAME.ndjson (.gz, .zst) or of standard input (`-`). `run.json` in it, or its line, says \
                  what it is about: `secgate schema run`. A folder of folders is many runs, at every level. Waivers, CODEOWNERS, \
                  `change.diff`, `baseline.jsonl`, documents and feeds come from the run; nothing is read from the working directory \
                  or the environment. The exit code is 0 whatever was decided, and 2 if a policy is not valid, there is no run, or a \
                  run could not be decided."
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct ReplayArgs {
    #[command(subcommand)]
    command: Option<ReplayCommand>,

    /// A run, or a folder or file of runs; `-` is lines on standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// A second policy, to be put beside the first: a file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: TextOrJson,

    /// Write rows of runs, rules, evidence and findings as NDJSON: a file a table, or all to standard output
    #[arg(long, value_name = "DIR|-")]
    rows: Option<PathBuf>,

    /// Continue rows that an earlier replay of the same runs did not end
    #[arg(long, requires = "rows")]
    resume: bool,

    /// Decide on one part of the runs, by a hash of their ids; `replay merge` puts the rows of all parts together
    #[arg(long, value_name = "I/N")]
    shard: Option<RunShard>,

    /// Exit with 0 even if runs could not be decided
    #[arg(long)]
    keep_going: bool,

    /// Where contents lie that runs name by SHA-256 alone: DIR/HH/HEX, as they are, .gz or .zst
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Policy")]
    policy: PolicyArgs,

    /// The value of a parameter of the policy, for runs that give none
    #[arg(long, help_heading = "Policy", value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Judge every run by this clock, in place of its own
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,

    /// Runs that are decided at once [default: one for each core]
    #[arg(long, help_heading = "Limits", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// Largest report, in bytes
    #[arg(long, help_heading = "Limits", value_name = "BYTES", default_value_t = 8 << 30, value_parser = clap::value_parser!(u64).range(1..))]
    max_report: u64,

    /// Maximum number of findings kept in detail per rule; counts are exact whatever it is
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_findings: u32,
}

/// What is done with rows.
#[derive(Debug, Subcommand)]
enum ReplayCommand {
    /// Put the rows of all shards together, as one replay would have written them
    Merge {
        /// The folder of the whole
        #[arg(long, value_name = "DIR")]
        rows: PathBuf,

        /// The folders of the shards
        #[arg(value_name = "DIR", required = true)]
        shards: Vec<PathBuf>,
    },
}

pub(super) fn run(args: &ReplayArgs) -> Result<u8> {
    if let Some(ReplayCommand::Merge { rows, shards }) = &args.command {
        let end = merge(shards, rows)?;
        super::note(&format!("{} in {}", plural(end.out, "run"), clean(&rows.to_string_lossy())));
        return Ok(exit::PASS);
    }
    let replayer = replayer(args)?;
    let found = find_runs(&args.paths)?;
    found.told().iter().for_each(|line| super::note(line));
    let of: Vec<(String, String)> =
        replayer.policies.iter().map(|p| (p.policy.source.clone(), p.policy.sha256.clone())).collect();
    let head = RowsHead::new(
        of.clone(),
        replayer.pinned.map(|now| now.to_string()),
        args.param.clone(),
        replayer.limits.max_findings,
        args.shard,
    );
    let (target, done) = target(args, &head)?;
    if done.count > 0 {
        super::note(&format!(
            "{} with rows already; what is printed is about the others",
            plural(done.count, "run")
        ));
    }
    let mut replay = Replay::new(&of);
    if args.rows.is_some() {
        replay.list_at_most(LISTED);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.jobs.map_or(cores, usize::from);
    let mut progress = ReplayProgress::new(&found, done.count, args.shard);
    let job = ReplayJob {
        replayer: &replayer,
        store: args.store.as_deref(),
        workers,
        shard: args.shard,
        target,
        done,
    };
    let totals = job.run(found, &mut replay, &mut |read| progress.tell(read));
    progress.clear();
    let totals = totals?;
    replay.finish();
    if args.rows.as_deref() != Some(Path::new("-")) {
        print(args, &replay)?;
    }
    Ok(exit_code(args, totals))
}

/// Where rows go, and what is there already.
fn target(args: &ReplayArgs, head: &RowsHead) -> Result<(Option<RowTarget>, DoneRuns)> {
    let Some(rows) = &args.rows else { return Ok((None, DoneRuns::default())) };
    if rows.as_os_str().is_empty() {
        bail!(RunDiagnostic::EmptyFlag { flag: "--rows".to_owned() });
    }
    if rows == Path::new("-") {
        if args.resume {
            bail!("--resume continues a folder; standard output cannot be read again");
        }
        let stream = StandardStream::Output.file().context("standard output cannot be written")?;
        return Ok((Some(RowTarget::Stream(Box::new(stream))), DoneRuns::default()));
    }
    let (folder, done) = if args.resume {
        RowFolder::resume(rows, head)?
    } else {
        (RowFolder::create(rows, head)?, DoneRuns::default())
    };
    Ok((Some(RowTarget::Folder(folder)), done))
}

/// A line on the terminal: how many runs, how many a second, and how long it will take.
struct ReplayProgress {
    shown: bool,
    total: Option<u64>,
    before: u64,
    start: Instant,
    told: Instant,
    any: bool,
}

impl ReplayProgress {
    fn new(found: &FoundRuns, before: u64, shard: Option<RunShard>) -> Self {
        let total =
            found.count().map(|count| shard.map_or(count, |shard| count / u64::from(shard.count.max(1))));
        let now = Instant::now();
        Self { shown: std::io::stderr().is_terminal(), total, before, start: now, told: now, any: false }
    }

    fn tell(&mut self, read: u64) {
        if !self.shown || self.told.elapsed() < TOLD_EVERY {
            return;
        }
        self.told = Instant::now();
        let seconds = self.start.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (read - self.before.min(read)) as f64 / seconds;
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let left = self.total.map(|total| total.saturating_sub(read) as f64 / rate.max(0.001));
        let left = left.map(|left| format!(", about {left:.0} s left")).unwrap_or_default();
        let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let _ = write!(std::io::stderr(), "\r\x1b[K{read}{of} runs, {rate:.0} a second{left}");
        self.any = true;
    }

    fn clear(&self) {
        if self.any {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Reads the policies, and all else that is not a run.
fn replayer(args: &ReplayArgs) -> Result<RunReplayer> {
    let pinned = args.now.as_deref().map(|now| clock(Some(now))).transpose()?;
    let request = args.policy.request();
    let mut policies = vec![ReplayPolicy::load(&request, &request.source()?)?];
    if let Some(against) = &args.against {
        let second = PolicyRequest { policy: Some(against.clone()), ..request };
        let source = PolicySource::from_flag("--against", against)?;
        policies.push(ReplayPolicy::load(&second, &source).context("--against")?);
    }
    for text in &args.param {
        let Some((name, _)) = text.split_once('=') else {
            bail!(RunDiagnostic::InvalidParameter { shown: clean_line(text).into_owned() });
        };
        let mut parameters = policies.iter().flat_map(|policy| &policy.policy.parameters);
        if !parameters.any(|parameter| parameter.name == name) {
            bail!("--param {}: no policy here has such a parameter", clean_line(name));
        }
    }
    let limits =
        Limits { max_report: args.max_report, max_stdin: 0, max_findings: args.max_findings as usize };
    Ok(RunReplayer { policies, limits, pinned, parameters: args.param.clone(), keep: args.rows.is_some() })
}

fn print(args: &ReplayArgs, replay: &Replay) -> Result<()> {
    let mut out = Vec::new();
    if args.format == TextOrJson::Json {
        serde_json::to_writer_pretty(&mut out, &ReplayOutput::of_replay(replay))?;
        writeln!(out)?;
        super::print_exact(&out)
    } else {
        crate::render::replay::replay(replay, &mut out)?;
        super::print(&out)
    }
}

fn exit_code(args: &ReplayArgs, totals: ReplayTotals) -> u8 {
    let ReplayTotals { read: _, undecided, broken } = totals;
    if undecided > 0 {
        let hint = if args.keep_going { "" } else { "; with --keep-going that is no error" };
        super::note(&format!("{} could not be decided{hint}", plural(undecided, "run")));
    }
    if broken {
        super::complain("a line is no run at all, so that nobody can say which run is missing");
    }
    if broken || undecided > 0 && !args.keep_going { exit::ERROR } else { exit::PASS }
}
