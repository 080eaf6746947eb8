//! Which paths are runs. Three runs never become one: what cannot be told is refused, and what was taken for a run is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::archive::is_archive;
use super::lines::is_lines;
use super::{DESCRIPTION, DIFF, FORMS, RunForm, UnreadRun};
use crate::attest::bundle::is_bundle;
use crate::finding::{clean, plural};
use crate::gather::no_report;
use crate::report::open_regular;
use crate::run::diagnostics::RunDiagnostic;

/// Deepest folder that is looked into for runs.
const MAX_DEPTH: usize = 64;
/// Things that are named in what is said of the search.
const NAMED: usize = 5;

/// Runs that were found, in the order in which they are decided.
pub(crate) struct FoundRuns {
    places: Vec<(&'static RunForm, PathBuf)>,
    /// What was passed over, each with why.
    passed: Vec<String>,
}

impl FoundRuns {
    /// How many there are; none where lines say it as they come.
    pub(crate) fn count(&self) -> Option<u64> {
        let lines = self.places.iter().any(|(_, path)| is_lines(path));
        (!lines).then_some(self.places.len() as u64)
    }

    /// What was taken for a run, in a few lines.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut forms: BTreeMap<&str, (u64, &RunForm, Vec<&Path>)> = BTreeMap::new();
        for (form, path) in &self.places {
            let (count, _, paths) = forms.entry(form.names.0).or_insert((0, form, Vec::new()));
            *count += 1;
            if paths.len() < NAMED {
                paths.push(path);
            }
        }
        let mut told = Vec::new();
        for (count, form, paths) in forms.values() {
            let named: Vec<String> =
                paths.iter().map(|path| clean(&path.to_string_lossy()).into_owned()).collect();
            let more = if *count > NAMED as u64 { ", …" } else { "" };
            let name = if *count == 1 { form.names.0 } else { form.names.1 };
            told.push(format!("runs: {count} {name}: {}{more}", named.join(", ")));
        }
        told.extend(self.passed.iter().take(NAMED).cloned());
        if self.passed.len() > NAMED {
            told.push(format!("{} more are no runs", plural((self.passed.len() - NAMED) as u64, "path")));
        }
        told
    }

    /// The runs, none of them opened.
    pub(crate) fn unread(self) -> impl Iterator<Item = Result<Box<dyn UnreadRun>>> + Send {
        self.places.into_iter().flat_map(|(form, path)| match (form.open)(&path) {
            Ok(runs) => runs,
            Err(error) => Box::new(std::iter::once(Err(error))),
        })
    }
}

/// The runs that paths mean, sorted, each once.
pub(crate) fn find_runs(paths: &[PathBuf]) -> Result<FoundRuns> {
    let mut found = FoundRuns { places: Vec::new(), passed: Vec::new() };
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!(RunDiagnostic::EmptyPath);
        }
        let name = || clean(&path.to_string_lossy()).into_owned();
        if path == Path::new("-") || !path.is_dir() {
            if path != Path::new("-") {
                open_regular(path).with_context(name)?;
            }
            found.places.extend(form_of(path).map(|form| (form, path.clone())));
        } else {
            below(path, MAX_DEPTH, &mut found).with_context(name)?;
        }
    }
    found.places.sort_by(|(_, a), (_, b)| a.cmp(b));
    found.places.dedup_by(|(_, a), (_, b)| a == b);
    if found.places.is_empty() {
        bail!(RunDiagnostic::NoRuns);
    }
    Ok(found)
}

/// The form of a path that is a run.
fn form_of(path: &Path) -> Option<&'static RunForm> {
    FORMS.iter().copied().find(|form| (form.claims)(path))
}

/// What lies in a folder, as far as it matters for telling runs.
#[derive(Default)]
struct FolderListing {
    described: bool,
    folders: Vec<PathBuf>,
    /// Archives and files of lines.
    packed: Vec<PathBuf>,
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl FolderListing {
    fn of(folder: &Path) -> Result<Self> {
        let mut listing = Self::default();
        let shown = || clean(&folder.to_string_lossy()).into_owned();
        let entries = fs::read_dir(folder).with_context(shown)?;
        for entry in entries {
            let entry = entry.with_context(shown)?;
            let (path, kind) = (entry.path(), entry.file_type().with_context(shown)?);
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_symlink() && path.is_dir() {
                listing.links.push(path);
            } else if kind.is_dir() {
                listing.folders.extend((!hidden).then_some(path));
            } else if entry.file_name() == DESCRIPTION {
                listing.described = true;
            } else if is_archive(&path) || is_lines(&path) {
                listing.packed.push(path);
            } else if !hidden {
                listing.files.push(path);
            }
        }
        listing.folders.sort();
        listing.files.sort();
        Ok(listing)
    }

    /// A file that is or may be part of a run.
    fn part_of_run(&self) -> Option<&PathBuf> {
        let is_part = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name == DIFF || name == "baseline.jsonl" || no_report(path).is_none()
        };
        self.files.iter().find(is_part)
    }
}

/// Adds the runs of a folder: itself, or those below it. A folder with `run.json` is a run, and so is a bundle; else one
/// that holds what may be a report; else, where nothing is below it, an empty one, whose evidence did not arrive.
fn below(folder: &Path, depth: usize, found: &mut FoundRuns) -> Result<()> {
    if is_bundle(folder) {
        found.places.extend(form_of(folder).map(|form| (form, folder.to_owned())));
        return Ok(());
    }
    let listing = FolderListing::of(folder)?;
    let itself = |found: &mut FoundRuns| {
        found.places.extend(FORMS.last().map(|form| (*form, folder.to_owned())));
    };
    if listing.described {
        itself(found);
        return Ok(());
    }
    let part = listing.part_of_run();
    if listing.folders.is_empty() && (part.is_some() || listing.packed.is_empty()) {
        itself(found);
        return Ok(());
    }
    if depth == 0 {
        bail!(RunDiagnostic::RunUnreadable { why: "lies too deep".to_owned() });
    }
    let mut inner = FoundRuns { places: Vec::new(), passed: Vec::new() };
    for path in &listing.packed {
        inner.places.extend(form_of(path).map(|form| (form, path.clone())));
    }
    for sub in &listing.folders {
        below(sub, depth - 1, &mut inner)?;
    }
    if let Some(part) = part {
        let says = |(form, path): &(&RunForm, PathBuf)| {
            form.names != FORMS.last().map_or(("", ""), |last| last.names) || path.join(DESCRIPTION).is_file()
        };
        if !inner.places.iter().any(says) {
            if let Some((one, other)) = alike(&inner.places) {
                bail!(RunDiagnostic::OneRunOrMany {
                    folder: clean(&folder.to_string_lossy()).into_owned(),
                    part: clean(&part.file_name().unwrap_or_default().to_string_lossy()).into_owned(),
                    one: clean(&one.to_string_lossy()).into_owned(),
                    other: clean(&other.to_string_lossy()).into_owned(),
                });
            }
            itself(found);
            return Ok(());
        }
    }
    let name = |path: &PathBuf| clean(&path.to_string_lossy()).into_owned();
    inner.passed.extend(listing.files.iter().map(|path| format!("{}: is part of no run", name(path))));
    inner
        .passed
        .extend(listing.links.iter().map(|path| format!("{}: is a link, and not followed", name(path))));
    found.places.append(&mut inner.places);
    found.passed.append(&mut inner.passed);
    Ok(())
}

/// Two folders that hold a file of the same name, as two runs of one pipeline do.
fn alike(places: &[(&RunForm, PathBuf)]) -> Option<(PathBuf, PathBuf)> {
    let mut known: BTreeMap<std::ffi::OsString, &PathBuf> = BTreeMap::new();
    for (_, path) in places {
        let names = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
        for name in names.filter(|name| !name.to_string_lossy().starts_with('.')) {
            if let Some(first) = known.insert(name, path) {
                return Some((first.clone(), path.clone()));
            }
        }
    }
    None
}
