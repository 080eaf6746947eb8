//! `secgate baseline write|show|prune`

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::tz::Offset;

use super::args::{InputArgs, KeyArgs, PolicyArgs, clock};
use super::delivery::{Destination, FILE_MODE, deliver};
use crate::decide::{Evidence, RunError, Status};
use crate::exit;
use crate::finding::{Category, Finding, SecretKey, State, clean, clean_line, plural};
use crate::gather;
use crate::policy::{BaseSource, Policy, Rule, Subject};
use crate::relate::{Base, BaseEntry, BaselineFile, summary};
use crate::run::{Environment, UNKNOWN, baseline, project, same_key, secret_key};

/// Known findings
#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Write the findings of these reports as known
    Write(DatedArgs),
    /// Say what a baseline holds
    Show(BaselineShowArgs),
    /// Take out of a baseline what these reports no longer have
    Prune(PruneArgs),
}

/// Which reports, and where to.
#[derive(Debug, Args)]
pub(super) struct WriteArgs {
    #[command(flatten)]
    inputs: InputArgs,

    #[command(flatten, next_help_heading = "Policy")]
    policy: PolicyArgs,

    #[command(flatten, next_help_heading = None)]
    key: KeyArgs,

    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DatedArgs {
    #[command(flatten)]
    write: WriteArgs,

    /// The baseline from before, whose days of first sight are kept [default: the file of `--output`, if it exists]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct BaselineShowArgs {
    /// The baseline
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    write: WriteArgs,

    /// The baseline; `--output` may be the same file
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
}

pub(super) fn run(command: &BaselineCommand) -> Result<u8> {
    match command {
        BaselineCommand::Write(args) => write(args),
        BaselineCommand::Show(args) => show(args),
        BaselineCommand::Prune(args) => prune(args),
    }
}

/// Contents of the reports of a base.
struct BaseReports {
    evidence: Vec<Evidence>,
    findings: Vec<Finding>,
    base: Base,
    key: Option<SecretKey>,
    /// Where no report was named: the policy that named them.
    policy: Option<Policy>,
}

fn read_base_reports(args: &WriteArgs) -> Result<BaseReports> {
    let given = args.inputs.given(&[])?;
    let key = secret_key(args.key.secret_key.as_deref())?;
    let environment = Environment::read_variables(args.inputs.no_env);
    let roots = environment.roots(args.inputs.root.as_deref());
    let limits = args.inputs.limits(0);
    let told = |fault: RunError| anyhow::anyhow!("{}: {}", fault.path.unwrap_or_default(), fault.message);
    let policy = if given.is_empty() { Some(args.policy.request().policy()?) } else { None };
    let (evidence, findings) = match &policy {
        // What `check` finds.
        Some(policy) => {
            gather::findings_of_policy(policy, limits, &roots, key.as_ref()).map_err(|faults| {
                faults.into_iter().next().map_or_else(|| anyhow::anyhow!("nothing was read"), told)
            })?
        }
        None => gather::findings(&given, &[], limits, &roots, key.as_ref()).map_err(told)?,
    };
    if evidence.is_empty() {
        bail!("none of the reports that the policy names is there; give a PATH, or --input FORMAT=PATH");
    }
    if evidence.iter().all(|report| report.status == Status::Ignored) {
        bail!("no report was found there, so nothing is known");
    }
    for report in &evidence {
        let path = report.path.as_ref().map_or("-", |path| path.as_str());
        match report.status {
            Status::Unreadable | Status::Failed => bail!("{path}: {}", report.message),
            Status::Incomplete | Status::NothingScanned => {
                super::warn(&format!("{path}: {}; findings there stay new", report.message));
            }
            Status::Ignored => super::warn(&format!("{path}: {}", report.message)),
            _ => {}
        }
    }
    let base = Base::new(UNKNOWN, Some(project(args.inputs.root.as_deref(), &roots)), key.as_ref());
    // A report given twice does not show twice as many findings.
    let copy = |index: usize| evidence.get(index).is_some_and(|report| report.copy_of.is_some());
    let counted = findings.into_iter().filter(|(finding, report)| !finding.suppressed && !copy(*report));
    let findings = counted.map(|(finding, _)| finding).collect();
    Ok(BaseReports { evidence, findings, base, key, policy })
}

impl BaseReports {
    /// The findings as entries, how many secrets were left out because nothing tells their values, and how many are
    /// told by their file alone because their code cannot be read.
    fn entries(&self) -> (Vec<BaseEntry>, usize, usize) {
        let mut code = self.base.code();
        let (mut left_out, mut without_code) = (0, 0);
        let mut entries = Vec::with_capacity(self.findings.len());
        for finding in &self.findings {
            let content = match finding.category {
                Category::Secret => match self.base.content(finding, &mut code) {
                    0 => {
                        left_out += 1;
                        continue;
                    }
                    content => content,
                },
                // Without a key no digest of a line that holds a credential is written.
                _ if finding.may_hold_secret && self.key.is_none() => 0,
                _ if finding.told_by_code => self.base.content(finding, &mut code),
                _ => 0,
            };
            let keyless = finding.may_hold_secret && self.key.is_none();
            without_code += usize::from(finding.told_by_code && content == 0 && !keyless);
            entries.push(BaseEntry::from_finding(finding, content));
        }
        (entries, left_out, without_code)
    }
}

fn write(args: &DatedArgs) -> Result<u8> {
    let today = Offset::UTC.to_datetime(clock(args.now.as_deref())?).date();
    let there = args.write.output.as_ref().filter(|path| path.exists());
    let earlier = match args.baseline.as_ref().or(there) {
        None => BaselineFile::default(),
        Some(path) => baseline(path).map(|(file, _)| file).or_else(|error| {
            // What is in the way is said where it is written.
            if args.baseline.is_some() { Err(error) } else { Ok(BaselineFile::default()) }
        })?,
    };
    let read = read_base_reports(&args.write)?;
    let (entries, left_out, without_code) = read.entries();
    if without_code > 0 {
        super::note(&format!(
            "the lines of {} cannot be read: any finding of the same rule in the same file would count as one \
             of them; run this where the files are, or say where with --root",
            plural(without_code as u64, "finding")
        ));
    }
    if left_out > 0 {
        let why = if read.key.is_some() {
            "neither their values nor their lines can be read"
        } else {
            "there is no --secret-key"
        };
        let (are, stay) = if left_out == 1 { ("is", "stays") } else { ("are", "stay") };
        super::note(&format!("{} {are} left out and {stay} new: {why}", plural(left_out as u64, "secret")));
    }
    let mut file = BaselineFile::new(read.key.as_ref(), entries);
    file.date(&earlier, today);
    write_baseline(args.write.output.as_deref(), &file)?;
    if let Some(path) = &args.write.output {
        let known: u64 = file.entries.iter().map(|entry| u64::from(entry.count)).sum();
        super::note(&format!("wrote {}: {} known", clean(&path.to_string_lossy()), plural(known, "finding")));
    }
    if let Some(policy) = &read.policy
        && let Some(unused) = unused_by(policy)
    {
        super::note(&unused);
    }
    Ok(exit::PASS)
}

/// Why a baseline lets nothing pass under a policy.
fn unused_by(policy: &Policy) -> Option<String> {
    let source = clean(&policy.source);
    if !policy.base.as_ref().is_some_and(|base| base.from.contains(&BaseSource::Baseline)) {
        return Some(format!(
            "{source} does not compare with a baseline: write `base: {{from: [baseline, diff], without: warn}}` into it"
        ));
    }
    let asks = |rule: &Rule| match &rule.subject {
        Subject::Findings(selector) => {
            !selector.state.is_empty() && !selector.state.contains(&State::Existing)
        }
        _ => false,
    };
    (!policy.rules.iter().any(asks)).then(|| {
        format!("known findings still count in each rule of {source}: write `state: new` into the findings of a rule to let them pass")
    })
}

fn show(args: &BaselineShowArgs) -> Result<u8> {
    let (file, _) = baseline(&args.file)?;
    let total: u64 = file.entries.iter().map(|entry| u64::from(entry.count)).sum();
    let mut text = format!(
        "{}: {total} known findings in {} lines\n",
        clean(&args.file.to_string_lossy()),
        file.entries.len()
    );
    for ((category, severity), count) in summary(&file.entries) {
        let _ = writeln!(text, "  {count:>7}  {severity:<8}  {category}");
    }
    for entry in &file.entries {
        let times = if entry.count > 1 { format!("  ({} times)", entry.count) } else { String::new() };
        let package = match &*entry.package {
            "" => String::new(),
            package => format!("  {}", clean_line(package)),
        };
        let since = entry.first_seen.map_or_else(String::new, |day| format!("  since {day}"));
        let place = if entry.path.is_empty() { "-" } else { &entry.path };
        let _ = writeln!(
            text,
            "{:<8}  {}  {}{package}  [{}]{times}{since}",
            entry.severity,
            clean_line(place),
            clean_line(&entry.rule),
            clean_line(&entry.tool)
        );
    }
    super::print(text.as_bytes())?;
    Ok(exit::PASS)
}

fn prune(args: &PruneArgs) -> Result<u8> {
    let (file, _) = baseline(&args.baseline)?;
    let mut read = read_base_reports(&args.write)?;
    same_key(&args.baseline, &file, read.key.as_ref())?;
    let (key, sealed) = (file.key.clone(), file.sealed);
    let entries = file.entries.clone();
    read.base.set_baseline(file);
    let bars = read.base.initial_bars();
    let (mut heads, mut code) = (crate::relate::Heads::default(), read.base.code());
    for finding in &mut read.findings {
        read.base.judge(finding, &bars, &mut heads, &mut code);
    }
    let looked = |entry: &BaseEntry| {
        read.evidence.iter().any(|report| {
            report.status == Status::Complete
                && report.categories.contains(&entry.category)
                && report.tool.as_ref().is_some_and(|t| t.name.as_str().eq_ignore_ascii_case(&entry.tool))
        })
    };
    let gone: Vec<BaseEntry> = read.base.fixed(&heads).into_iter().filter(looked).collect();
    let taken: u64 = gone.iter().map(|entry| u64::from(entry.count)).sum();
    let uncounted = |entry: &BaseEntry| BaseEntry { count: 0, ..entry.clone() };
    let less: HashMap<BaseEntry, u32> = gone.iter().map(|entry| (uncounted(entry), entry.count)).collect();
    let mut kept = Vec::new();
    for mut entry in entries {
        entry.count = entry.count.saturating_sub(less.get(&uncounted(&entry)).copied().unwrap_or(0));
        kept.extend((entry.count > 0).then_some(entry));
    }
    super::note(&format!("{taken} findings are gone and were taken out; {} lines stay", kept.len()));
    let mut pruned = BaselineFile::new(None, kept);
    pruned.key = key;
    // Nobody has seen again what stays, so that lines without a seal get none.
    pruned.sealed = sealed;
    write_baseline(args.write.output.as_deref(), &pruned)
}

/// Writes a baseline, whole or not at all.
fn write_baseline(output: Option<&Path>, file: &BaselineFile) -> Result<u8> {
    let text = file.text();
    let Some(path) = output else {
        super::print(text.as_bytes())?;
        return Ok(exit::PASS);
    };
    let shown = clean(&path.to_string_lossy()).into_owned();
    let destination = Destination::of(path).map_err(|why| anyhow!("--output {shown}: {why}"))?;
    // What is there must be a baseline, so that a report or a policy is never lost to a slip.
    if destination.place().is_some_and(Path::exists) && baseline(path).is_err() {
        bail!("--output {shown}: is there and is not a baseline; nothing was written");
    }
    deliver(path, FILE_MODE, text.as_bytes()).context("--output")?;
    Ok(exit::PASS)
}
