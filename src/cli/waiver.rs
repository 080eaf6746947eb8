//! `secgate waiver new|lint|list`, and where the waivers of a run come from.

mod import;
mod new;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::args::clock;
use super::policy::PolicyArgs;
use crate::exit;
use crate::finding::clean;
use crate::gather::look_for;
use crate::policy::Policy;
use crate::policy::waiver::{self, READ_AT_MOST, Waiver, WaiverFile};
use crate::report::open_regular;

/// The waivers of a run: those of the files that the policy names, and those given. Any fault in any of them is an
/// error, because nobody can say what it was meant to cover.
pub(super) fn of_run(policy: &Policy, given: &[PathBuf], now: Timestamp) -> Result<Vec<Waiver>> {
    let Some(limits) = &policy.waivers else {
        if let Some(first) = given.first() {
            bail!(
                "--waivers {}: the policy {} allows no waivers; `waivers: {{max_duration: 90d}}` in it does",
                clean(&first.to_string_lossy()),
                policy.source
            );
        }
        return Ok(Vec::new());
    };
    let named = limits.files.iter().flat_map(look_for);
    of_files(policy, given.iter().cloned().chain(named).collect(), now)
}

/// The waivers of these files and of no others.
pub(super) fn of_files(policy: &Policy, files: Vec<PathBuf>, now: Timestamp) -> Result<Vec<Waiver>> {
    let files = read(files.into_iter(), policy, now)?;
    waiver::unite(files).map_err(|message| anyhow!(message))
}

/// Reads waiver files, each once, in the order of their names; all that is wrong with them is said at once.
pub(super) fn read(
    paths: impl Iterator<Item = PathBuf>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<WaiverFile>> {
    gather(once(paths)?.iter().map(|path| {
        let (name, bytes) = text(path)?;
        Ok(waiver::load(&name, &bytes, policy, now)?)
    }))
}

/// The same of names and bytes that were read.
pub(super) fn parse(texts: &[(String, Vec<u8>)], policy: &Policy, now: Timestamp) -> Result<Vec<WaiverFile>> {
    gather(texts.iter().map(|(name, bytes)| Ok(waiver::load(name, bytes, policy, now)?)))
}

/// All files, or all that is wrong with them.
fn gather(read: impl Iterator<Item = Result<WaiverFile>>) -> Result<Vec<WaiverFile>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(anyhow!(faults.join("\n\n"))) }
}

/// Names and bytes of the waiver files of a run.
pub(super) fn texts(policy: &Policy, given: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    let named = policy.waivers.iter().flat_map(|limits| &limits.files).flat_map(look_for);
    once(given.iter().cloned().chain(named))?.iter().map(|path| text(path)).collect()
}

/// Each file once, in the order of their names.
pub(super) fn once(paths: impl Iterator<Item = PathBuf>) -> Result<Vec<PathBuf>> {
    let mut once: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!("--waivers is empty; is a variable of the script unset?");
        }
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let known = once.entry(real).or_insert_with(|| path.clone());
        if path < *known {
            *known = path;
        }
    }
    let mut paths: Vec<PathBuf> = once.into_values().collect();
    paths.sort();
    Ok(paths)
}

/// Name and bytes of a waiver file.
pub(super) fn text(path: &Path) -> Result<(String, Vec<u8>)> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let file = open_regular(path).map_err(|error| anyhow!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(READ_AT_MOST).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    Ok((name, bytes))
}

/// Exceptions to rules
#[derive(Debug, Subcommand)]
pub(super) enum WaiverCommand {
    /// Write a waiver for a finding, or for what an ignore file holds; what only a person knows is left to be filled
    New(new::NewArgs),
    /// Check waiver files against the policy
    Lint(FilesArgs),
    /// List the waivers of the policy's gate
    List(FilesArgs),
}

/// Which waiver files, under which policy.
#[derive(Debug, Args)]
pub(super) struct FilesArgs {
    #[command(flatten)]
    policy: PolicyArgs,

    /// Waiver files [default: those that the policy names]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

pub(super) fn run(command: WaiverCommand) -> Result<u8> {
    match command {
        WaiverCommand::New(args) => new::run(&args),
        WaiverCommand::Lint(args) => lint(&args),
        WaiverCommand::List(args) => list(&args),
    }
}

/// The policy, the clock, and the files as read.
fn files(args: &FilesArgs) -> Result<(Policy, Timestamp, Vec<WaiverFile>)> {
    let now = clock(args.now.as_deref())?;
    let source = args.policy.source()?;
    let policy = args.policy.load(&source)?;
    let named = policy.waivers.iter().flat_map(|w| &w.files).flat_map(look_for);
    let paths: Vec<PathBuf> = if args.paths.is_empty() { named.collect() } else { args.paths.clone() };
    let files = read(paths.into_iter(), &policy, now)?;
    Ok((policy, now, files))
}

/// Days until a waiver ends, begun ones counted; 0 or less once it has.
fn days_left(waiver: &Waiver, now: Timestamp) -> i64 {
    let seconds = waiver.ends.as_second() - now.as_second();
    if now >= waiver.ends { 0 } else { seconds.div_euclid(86_400) + 1 }
}

fn lint(args: &FilesArgs) -> Result<u8> {
    let (policy, now, files) = files(args)?;
    let mut text = String::new();
    let mut told = String::new();
    for file in &files {
        writeln!(
            told,
            "{}: {} of gate {} under {}, sha256:{}",
            file.source,
            match file.waivers.len() {
                1 => "1 waiver".to_owned(),
                n => format!("{n} waivers"),
            },
            policy.gate,
            policy.source,
            file.sha256
        )?;
    }
    if files.is_empty() {
        writeln!(told, "{}: none of the waiver files that it names is there", policy.source)?;
    }
    let mut code = exit::PASS;
    for waiver in waiver::unite(files).map_err(|message| anyhow!(message))? {
        let place = format!("{}:{}: waiver `{}` of {}", waiver.file, waiver.line, waiver.id, waiver.owner);
        for why in waiver::futile(&waiver, &policy) {
            code = exit::ERROR;
            writeln!(text, "{place}: error: it covers nothing: {why}")?;
        }
        match days_left(&waiver, now) {
            ..=0 => writeln!(text, "{place}: expired: {} was its end", waiver.expires)?,
            1..=14 => writeln!(text, "{place}: ends within 14 days, {}", waiver.expires)?,
            _ => {}
        }
    }
    super::print(format!("{text}{told}").as_bytes())?;
    Ok(code)
}

fn list(args: &FilesArgs) -> Result<u8> {
    let (policy, now, files) = files(args)?;
    let waivers = waiver::unite(files).map_err(|message| anyhow!(message))?;
    let mut text = String::new();
    for waiver in &waivers {
        let state = match (days_left(waiver, now), waiver.emergency) {
            (..=0, _) => "expired",
            (_, true) => "EMERGENCY",
            (1..=14, _) => "ends soon",
            _ => "valid",
        };
        writeln!(
            text,
            "{state:<9}  {}  {}  approved by {}  until {}  {}  ({}:{})",
            waiver.id,
            waiver.owner,
            waiver.approved_by,
            waiver.expires,
            waiver.rules.join(", "),
            waiver.file,
            waiver.line
        )?;
    }
    if waivers.is_empty() {
        writeln!(text, "no waivers for gate {}", policy.gate)?;
    }
    super::print(text.as_bytes())?;
    Ok(exit::PASS)
}
