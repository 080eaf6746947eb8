//! Scanners' own files and comments: where a change makes a scanner look away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Seen;
use super::before::{Before, Was, bytes};
use crate::policy::Place;
use crate::policy::compare::Looser;
use crate::relate::suppression::{self, Mark, UnreadFile};
use crate::relate::{Diff, ScannerFile, Softened};

/// Adds the clauses of a change in which scanners see less.
pub(crate) fn look(before: &Before<'_>, seen: &mut Seen) -> Result<()> {
    let diff = &before.change.diff;
    seen.compared.push(format!("scanners' own files and comments in {}", before.name()));
    // By the path after the change; without one the file is gone.
    let mut files: BTreeMap<String, (Option<String>, bool)> = BTreeMap::new();
    for file in diff.files() {
        let (new, old) = ((!file.is_gone).then_some(file.path), file.old_path());
        let opaque = file.is_opaque();
        match (
            new.filter(|new| ScannerFile::of(new).is_some()),
            old.filter(|old| ScannerFile::of(old).is_some()),
        ) {
            (Some(new), old) if old == Some(new) => {
                files.insert(new.to_owned(), (old.map(str::to_owned), opaque));
            }
            // What was moved is gone from the one place, and new in the other, where it may say more.
            (new, old) => {
                if let Some(new) = new {
                    files.insert(new.to_owned(), (None, opaque));
                }
                if let Some(old) = old {
                    files.entry(old.to_owned()).or_insert((Some(old.to_owned()), opaque));
                }
            }
        }
    }
    // Git shows no change of a file that it does not know, and a scanner reads it all the same.
    if let Some(commit) = &before.change.commit {
        for name in ScannerFile::names() {
            let path = before.change.directory.join(name);
            let known = |path: &Path| {
                let real = path.canonicalize().ok();
                let below = real.as_deref().and_then(|real| real.strip_prefix(&commit.top).ok());
                below.is_some_and(|below| commit.files.contains_key(&*below.to_string_lossy()))
            };
            if path.is_file() && !files.contains_key(name) && !known(&path) {
                files.insert(name.to_owned(), (None, false));
            }
        }
    }
    for (path, (old, opaque)) in files {
        clauses(before, &path, old.as_deref(), opaque, seen)?;
    }
    comments(diff, seen);
    Ok(())
}

/// The clauses of comments that suppress findings: those that the change adds, those that it may have brought in files
/// of which the diff shows no lines, and those that it leaves and brings other code under.
fn comments(diff: &Diff, seen: &mut Seen) {
    let mut told = BTreeSet::new();
    let mut tell = |path: &str, line: u32, mark: Mark, before: &str| {
        if told.insert((path.to_owned(), line, mark.text)) {
            let clause = format!("comment `{}` of {}", mark.text, mark.tools);
            let place = Place { file: path.to_owned(), line: line.into() };
            let after = "hides what is found there";
            seen.clauses.push(Looser::told(&clause, before, after, None, Some(place)));
        }
    };
    for found in suppression::added(diff) {
        tell(found.path, found.line, found.mark, "not there");
    }
    let (unshown, unread) = suppression::unshown(diff);
    for (path, line, mark) in unshown {
        tell(&path, line, mark, "not shown by the diff, which does not tell the lines of this file");
    }
    for found in suppression::covering(diff) {
        tell(found.path, found.line, found.mark, "there, over other code");
    }
    for UnreadFile { path } in unread {
        let place = Place { file: path.clone(), line: 1 };
        let clause = format!("comments in `{path}`");
        let after =
            "may hide what is found there: it is too large, or in an encoding in which no comment is found";
        seen.clauses.push(Looser::told(&clause, "not shown by the diff", after, None, Some(place)));
    }
}

/// The clauses of one file.
fn clauses(before: &Before<'_>, path: &str, old: Option<&str>, opaque: bool, seen: &mut Seen) -> Result<()> {
    let Some(file) = ScannerFile::of(path) else { return Ok(()) };
    let at = |path: &str| -> PathBuf { before.change.directory.join(path) };
    let after = if before.change.diff.files().any(|file| file.is_gone && file.path == path) {
        None
    } else {
        bytes(&at(path))?
    };
    let was = match old {
        None => Was::Absent,
        Some(old) => before.read(&at(old))?,
    };
    let clause = format!("`{path}` of {}", file.tool);
    let softened = match was {
        Was::There(_, bytes) if !opaque => file.softened(Some(&bytes), after.as_deref()),
        Was::Absent if !opaque => file.softened(None, after.as_deref()),
        Was::There(..) | Was::Absent | Was::Untold(_) | Was::Outside => {
            let after = "other, in what cannot be compared".to_owned();
            vec![Softened { line: Some(1), before: "as it was".to_owned(), after }]
        }
    };
    for Softened { line, before, after } in softened {
        let place = line.map(|line| Place { file: path.to_owned(), line });
        seen.clauses.push(Looser::told(&clause, &before, &after, None, place));
    }
    Ok(())
}
