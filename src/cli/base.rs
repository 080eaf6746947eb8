//! What the change is compared with: the flags, and the files that they name.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use sha2::{Digest, Sha256};

use super::git;
use crate::decide::{Compared, Comparison, Status, source_word};
use crate::finding::{SecretKey, Severity, Text, clean, clean_line};
use crate::gather::{self, Limits};
use crate::policy::{BaseSource, Policy};
use crate::relate::{Base, BaselineFile, Diff};
use crate::report::{hex, open_regular};

/// Largest baseline and diff, in bytes.
const MAX_FILE: u64 = 512 << 20;
/// Shortest and longest key, in bytes.
const KEY: std::ops::RangeInclusive<usize> = 32..=4096;

/// Where newness comes from.
#[derive(Debug, Args)]
pub(super) struct BaseArgs {
    /// Known findings, as `secgate baseline write` wrote them
    #[arg(long, value_name = "PATH")]
    pub(super) baseline: Option<PathBuf>,

    /// A report of the same scanner on the target branch; any number of times
    #[arg(long, value_name = "PATH")]
    base_report: Vec<PathBuf>,

    /// The diff of the change, as git writes it
    #[arg(long, value_name = "PATH", conflicts_with = "diff_base")]
    pub(super) diff: Option<PathBuf>,

    /// Have git make the diff: from where this revision and HEAD went apart to the working tree
    #[arg(long, value_name = "REV")]
    pub(super) diff_base: Option<String>,

    #[command(flatten)]
    pub(super) key: KeyArgs,
}

/// The key of a project's secrets.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// A file of at least 32 random bytes; without it no secret is ever known
    #[arg(long, value_name = "FILE")]
    pub(super) secret_key: Option<PathBuf>,
}

impl KeyArgs {
    /// The key, if one was given.
    pub(super) fn read(&self) -> Result<Option<SecretKey>> {
        let Some(path) = &self.secret_key else { return Ok(None) };
        let bytes = read("--secret-key", path, *KEY.end() as u64)?;
        // An editor ends the last line; the key is the same without.
        let key = bytes.trim_ascii_end();
        if key.len() < *KEY.start() {
            bail!(
                "--secret-key {}: holds {} bytes, and a key has at least {}; make one with: openssl rand -hex 32",
                clean(&path.to_string_lossy()),
                key.len(),
                KEY.start()
            );
        }
        Ok(Some(SecretKey::new(key)))
    }
}

/// A whole regular file.
pub(super) fn read(flag: &str, path: &Path, max: u64) -> Result<Vec<u8>> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if path.as_os_str().is_empty() {
        bail!("{flag} is empty; is a variable of the script unset?");
    }
    let file = open_regular(path).map_err(|error| anyhow!("{flag} {name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| anyhow!("{flag} {name}: cannot be read: {error}"))?;
    if bytes.len() as u64 > max {
        bail!("{flag} {name}: is over the limit of {max} bytes");
    }
    Ok(bytes)
}

/// A baseline file, with its bytes.
pub(super) fn baseline(path: &Path) -> Result<(BaselineFile, Vec<u8>)> {
    let bytes = read("--baseline", path, MAX_FILE)?;
    let file = BaselineFile::parse(&bytes)
        .map_err(|error| anyhow!("--baseline {}:{error}", clean(&path.to_string_lossy())))?;
    Ok((file, bytes))
}

/// A baseline's traces of secrets must be of the key at hand.
pub(super) fn same_key(path: &Path, file: &BaselineFile, key: Option<&SecretKey>) -> Result<()> {
    match (&file.key, key.map(SecretKey::name)) {
        (Some(known), Some(given)) if *known != given => bail!(
            "--baseline {}: its secrets were written under another key ({}) than that of --secret-key ({given})",
            clean(&path.to_string_lossy()),
            clean_line(known)
        ),
        _ => Ok(()),
    }
}

/// The directory of the project, as far as it is here.
pub(super) fn project(roots: &[String]) -> PathBuf {
    roots.iter().map(PathBuf::from).find(|root| root.is_dir()).unwrap_or_else(|| PathBuf::from("."))
}

impl BaseArgs {
    /// Whether any of them is given.
    pub(super) fn is_given(&self) -> bool {
        !self.given().is_empty()
    }

    /// The files that the flags name.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let one = [&self.baseline, &self.diff, &self.key.secret_key];
        one.into_iter().flatten().chain(&self.base_report).map(PathBuf::as_path)
    }

    /// The sources that are given, with the flag of each.
    fn given(&self) -> Vec<(BaseSource, &'static str)> {
        let mut given = Vec::new();
        if !self.base_report.is_empty() {
            given.push((BaseSource::BaseReport, "--base-report"));
        }
        if self.baseline.is_some() {
            given.push((BaseSource::Baseline, "--baseline"));
        }
        if self.diff.is_some() {
            given.push((BaseSource::Diff, "--diff"));
        }
        if self.diff_base.is_some() {
            given.push((BaseSource::Diff, "--diff-base"));
        }
        given
    }

    /// Reads all that is given; `None` if nothing is.
    pub(super) fn comparison(
        &self,
        policy: &Policy,
        limits: Limits,
        roots: &[String],
        key: Option<&SecretKey>,
    ) -> Result<Option<Comparison>> {
        let given = self.given();
        let Some((first, flag)) = given.first() else { return Ok(None) };
        let Some(wanted) = &policy.base else {
            // Such a policy compares with nothing, and every finding is new.
            let word = source_word(*first);
            super::note(&format!(
                "{flag} is not used: the policy {} compares with nothing; `base: {{from: {word}, without: review}}` \
                 in it would",
                policy.source
            ));
            return Ok(None);
        };
        for (source, flag) in &given {
            if !wanted.from.contains(source) {
                let words: Vec<&str> = wanted.from.iter().map(|source| source_word(*source)).collect();
                bail!(
                    "{flag}: {}:{} compares with {} and not with {}; add it to `from`",
                    policy.source,
                    wanted.line,
                    words.join(", "),
                    source_word(*source)
                );
            }
        }
        let mut comparison = Comparison {
            base: Base::new(policy.unknown_severity, Some(project(roots)), key.is_some()),
            sources: Vec::new(),
        };
        self.add_diff(&mut comparison, roots)?;
        if let Some(path) = &self.baseline {
            let (file, bytes) = baseline(path)?;
            same_key(path, &file, key)?;
            let holds = file.entries.iter().map(|entry| u64::from(entry.count)).sum();
            comparison.sources.push(source("baseline", &path.to_string_lossy(), &bytes, holds));
            comparison.base.set_baseline(file);
        }
        self.add_reports(&mut comparison, policy, limits, roots, key)?;
        Ok(Some(comparison))
    }

    fn add_diff(&self, comparison: &mut Comparison, roots: &[String]) -> Result<()> {
        let (name, bytes, before) = if let Some(path) = &self.diff {
            let name = path.to_string_lossy().into_owned();
            let bytes = read("--diff", path, MAX_FILE)?;
            if bytes.trim_ascii().is_empty() {
                // A `git diff` that failed leaves an empty file, and a change without a diff is none.
                bail!("--diff {}: is empty, so it shows no change; did git fail?", clean(&name));
            }
            (name, bytes, None)
        } else if let Some(revision) = &self.diff_base {
            if revision.is_empty() {
                bail!("--diff-base is empty; is a variable of the script unset?");
            }
            let directory = project(roots);
            let base = git::merge_base(&directory, revision)
                .map_err(|error| anyhow!("--diff-base {}: {error:#}", clean_line(revision)))?;
            let (diff, files) = git::diff(&directory, &base)
                .map_err(|error| anyhow!("--diff-base {}: {error:#}", clean_line(revision)))?;
            (format!("{} ({base})", clean_line(revision)), diff, Some(files))
        } else {
            return Ok(());
        };
        let flag = if before.is_some() { "--diff-base" } else { "--diff" };
        let mut diff = Diff::parse(&bytes).map_err(|error| anyhow!("{flag} {}:{error}", clean(&name)))?;
        if let Some(before) = before {
            diff.set_before(before);
        }
        comparison.sources.push(source("diff", &name, &bytes, diff.touched()));
        comparison.base.set_diff(diff);
        Ok(())
    }

    fn add_reports(
        &self,
        comparison: &mut Comparison,
        policy: &Policy,
        limits: Limits,
        roots: &[String],
        key: Option<&SecretKey>,
    ) -> Result<()> {
        if let Some(empty) = self.base_report.iter().find(|path| path.as_os_str().is_empty()) {
            bail!("--base-report {} is empty; is a variable of the script unset?", empty.display());
        }
        let reports = gather::base_reports(policy, &self.base_report, limits, roots, key)
            .map_err(|fault| anyhow!("{}: {}", fault.path.unwrap_or_default(), fault.message))?;
        for report in reports {
            let seen = &report.evidence;
            let tool = seen.tool.as_ref().map_or("", |tool| tool.name.as_str());
            let complete = seen.status == Status::Complete;
            let covers = seen.categories.iter().copied();
            comparison.base.add_report(tool, covers, complete, &report.findings, &report.packages);
            comparison.sources.push(Compared {
                kind: "base-report".into(),
                path: seen.path.clone().unwrap_or_default(),
                sha256: seen.sha256.clone().unwrap_or_default(),
                holds: seen.findings.total,
                status: Some(seen.status),
            });
        }
        Ok(())
    }
}

fn source(kind: &'static str, name: &str, bytes: &[u8], holds: u64) -> Compared {
    Compared {
        kind: kind.into(),
        path: Text::whole(name),
        sha256: hex(&Sha256::digest(bytes)),
        holds,
        status: None,
    }
}

/// How an unknown severity counts where there is no policy: closed.
pub(super) const UNKNOWN: Severity = Severity::Critical;
