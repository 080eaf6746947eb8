//! Base that the change is compared with: the flags, and the files that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use super::git::{self, Blob, BlobKind};
use super::policy_source::policy_folders;
use crate::decide::{BaseComparison, GivenBase, RunError, ScanKind, Status, matches_in_base, source_word};
use crate::diagnostic::SaidDiagnostic;
use crate::finding::{SecretKey, Severity, Text, clean, clean_line, hex};
use crate::gather::{self, Limits};
use crate::policy::{BaseSource, Policy, UnchangedLines};
use crate::relate::{Base, BaselineFile, Conversion, Diff, TrackedFile};
use crate::report::open_regular;
use crate::run::diagnostics::RunDiagnostic;

/// Largest baseline and diff, in bytes.
pub(crate) const MAX_FILE: u64 = 512 << 20;
/// Shortest and longest key, in bytes.
const KEY: std::ops::RangeInclusive<usize> = 32..=4096;

/// Base that the change is to be compared with.
#[derive(Debug, Clone, Default)]
pub struct BaseRequest {
    /// Known findings, as `secgate baseline write` wrote them.
    pub baseline: Option<PathBuf>,
    /// Reports of the same scanners on the target branch.
    pub base_reports: Vec<PathBuf>,
    /// The diff of the change, as git writes it.
    pub diff: Option<PathBuf>,
    /// The revision from which git is to make the diff.
    pub diff_base: Option<String>,
    /// A file with the key of the project's secrets.
    pub secret_key: Option<PathBuf>,
    /// The run is one of the past, whose files are not at hand: then the diff alone says what is there.
    pub tree_is_gone: bool,
}

/// The key of a project's secrets, if one was given.
pub(crate) fn secret_key(path: Option<&Path>) -> Result<Option<SecretKey>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = read_limited("--secret-key", path, *KEY.end() as u64)?;
    // An editor ends the last line; the key is the same without.
    let key = bytes.trim_ascii_end();
    if key.len() < *KEY.start() {
        bail!(RunDiagnostic::InvalidSecretKey {
            path: clean(&path.to_string_lossy()).into_owned(),
            is: key.len(),
            least: *KEY.start(),
        });
    }
    Ok(Some(SecretKey::new(key)))
}

/// A whole regular file.
pub(crate) fn read_limited(flag: &str, path: &Path, max: u64) -> Result<Vec<u8>> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if path.as_os_str().is_empty() {
        bail!(RunDiagnostic::EmptyFlag { flag: flag.to_owned() });
    }
    let file = open_regular(path).with_context(|| format!("{flag} {name}"))?;
    let mut bytes = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| anyhow!("{flag} {name}: cannot be read: {error}"))?;
    if bytes.len() as u64 > max {
        bail!(RunDiagnostic::InputTooLarge { what: format!("{flag} {name}"), most: max, kind: "" });
    }
    Ok(bytes)
}

/// A baseline file, with its bytes.
pub(crate) fn baseline(path: &Path) -> Result<(BaselineFile, Vec<u8>)> {
    let bytes = read_limited("--baseline", path, MAX_FILE)?;
    Ok((parse_baseline(path, &bytes)?, bytes))
}

fn parse_baseline(path: &Path, bytes: &[u8]) -> Result<BaselineFile> {
    let invalid =
        |why| RunDiagnostic::InvalidBaseline { path: clean(&path.to_string_lossy()).into_owned(), why };
    Ok(BaselineFile::parse(bytes).map_err(invalid)?)
}

/// A baseline's traces of secrets must be of the key at hand.
pub(crate) fn same_key(path: &Path, file: &BaselineFile, key: Option<&SecretKey>) -> Result<()> {
    match (&file.key, key.map(SecretKey::name)) {
        (Some(known), Some(given)) if *known != given => bail!(RunDiagnostic::BaselineOfOtherKey {
            path: clean(&path.to_string_lossy()).into_owned(),
            known: clean_line(known).into_owned(),
            given: given.clone(),
        }),
        _ => Ok(()),
    }
}

/// The directory of the project: `--root`; else of the prefixes that report paths have the one that the current
/// directory lies in, within its repository, because no variable chooses a repository; else the current directory.
pub(crate) fn project(root: Option<&str>, roots: &[String]) -> PathBuf {
    if let Some(root) = root.map(PathBuf::from).filter(|root| root.is_dir()) {
        return root;
    }
    let here = Path::new(".").canonicalize().unwrap_or_default();
    let top = here.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
    let holds_here = |folder: &&String| {
        Path::new(folder).canonicalize().is_ok_and(|folder| {
            here != folder && here.starts_with(&folder) && top.is_none_or(|top| folder.starts_with(top))
        })
    };
    roots.iter().find(holds_here).map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// A baseline that was read: what is decided on, compared and packed are these bytes.
#[derive(Debug, Clone)]
pub(crate) struct BaselineText {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Arc<[u8]>,
}

impl BaselineText {
    fn parse(&self) -> Result<BaselineFile> {
        parse_baseline(&self.path, &self.bytes)
    }
}

/// Which baseline a gate compares with.
#[derive(Debug, Clone, Default)]
pub(crate) enum BaselineFrom {
    /// The one that is given.
    #[default]
    Given,
    /// Content before a change.
    Before(BaselineText),
    /// None: before a change it was not there, or not valid.
    Nowhere,
}

/// Conditions of a comparison.
#[derive(Clone, Copy)]
pub(crate) struct ComparedUnder<'c> {
    pub(crate) policy: &'c Policy,
    pub(crate) limits: Limits,
    pub(crate) roots: &'c [String],
    /// The project's directory.
    pub(crate) directory: &'c Path,
    pub(crate) key: Option<&'c SecretKey>,
    pub(crate) change: Option<&'c GivenDiff>,
    /// Seconds since 1970, for ages.
    pub(crate) now: i64,
}

/// A change, as a diff tells it.
#[derive(Clone)]
pub(crate) struct GivenDiff {
    /// `--diff` or `--diff-base`.
    pub(crate) flag: &'static str,
    /// The file, or the revision with its commit.
    pub(crate) name: String,
    /// The project's directory, which the paths of the diff are relative to.
    pub(crate) directory: PathBuf,
    /// The changes.
    pub(crate) diff: Arc<Diff>,
    /// Files before the change, where git tells.
    pub(crate) commit: Option<Arc<Commit>>,
    sha256: String,
}

impl GivenDiff {
    /// The diff that was saved with a run, whose files are gone.
    pub(crate) fn of_saved_run(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let (flag, sha256) = ("--diff", hex(&Sha256::digest(&bytes)));
        if bytes.trim_ascii().is_empty() {
            bail!(RunDiagnostic::EmptyDiff { name: name.to_owned() });
        }
        let invalid = |why| RunDiagnostic::InvalidDiff { flag, name: name.to_owned(), why };
        let diff = Diff::parse(bytes).map_err(invalid)?;
        let (name, directory) = (name.to_owned(), PathBuf::new());
        Ok(Self { flag, name, directory, diff: diff.into(), commit: None, sha256 })
    }
}

/// A commit of a repository.
pub(crate) struct Commit {
    /// Its id.
    pub(crate) id: String,
    /// The top of the working tree, without links.
    pub(crate) top: PathBuf,
    /// Its files, by their paths from the top.
    pub(crate) files: BTreeMap<String, Blob>,
}

/// The name of the baseline that is found by itself, in the folder `.secgate` that the policies are in.
const FOUND_BASELINE: &str = "baseline.jsonl";

impl BaseRequest {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        !self.given_sources().is_empty()
    }

    /// The sources that are given, with the flag of each.
    fn given_sources(&self) -> Vec<(BaseSource, &'static str)> {
        let mut given = Vec::new();
        if !self.base_reports.is_empty() {
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

    /// Reads the diff, or has git make it; `None` if none is asked for.
    pub(crate) fn change(&self, directory: &Path) -> Result<Option<GivenDiff>> {
        let directory = directory.to_owned();
        let of_diff = |flag: &'static str, name: &str, bytes: Vec<u8>| {
            let sha256 = hex(&Sha256::digest(&bytes));
            let diff = Diff::parse(bytes).map_err(|why| RunDiagnostic::InvalidDiff {
                flag,
                name: clean(name).into_owned(),
                why,
            })?;
            anyhow::Ok((diff, sha256))
        };
        if let Some(path) = &self.diff {
            let (flag, name) = ("--diff", path.to_string_lossy().into_owned());
            let bytes = read_limited(flag, path, MAX_FILE)?;
            if bytes.trim_ascii().is_empty() {
                // A `git diff` that failed leaves an empty file, and a change without a diff is none.
                bail!(RunDiagnostic::EmptyDiff { name: clean(&name).into_owned() });
            }
            let (mut diff, sha256) = of_diff(flag, &name, bytes)?;
            if !self.tree_is_gone {
                diff.set_tree(&directory);
                set_head(&mut diff, &directory)?;
            }
            return Ok(Some(GivenDiff { flag, name, directory, diff: diff.into(), commit: None, sha256 }));
        }
        let Some(revision) = &self.diff_base else { return Ok(None) };
        if revision.is_empty() {
            bail!(RunDiagnostic::EmptyFlag { flag: "--diff-base".to_owned() });
        }
        let flag = "--diff-base";
        let shown = clean_line(revision).into_owned();
        let made = || -> Result<(Commit, Vec<u8>)> {
            let id = git::merge_base(&directory, revision)?;
            let bytes = git::diff(&directory, &id)?;
            let files = git::tree(&directory, &id)?;
            Ok((Commit { id, top: git::top(&directory)?, files }, bytes))
        };
        let (commit, bytes) = made().with_context(|| format!("{flag} {shown}"))?;
        let name = format!("{shown} ({})", commit.id);
        let (mut diff, sha256) = of_diff(flag, &name, bytes)?;
        let below = below(&commit.top, &directory).with_context(|| format!("{flag} {shown}"))?;
        diff.set_tree(&directory);
        let conversions = |paths: &BTreeSet<&str>| conversions(&commit.top, &commit.id, &below, paths);
        diff.set_commit(tracked(&commit.files, &below), conversions)
            .with_context(|| format!("{flag} {shown}"))?;
        Ok(Some(GivenDiff {
            flag,
            name,
            directory,
            diff: diff.into(),
            commit: Some(Arc::new(commit)),
            sha256,
        }))
    }

    /// The baseline that lies beside the policy, where none is given and the policy compares with one.
    pub(crate) fn with_found_baseline(&self, policy: &Policy) -> Self {
        let wanted = policy.base.as_ref().is_some_and(|base| base.from.contains(&BaseSource::Baseline));
        let found = || {
            let folder = policy_folders().into_iter().find(|folder| folder.symlink_metadata().is_ok())?;
            Some(folder.join(FOUND_BASELINE)).filter(|path| path.symlink_metadata().is_ok())
        };
        let baseline = self.baseline.clone().or_else(|| found().filter(|_| wanted));
        Self { baseline, ..self.clone() }
    }

    /// Parts of it that a policy compares with.
    pub(crate) fn restricted(&self, policy: &Policy) -> Self {
        let from = policy.base.as_ref().map_or(&[][..], |base| &base.from);
        let uses = |source| from.contains(&source);
        Self {
            baseline: self.baseline.clone().filter(|_| uses(BaseSource::Baseline)),
            base_reports: if uses(BaseSource::BaseReport) { self.base_reports.clone() } else { Vec::new() },
            diff: self.diff.clone().filter(|_| uses(BaseSource::Diff)),
            diff_base: self.diff_base.clone().filter(|_| uses(BaseSource::Diff)),
            secret_key: self.secret_key.clone(),
            tree_is_gone: self.tree_is_gone,
        }
    }

    /// The baseline that is given.
    pub(crate) fn baseline_text(&self) -> Result<Option<BaselineText>> {
        let Some(path) = &self.baseline else { return Ok(None) };
        let bytes = read_limited("--baseline", path, MAX_FILE)?.into();
        Ok(Some(BaselineText { path: path.clone(), bytes }))
    }

    /// Compares with all that is given; `None` if nothing is that the policy compares with.
    pub(crate) fn comparison(
        &self,
        under: &ComparedUnder<'_>,
        known: Option<&BaselineText>,
        remarks: &mut Vec<String>,
    ) -> Result<Option<GivenBase>> {
        let ComparedUnder { policy, directory, key, change, .. } = *under;
        let given = self.given_sources();
        if given.is_empty() {
            return Ok(None);
        }
        let known = known.filter(|_| self.baseline.is_some());
        let known = known.map(|text| anyhow::Ok((text, text.parse()?))).transpose()?;
        let from = policy.base.as_ref().map_or(&[][..], |base| &base.from);
        let mut used = Vec::new();
        for (source, flag) in given {
            let word = source_word(source);
            match &policy.base {
                _ if from.contains(&source) => used.push(source),
                // A diff tells what the change does to the gate itself, whatever findings are compared with.
                Some(wanted) if source != BaseSource::Diff => {
                    let words: Vec<&str> = wanted.from.iter().map(|source| source_word(*source)).collect();
                    bail!(RunDiagnostic::BaseNotInPolicy {
                        flag,
                        source: policy.source.clone(),
                        line: wanted.line,
                        words: words.join(", "),
                        word: word.into(),
                    });
                }
                // Such a policy compares with nothing, and every finding is new.
                None | Some(_) => remarks.push(format!(
                    "{flag} is not used for findings: the policy {} does not compare them with it; \
                     `base: {{from: {word}, without: review}}` in it would",
                    policy.source
                )),
            }
        }
        if used.is_empty() {
            return Ok(None);
        }
        let mut comparison = GivenBase {
            base: Base::new(policy.unknown_severity, (!self.tree_is_gone).then(|| directory.to_owned()), key),
            sources: Vec::new(),
            left_out: Vec::new(),
        };
        if policy.base.as_ref().is_some_and(|base| base.unchanged_lines() == UnchangedLines::New) {
            comparison.base.set_unchanged_lines_new();
        }
        if let Some(change) = change.filter(|_| used.contains(&BaseSource::Diff)) {
            let (path, holds) = (Text::whole(&change.name), change.diff.touched());
            comparison.sources.push(BaseComparison {
                kind: "diff".into(),
                path,
                sha256: change.sha256.clone(),
                holds,
                status: None,
                scan: None,
                copy_of: None,
                matched: BTreeMap::new(),
            });
            comparison.base.set_diff(Arc::clone(&change.diff));
        }
        if let Some((BaselineText { path, bytes }, file)) = known {
            same_key(path, &file, key)?;
            let holds = file.entries.iter().map(|entry| u64::from(entry.count)).sum();
            comparison.sources.push(BaseComparison {
                kind: "baseline".into(),
                path: Text::whole(&path.to_string_lossy()),
                sha256: hex(&Sha256::digest(bytes)),
                holds,
                status: None,
                scan: None,
                copy_of: None,
                matched: BTreeMap::new(),
            });
            comparison.base.set_baseline(file);
        }
        self.add_reports(&mut comparison, under)?;
        Ok(Some(comparison))
    }

    fn add_reports(&self, comparison: &mut GivenBase, under: &ComparedUnder<'_>) -> Result<()> {
        let ComparedUnder { policy, limits, roots, key, .. } = *under;
        if let Some(empty) = self.base_reports.iter().find(|path| path.as_os_str().is_empty()) {
            bail!(RunDiagnostic::EmptyFlag { flag: format!("--base-report {}", empty.display()) });
        }
        let (reports, left_out) = gather::base_reports(policy, &self.base_reports, limits, roots, key)
            .map_err(|RunError { path, message, code, suggestion }| SaidDiagnostic {
                message: format!("{}: {message}", path.unwrap_or_default()),
                code,
                suggestion,
            })?;
        comparison.left_out = left_out;
        for report in reports {
            let seen = &report.evidence;
            let tool = seen.tool.as_ref().map_or("", |tool| tool.name.as_str());
            let complete = seen.status == Status::Complete;
            let covers = seen.categories.iter().copied();
            let alone: BTreeSet<_> = report
                .findings
                .iter()
                .filter(|finding| comparison.base.knows_by_reports_alone(finding))
                .map(|finding| finding.category)
                .collect();
            comparison.base.add_report(tool, covers, complete, &report.findings, &report.packages);
            comparison.base.add_hidden(tool, &report.hidden);
            comparison.base.add_inventory(&report.inventory);
            comparison.sources.push(BaseComparison {
                kind: "base-report".into(),
                path: seen.path.clone().unwrap_or_default(),
                sha256: seen.sha256.clone().unwrap_or_default(),
                holds: seen.findings.total,
                status: Some(seen.status),
                scan: ScanKind::of_report(seen)
                    .map(|scan| ScanKind { alone: alone.into_iter().collect(), ..scan }),
                copy_of: None,
                matched: matches_in_base(policy, &report.findings, under.now),
            });
        }
        Ok(())
    }
}

/// Names, for each report of the base, the report of the change that differs from it in white space only.
pub(crate) fn name_copies_of_head(comparison: Option<&mut GivenBase>, files: &[PathBuf], limits: Limits) {
    let max = limits.max_report;
    let sources = comparison.into_iter().flat_map(|comparison| &mut comparison.sources);
    let mut bases = sources.filter(|source| source.kind == "base-report").peekable();
    if bases.peek().is_none() {
        return;
    }
    let solid = |path: &Path| Some((solid_digest(path, max)?, path.to_owned()));
    let heads: BTreeMap<_, _> = files.iter().filter_map(|path| solid(path)).collect();
    for base in bases {
        let own = solid_digest(Path::new(base.path.real()), max).and_then(|digest| heads.get(&digest));
        base.copy_of = own.map(|path| Text::whole(&path.to_string_lossy()));
    }
}

/// SHA-256 of a file without its white space; none of one that cannot be read, which whoever reads it says.
fn solid_digest(path: &Path, max: u64) -> Option<[u8; 32]> {
    let mut file = open_regular(path).ok()?.take(max);
    let (mut digest, mut buffer, mut solid) = (Sha256::new(), vec![0; 1 << 16], Vec::new());
    loop {
        let length = file.read(&mut buffer).ok()?;
        let read = buffer.get(..length)?;
        if read.is_empty() {
            return Some(digest.finalize().into());
        }
        solid.clear();
        solid.extend(read.iter().filter(|byte| !byte.is_ascii_whitespace()));
        digest.update(&solid);
    }
}

/// The files of a commit below a folder, by their paths from there.
fn tracked(files: &BTreeMap<String, Blob>, below: &str) -> BTreeMap<String, TrackedFile> {
    let files = files.iter().filter(|(_, blob)| blob.kind != BlobKind::Submodule);
    let inside = files.filter_map(|(path, blob)| {
        let path = path.strip_prefix(below)?.to_owned();
        Some((path, TrackedFile { is_link: blob.kind == BlobKind::Link, id: blob.id.clone() }))
    });
    inside.collect()
}

/// How attributes of a commit have git write files below a folder, by their paths from there.
fn conversions(
    top: &Path,
    commit: &str,
    below: &str,
    paths: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Conversion>> {
    let from_top = paths.iter().map(|path| format!("{below}{path}")).collect();
    let told = git::conversions(top, commit, &from_top)?;
    Ok(told.into_iter().filter_map(|(path, how)| Some((path.strip_prefix(below)?.to_owned(), how))).collect())
}

/// Tells a diff that was saved which files git tracks, where the directory is one of a repository with a commit of them:
/// of any other the diff says nothing.
fn set_head(diff: &mut Diff, directory: &Path) -> Result<()> {
    let asked = || -> Result<_> {
        let top = git::top(directory)?;
        let below = below(&top, directory)?;
        let id = git::commit(directory, "HEAD")?;
        let files = tracked(&git::tree(directory, &id)?, &below);
        Ok((top, below, id, files))
    };
    // Without git, or a commit, what the project's own files say has to do.
    let Ok((top, below, id, files)) = asked() else { return Ok(()) };
    if files.is_empty() {
        return Ok(());
    }
    diff.set_head(files, |paths| conversions(&top, &id, &below, paths))
}

/// Relative path from a directory to one below it, with `/` behind each part.
fn below(top: &Path, directory: &Path) -> Result<String> {
    let directory = directory.canonicalize()?;
    let Ok(below) = directory.strip_prefix(top) else {
        bail!(RunDiagnostic::OutsideTheRepository {
            directory: clean(&directory.to_string_lossy()).into_owned(),
            top: clean(&top.to_string_lossy()).into_owned(),
        });
    };
    let add = |path: String, part: Component<'_>| path + &part.as_os_str().to_string_lossy() + "/";
    Ok(below.components().fold(String::new(), add))
}

/// How an unknown severity counts where there is no policy: closed.
pub(crate) const UNKNOWN: Severity = Severity::Critical;
