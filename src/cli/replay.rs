//! `secgate replay`: one policy, or two side by side, over many saved runs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::args::{PolicyArgs, TextOrJson, clock};
use crate::decide::{Outcome, RunError};
use crate::exit;
use crate::finding::{clean_line, plural};
use crate::gather::Limits;
use crate::replay::{Replay, ReplayOutput};
use crate::run::diagnostics::RunDiagnostic;
use crate::run::{
    PolicyRequest, PolicySource, ReplayPolicy, RunContent, RunReplayer, UnreadRun, find_runs, in_order,
};

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
pub(super) struct ReplayArgs {
    /// A run, or a folder or file of runs; `-` is lines on standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// A second policy, to be put beside the first: a file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: TextOrJson,

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

pub(super) fn run(args: &ReplayArgs) -> Result<u8> {
    let replayer = replayer(args)?;
    let found = find_runs(&args.paths)?;
    found.told().iter().for_each(|line| super::note(line));
    let of: Vec<(String, String)> =
        replayer.policies.iter().map(|p| (p.policy.source.clone(), p.policy.sha256.clone())).collect();
    let mut replay = Replay::new(&of);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let work = |number: u64, run: Box<dyn UnreadRun>| {
        let run = run.read(args.store.as_deref());
        let decided = replayer.decide(&run);
        let protocol = matches!(run.content, RunContent::Broken { protocol: true, .. });
        (number, run.id, decided, protocol)
    };
    let mut known = BTreeSet::new();
    let (mut undecided, mut broken) = (0, false);
    let jobs = args.jobs.map_or(cores, usize::from);
    in_order(found.unread(), jobs, work, |(number, id, mut decided, protocol)| {
        let name = id.clone().unwrap_or_else(|| format!("run {}", number + 1));
        if !known.insert(name.clone()) {
            let fault = RunError::of(None, &RunDiagnostic::RunTwice { id: clean_line(&name).into_owned() });
            decided = replayer.undecided(jiff::Timestamp::UNIX_EPOCH, &fault);
        }
        let decisions: Vec<_> = decided.iter().map(|one| &one.decision).collect();
        undecided += u64::from(decisions.iter().any(|decision| decision.verdict == Outcome::Error));
        broken |= protocol;
        replay.add(name, &decisions);
        Ok(())
    })?;
    replay.finish();
    print(args, &replay)?;
    Ok(exit_code(args, undecided, broken))
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
    Ok(RunReplayer { policies, limits, pinned, parameters: args.param.clone(), keep: false })
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

fn exit_code(args: &ReplayArgs, undecided: u64, broken: bool) -> u8 {
    if undecided > 0 {
        let hint = if args.keep_going { "" } else { "; with --keep-going that is no error" };
        super::note(&format!("{} could not be decided{hint}", plural(undecided, "run")));
    }
    if broken {
        super::complain("a line is no run at all, so that nobody can say which run is missing");
    }
    if broken || undecided > 0 && !args.keep_going { exit::ERROR } else { exit::PASS }
}
