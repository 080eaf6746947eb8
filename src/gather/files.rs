//! The files below what was given, and those that a glob of the policy names.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Given;
use crate::policy::PathGlob;
use crate::report;

/// Deepest directory that is walked.
const MAX_WALK: usize = 128;

/// A given path itself, or the files of a given directory in name order.
pub fn expand(given: &Given) -> Vec<(PathBuf, bool)> {
    let is_directory = given.path.is_dir();
    if !is_directory || given.format.is_some() || given.entry.is_some() {
        return vec![(given.path.clone(), false)];
    }
    let mut files = Vec::new();
    // A directory that was not looked into is handed on as a file, and reported as unreadable.
    walk(&given.path, MAX_WALK, &mut |path, _| files.push((path.to_owned(), true)));
    files.sort();
    files
}

/// The files below the current directory that a glob of the policy names.
pub fn look_for(glob: &PathGlob) -> Vec<PathBuf> {
    let text = glob.text();
    let magic = |part: &str| part.contains(['*', '?', '[', '{']);
    if !magic(text) {
        let path = PathBuf::from(text);
        // A dangling link is there, and unreadable.
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let fixed: PathBuf = text.split('/').take_while(|part| !magic(part)).collect();
    let below = text.split('/').count() - fixed.components().count();
    let endless = text.contains("**");
    let depth = if endless { MAX_WALK } else { below.saturating_sub(1) };
    let start = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    let mut found = Vec::new();
    if start.is_dir() {
        walk(start, depth, &mut |path, met| {
            let name = relative(path);
            let found_here = match met {
                Met::File => glob.matches_file(&name),
                // There could be one in it: as a file of the entry it is reported as unreadable.
                Met::Closed => true,
                Met::Deeper => endless,
            };
            if found_here {
                found.push(if name.is_empty() { PathBuf::from(".") } else { PathBuf::from(name) });
            }
        });
    }
    found.sort();
    found
}

/// What a walk comes upon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// A file.
    File,
    /// A directory that cannot be read.
    Closed,
    /// A directory deeper than was asked for.
    Deeper,
}

/// Calls `met` for each file below `directory`, and for each directory that was not looked into. Hidden files and linked
/// directories are left out: `.gitkeep` is no report, and a link can lead back.
fn walk(directory: &Path, depth: usize, met: &mut dyn FnMut(&Path, Met)) {
    let Ok(entries) = fs::read_dir(directory) else {
        met(directory, Met::Closed);
        return;
    };
    for entry in entries {
        let Ok(entry) = entry else {
            met(directory, Met::Closed);
            continue;
        };
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if report::receipt::is_receipt(&path) {
            continue;
        }
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && depth > 0 {
            walk(&path, depth - 1, met);
        } else if is_directory {
            met(&path, Met::Deeper);
        } else if !path.is_dir() {
            met(&path, Met::File);
        }
    }
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
