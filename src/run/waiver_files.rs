//! Where the waivers of a run come from: the files that its policy names, and those that are given.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::finding::{clean, hex};
use crate::gather::look_for;
use crate::policy::Policy;
use crate::policy::waiver::{self, READ_AT_MOST, Waiver, WaiverFile};
use crate::report::open_regular;
use crate::run::diagnostics::RunDiagnostic;

/// The waivers of a run: those of the files that the policy names, and those given. Any fault in any of them is an
/// error, because nobody can say what it was meant to cover.
pub(crate) fn of_run(policy: &Policy, given: &[PathBuf], now: Timestamp) -> Result<Vec<Waiver>> {
    let Some(limits) = &policy.waivers else {
        if let Some(first) = given.first() {
            bail!(RunDiagnostic::WaiversNotAllowed {
                path: clean(&first.to_string_lossy()).into_owned(),
                source: policy.source.clone(),
            });
        }
        return Ok(Vec::new());
    };
    pinned(policy, &limits.pinned)?;
    let named = limits.files.iter().flat_map(look_for);
    of_files(policy, given.iter().cloned().chain(named).collect(), now)
}

/// Whether the files that the policy pins are as it says.
fn pinned(policy: &Policy, pinned: &[(String, String)]) -> Result<()> {
    for (file, digest) in pinned {
        let source = policy.source.clone();
        let (name, bytes) = text(Path::new(file)).map_err(|error| RunDiagnostic::PinnedWaivers {
            source: source.clone(),
            why: format!("{error:#}"),
        })?;
        let is = hex(&Sha256::digest(&bytes));
        if is != *digest {
            let why = format!("{name} is sha256:{is}, and the policy pins sha256:{digest}");
            bail!(RunDiagnostic::PinnedWaivers { source, why });
        }
    }
    Ok(())
}

/// The waivers of these files and of no others.
pub(crate) fn of_files(policy: &Policy, files: Vec<PathBuf>, now: Timestamp) -> Result<Vec<Waiver>> {
    let files = read_waivers(files.into_iter(), policy, now)?;
    Ok(waiver::unite(files).map_err(|why| RunDiagnostic::DuplicateWaiverId { why })?)
}

/// Reads waiver files, each once, in the order of their names; all that is wrong with them is said at once.
pub(crate) fn read_waivers(
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
pub(crate) fn parse(texts: &[(String, Vec<u8>)], policy: &Policy, now: Timestamp) -> Result<Vec<WaiverFile>> {
    gather(texts.iter().map(|(name, bytes)| Ok(waiver::load(name, bytes, policy, now)?)))
}

/// All files, or all that is wrong with them.
fn gather(read: impl Iterator<Item = Result<WaiverFile>>) -> Result<Vec<WaiverFile>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(error) => faults.push(error),
        }
    }
    if faults.len() < 2 {
        return faults.pop().map_or(Ok(files), Err);
    }
    let said: Vec<String> = faults.iter().map(|fault| format!("{fault:#}")).collect();
    Err(RunDiagnostic::InvalidWaivers { why: said.join("\n\n") }.into())
}

/// Names and bytes of the waiver files of a run.
pub(crate) fn texts(policy: &Policy, given: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    let named = policy.waivers.iter().flat_map(|limits| &limits.files).flat_map(look_for);
    once(given.iter().cloned().chain(named))?.iter().map(|path| text(path)).collect()
}

/// Each file once, in the order of their names.
pub(crate) fn once(paths: impl Iterator<Item = PathBuf>) -> Result<Vec<PathBuf>> {
    let mut once: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!(RunDiagnostic::EmptyFlag { flag: "--waivers".to_owned() });
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
pub(crate) fn text(path: &Path) -> Result<(String, Vec<u8>)> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let file = open_regular(path).with_context(|| name.clone())?;
    let mut bytes = Vec::new();
    file.take(READ_AT_MOST).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    Ok((name, bytes))
}
