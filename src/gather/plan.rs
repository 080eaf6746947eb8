//! Which file is read for which evidence entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::files::{Expanded, expand, expand_glob, has_wildcard, relative};
use super::left_out::{Reason, is_own, no_report};
use super::{GivenFile, Instead, Limits, entry};
use crate::decide::RunError;
use crate::evidence_snapshot::SavedDocument;
use crate::finding::clean;
use crate::gather::diagnostics::GatherDiagnostic;
use crate::policy::{EntryKind, EvidenceEntry, Feed, PathGlob, Policy};
use crate::report::{self, Source};

/// A file to read.
#[derive(Debug, Clone)]
pub(super) struct PlannedFile {
    /// Its path as outputs name it.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) bytes: u64,
    pub(super) format: Option<String>,
    /// Names of the entries it is for, in the policy's order.
    pub(super) entries: Vec<String>,
    /// Found by walking a directory that was given.
    pub(super) in_directory: bool,
    /// Given on the command line, and not for one entry.
    pub(super) given: bool,
    /// Its receipt, where it is not the file beside it.
    pub(super) receipt: Option<Source>,
}

impl PlannedFile {
    pub(super) fn of_saved(document: &SavedDocument) -> Self {
        Self {
            name: document.name.clone(),
            source: document.source.clone(),
            bytes: document.source.size(),
            format: None,
            entries: document.entries.clone(),
            in_directory: false,
            given: false,
            receipt: None,
        }
    }

    /// What `secgate record` wrote of it, where there is anything.
    pub(super) fn receipt(&self) -> Option<Source> {
        self.receipt.clone().or_else(|| match &self.source {
            Source::File(path) => {
                Some(report::receipt::beside(path)).filter(|path| !report::is_absent(path)).map(Source::File)
            }
            Source::Bytes(_) => None,
        })
    }
}

/// Files to read, and those left out of given folders: each a path with the reason.
#[derive(Debug, Default)]
pub(super) struct ReadingPlan {
    pub(super) items: Vec<PlannedFile>,
    pub(super) left_out: Vec<(String, String)>,
}

/// The files to read, sorted by name, each once.
pub(super) fn plan(
    policy: &Policy,
    given: &[GivenFile],
    limits: Limits,
    instead: Option<&Instead>,
    look: bool,
) -> Result<ReadingPlan, Vec<RunError>> {
    let mut items: Vec<PlannedFile> = Vec::new();
    let (given, mut faults) = resolve(policy, given);
    let Sources { files, left_out } = sources(policy, &given, look);
    for (from, path, in_directory) in files {
        match item(policy, &from, &path, in_directory, limits, instead) {
            Ok(item) => items.push(item),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if let Some(Instead { feeds, .. }) = instead.filter(|instead| !instead.feeds.is_empty()) {
        put_feeds(policy, feeds, look, &mut items);
    }
    Ok(ReadingPlan { items: unite(policy, items)?, left_out })
}

/// Puts feeds in the place of the files of their paths.
fn put_feeds(
    policy: &Policy,
    feeds: &BTreeMap<PathBuf, Option<Source>>,
    look: bool,
    items: &mut Vec<PlannedFile>,
) {
    let is_feed = |name: &String| entry(policy, name).is_some_and(|e| matches!(e.kind, EntryKind::Feed(_)));
    let stands = |item: &PlannedFile| {
        let path = Path::new(&item.name);
        item.entries.iter().any(is_feed) && feeds.contains_key(path)
    };
    items.retain(|item| !stands(item));
    for (path, source) in feeds {
        let Some(source) = source.as_ref().filter(|_| look) else { continue };
        let name = path.to_string_lossy().into_owned();
        let fits = |e: &&EvidenceEntry| {
            matches!(e.kind, EntryKind::Feed(_)) && e.files.iter().any(|glob| glob.matches_file(&name))
        };
        let entries = policy.evidence.iter().filter(fits).map(|e| e.name.clone()).collect();
        let (source, bytes) = (source.clone(), source.size());
        items.push(PlannedFile {
            name,
            source,
            bytes,
            format: None,
            entries,
            in_directory: false,
            given: false,
            receipt: None,
        });
    }
}

/// The files of a run with what named each, and whether it was found in a given directory.
struct Sources {
    files: Vec<(GivenFile, PathBuf, bool)>,
    left_out: Vec<(String, String)>,
}

/// The files that were given, and with `look` those that entries look for.
fn sources(policy: &Policy, given: &[GivenFile], look: bool) -> Sources {
    let mut sources = Sources { files: Vec::new(), left_out: Vec::new() };
    for one in given {
        let Expanded { files, left_out: mut out } = expand(one);
        for (path, in_directory) in files {
            let named = in_directory.then(|| naming(policy, &path));
            match named.as_deref() {
                Some([]) => match no_report(&path) {
                    Some(reason) => out.file(&path, reason),
                    None => sources.files.push((one.clone(), path, in_directory)),
                },
                Some(named) if named.iter().all(|entry| !serves(entry, &path)) => {
                    out.path(&path, Reason::Own);
                }
                _ => sources.files.push((one.clone(), path, in_directory)),
            }
        }
        sources.left_out.extend(out.told(&one.path.to_string_lossy()));
    }
    let reports_given = given.iter().any(|g| {
        let kind = g.entry.as_ref().and_then(|name| entry(policy, name)).map(|e| e.kind);
        !matches!(kind, Some(EntryKind::Document(_) | EntryKind::Feed(_)))
    });
    for entry in policy.evidence.iter().filter(|_| look) {
        let is_report = matches!(entry.kind, EntryKind::Report(_));
        let filled = given.iter().any(|g| g.entry.as_ref() == Some(&entry.name));
        if !(is_report && reports_given || filled) {
            for glob in &entry.files {
                let Expanded { files, left_out: mut out } = expand_glob(glob);
                for (path, _) in files {
                    if !serves(entry, &path) {
                        out.path(&path, Reason::Own);
                        continue;
                    }
                    let found =
                        GivenFile { path: path.clone(), format: None, entry: Some(entry.name.clone()) };
                    sources.files.push((found, path, false));
                }
                sources.left_out.extend(out.told(glob.text()));
            }
        }
    }
    // What several globs name is told once.
    let mut told = BTreeSet::new();
    sources.left_out.retain(|line| told.insert(line.clone()));
    sources
}

/// The files that a run decides on, but for VEX statements.
pub(crate) fn evidence_files(policy: &Policy, given: &[GivenFile]) -> Vec<PathBuf> {
    let (given, _) = resolve(policy, given);
    let is_vex = |from: &GivenFile| {
        let named = from.entry.as_ref().and_then(|name| entry(policy, name));
        named.is_some_and(|entry| entry.kind == EntryKind::Feed(Feed::Vex))
    };
    let files = sources(policy, &given, true).files.into_iter();
    files.filter(|(from, ..)| !is_vex(from)).map(|(_, path, _)| path).collect()
}

/// The entries whose globs name a file.
fn naming<'p>(policy: &'p Policy, path: &Path) -> Vec<&'p EvidenceEntry> {
    let relative = relative(path);
    let named = |entry: &&EvidenceEntry| entry.files.iter().any(|glob| glob.matches_file(&relative));
    policy.evidence.iter().filter(named).collect()
}

/// Whether a file that was found can be for an entry: what secgate wrote itself is a report only where it is named without
/// a wildcard.
fn serves(entry: &EvidenceEntry, path: &Path) -> bool {
    if !matches!(entry.kind, EntryKind::Report(_)) {
        return true;
    }
    names_outright(entry, &relative(path)) || !is_own(path)
}

/// Whether an entry names a file without a wildcard.
pub(super) fn names_outright(entry: &EvidenceEntry, relative: &str) -> bool {
    entry.files.iter().any(|glob: &PathGlob| !has_wildcard(glob.text()) && glob.matches_file(relative))
}

/// Given files with the full names of their entries: `scan` is `scan/api` where there is no other.
pub(super) fn resolve(policy: &Policy, given: &[GivenFile]) -> (Vec<GivenFile>, Vec<RunError>) {
    let (mut named, mut faults) = (Vec::new(), Vec::new());
    for one in given {
        let Some(name) = &one.entry else {
            named.push(one.clone());
            continue;
        };
        let called: Vec<&str> =
            policy.evidence.iter().filter(|e| e.is_called(name)).map(|e| e.name.as_str()).collect();
        match called.as_slice() {
            [full] => named.push(GivenFile { entry: Some((*full).to_owned()), ..one.clone() }),
            [] => faults.push(RunError::of(None, &no_such_entry(policy, name))),
            several => faults.push(RunError::of(
                None,
                &GatherDiagnostic::EntryOfSeveralSubjects {
                    name: clean(name).into_owned(),
                    known: several.join(", "),
                },
            )),
        }
    }
    (named, faults)
}

fn no_such_entry(policy: &Policy, name: &str) -> GatherDiagnostic {
    let known: Vec<&str> = policy.evidence.iter().map(|e| e.name.as_str()).collect();
    GatherDiagnostic::UnknownEntry { name: clean(name).into_owned(), known: known.join(", ") }
}

pub(super) fn item(
    policy: &Policy,
    given: &GivenFile,
    path: &Path,
    in_directory: bool,
    limits: Limits,
    instead: Option<&Instead>,
) -> Result<PlannedFile, RunError> {
    let name = path.to_string_lossy().into_owned();
    let (source, bytes) = if name == "-" {
        let source = match instead.and_then(|instead| instead.standard_input.clone()) {
            Some(source) => source,
            None => standard_input(limits.max_stdin)?,
        };
        let bytes = if let Source::Bytes(bytes) = &source { bytes.len() as u64 } else { 0 };
        (source, bytes)
    } else {
        let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
        (Source::File(path.to_owned()), bytes)
    };
    let entries = if let Some(name) = &given.entry {
        vec![name.clone()]
    } else {
        let mut named = naming(policy, path);
        named.retain(|entry| !in_directory || serves(entry, path));
        named.into_iter().map(|entry| entry.name.clone()).collect()
    };
    let (format, of_command) = (given.format.clone(), given.entry.is_none());
    Ok(PlannedFile { name, source, bytes, format, entries, in_directory, given: of_command, receipt: None })
}

/// Standard input, held in memory because it may have to be read twice.
pub(crate) fn standard_input(max: u64) -> Result<Source, RunError> {
    let mut bytes = Vec::new();
    let fault = |diagnostic: &GatherDiagnostic| RunError::of(Some("-".to_owned()), diagnostic);
    io::stdin()
        .lock()
        .take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| fault(&GatherDiagnostic::StandardInputUnreadable { why: e.to_string() }))?;
    if bytes.len() as u64 > max {
        return Err(fault(&GatherDiagnostic::StandardInputTooLarge { most: max }));
    }
    Ok(Source::Bytes(bytes.into()))
}

/// One item a file: a file that is named twice is read once, for all the entries that name it.
pub(super) fn unite(policy: &Policy, items: Vec<PlannedFile>) -> Result<Vec<PlannedFile>, Vec<RunError>> {
    let mut united: BTreeMap<(PathBuf, String), PlannedFile> = BTreeMap::new();
    let mut faults = Vec::new();
    for item in items {
        let key = match &item.source {
            Source::File(path) => (fs::canonicalize(path).unwrap_or_else(|_| path.clone()), String::new()),
            Source::Bytes(_) => (PathBuf::new(), item.name.clone()),
        };
        let Some(known) = united.get_mut(&key) else {
            united.insert(key, item);
            continue;
        };
        if known.format.is_some() && item.format.is_some() && known.format != item.format {
            faults.push(RunError::of(Some(clean(&item.name).into_owned()), &GatherDiagnostic::TwoFormats));
        }
        known.name = known.name.clone().min(item.name);
        known.format = known.format.take().or(item.format);
        known.in_directory &= item.in_directory;
        known.given |= item.given;
        known.entries.extend(item.entries);
    }
    let mut items: Vec<PlannedFile> = united.into_values().collect();
    let position = |name: &String| policy.evidence.iter().position(|e| e.name == *name);
    for item in &mut items {
        item.entries.sort_by_key(position);
        item.entries.dedup();
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    if faults.is_empty() { Ok(items) } else { Err(faults) }
}
