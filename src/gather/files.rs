//! The files below what was given, and those that a glob of the policy names.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::GivenFile;
use super::left_out::{LeftOut, Reason, closed_folder};
use crate::policy::PathGlob;
use crate::report;

/// Deepest directory that is walked.
const MAX_WALK: usize = 128;
/// Names under which the files of one directory are looked at, where links lead to it: of what was given, each file is
/// read once whatever it is called, and of what a glob looks for, its name may matter.
const MAX_NAMES: u32 = 4;
const MAX_NAMES_FOR_GLOB: u32 = 1000;

/// Files below a given path.
#[derive(Debug, Default)]
pub struct Expanded {
    /// The files, in name order, each with whether it was found in a given directory.
    pub files: Vec<(PathBuf, bool)>,
    /// Files left out.
    pub left_out: LeftOut,
}

/// A given path itself, or the files of a given directory.
pub fn expand(given: &GivenFile) -> Expanded {
    let is_directory = given.path.is_dir();
    let mut expanded = Expanded::default();
    if !is_directory || given.format.is_some() || given.entry.is_some() {
        expanded.files.push((given.path.clone(), false));
        return expanded;
    }
    Walk::new(MAX_NAMES).folder(&given.path, MAX_WALK, &mut |path, met| match met {
        MatchedFiles::File if report::receipt::is_receipt(path) => {
            expanded.left_out.file(path, Reason::Receipt);
        }
        // A directory that was not looked into is handed on as a file, and reported as unreadable.
        MatchedFiles::File | MatchedFiles::Closed | MatchedFiles::Deeper => {
            expanded.files.push((path.to_owned(), true));
        }
        MatchedFiles::LeftOut(reason) => expanded.left_out.path(path, reason),
        MatchedFiles::Again => expanded.left_out.path(path, Reason::Again),
    });
    if expanded.files.is_empty() && expanded.left_out.is_empty() {
        expanded.left_out.path(&given.path, Reason::Empty);
    }
    expanded.files.sort();
    expanded
}

/// Whether a glob, or a part of one, names more than one path.
pub(super) fn has_wildcard(glob: &str) -> bool {
    glob.contains(['*', '?', '[', '{'])
}

/// The files below the current directory that a glob of the policy names.
pub fn look_for(glob: &PathGlob) -> Vec<PathBuf> {
    expand_glob(glob).files.into_iter().map(|(path, _)| path).collect()
}

/// The same, with what was left out of what it names.
pub(super) fn expand_glob(glob: &PathGlob) -> Expanded {
    let text = glob.text();
    let mut expanded = Expanded::default();
    if !has_wildcard(text) {
        let path = PathBuf::from(text);
        // A dangling link is there, and unreadable.
        if !report::is_absent(&path) {
            expanded.files.push((path, false));
        }
        return expanded;
    }
    let fixed: PathBuf = text.split('/').take_while(|part| !has_wildcard(part)).collect();
    let below = text.split('/').count() - fixed.components().count();
    let endless = text.contains("**");
    let depth = if endless { MAX_WALK } else { below.saturating_sub(1) };
    let start = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    match start.metadata() {
        Ok(meta) if meta.is_dir() => {}
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            // Of a folder that may not be looked into nobody can say that it holds none.
            expanded.files.push((start.to_owned(), false));
            return expanded;
        }
        Ok(_) | Err(_) => return expanded,
    }
    let matches = |path: &Path| glob.matches_file(&relative(path));
    let Expanded { files, left_out } = &mut expanded;
    Walk::new(MAX_NAMES_FOR_GLOB).folder(start, depth, &mut |path, met| {
        let found_here = match met {
            MatchedFiles::File if !matches(path) => false,
            MatchedFiles::File if report::receipt::is_receipt(path) => {
                // It is read with the report beside it, if that is.
                if !matches(&path.with_extension("").with_extension("")) {
                    left_out.file(path, Reason::Receipt);
                }
                false
            }
            // In a folder there could be one: as a file of the entry it is reported as unreadable.
            MatchedFiles::File | MatchedFiles::Closed | MatchedFiles::Again => true,
            MatchedFiles::Deeper => endless,
            MatchedFiles::LeftOut(reason) => {
                // Of a folder of another kind only what is named need be told.
                if reason == Reason::Circle || holds(path, &matches) {
                    left_out.path(Path::new(&relative(path)), reason);
                }
                false
            }
        };
        if found_here {
            // As it is, for a name that is not UTF-8 would name another file.
            let path: PathBuf = path.components().filter(|part| !matches!(part, Component::CurDir)).collect();
            files.push((if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }, false));
        }
    });
    expanded.files.sort();
    expanded
}

/// Whether a folder that is not looked into holds a file that matches, or one that nobody can tell.
fn holds(folder: &Path, matches: &dyn Fn(&Path) -> bool) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    entries.into_iter().any(|entry| {
        let Ok((path, kind)) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) else {
            return true;
        };
        // A link may lead anywhere.
        if kind.is_symlink() && path.is_dir() {
            return true;
        }
        if kind.is_dir() { holds(&path, matches) } else { matches(&path) }
    })
}

/// Entry that a walk meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MatchedFiles {
    /// A file.
    File,
    /// A directory that cannot be read.
    Closed,
    /// A directory deeper than was asked for.
    Deeper,
    /// A directory that was looked into under as many other names as are looked at.
    Again,
    /// A directory that is not looked into, and why.
    LeftOut(Reason),
}

/// A walk over a directory, hidden files and linked directories too, in the order of names.
struct Walk {
    /// The directories that are being looked into, without links.
    open: Vec<PathBuf>,
    /// How often each directory was looked into, by its path without links.
    entered: BTreeMap<PathBuf, u32>,
    /// How often that may be.
    most: u32,
}

impl Walk {
    fn new(most: u32) -> Self {
        Self { open: Vec::new(), entered: BTreeMap::new(), most }
    }

    /// Calls `met` for each file below `directory`, and for each directory that was not looked into.
    fn folder(&mut self, directory: &Path, depth: usize, met: &mut dyn FnMut(&Path, MatchedFiles)) {
        let Ok((real, entries)) =
            fs::canonicalize(directory).and_then(|real| Ok((real, fs::read_dir(directory)?)))
        else {
            met(directory, MatchedFiles::Closed);
            return;
        };
        // A link may lead to a directory that is being looked into, or to one around those.
        if self.open.last().is_some_and(|inner| inner.starts_with(&real)) {
            // Around where the walk began, there may be files that nobody looks at.
            let known = self.open.contains(&real);
            met(directory, if known { MatchedFiles::LeftOut(Reason::Circle) } else { MatchedFiles::Closed });
            return;
        }
        let entered = self.entered.entry(real.clone()).or_default();
        if *entered >= self.most {
            met(directory, MatchedFiles::Again);
            return;
        }
        *entered += 1;
        self.open.push(real);
        let mut paths = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(_) => met(directory, MatchedFiles::Closed),
            }
        }
        paths.sort();
        for path in paths {
            let kind = path.metadata();
            if kind.as_ref().is_err_and(is_no_answer) {
                met(&path, MatchedFiles::Closed);
            } else if !kind.is_ok_and(|kind| kind.is_dir()) {
                met(&path, MatchedFiles::File);
            } else if let Some(reason) = closed_folder(&path) {
                met(&path, MatchedFiles::LeftOut(reason));
            } else if depth == 0 {
                met(&path, MatchedFiles::Deeper);
            } else {
                self.folder(&path, depth - 1, met);
            }
        }
        self.open.pop();
    }
}

/// True of an error that does not tell what a folder names: it may be a folder itself. A link that hangs or goes round is
/// none.
fn is_no_answer(error: &std::io::Error) -> bool {
    let goes_round = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    !goes_round && !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A path relative to the current directory, `/` only, as globs of a policy see it.
pub(super) fn relative(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let parts: Vec<String> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}
