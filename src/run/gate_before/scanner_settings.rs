//! Scanners' own files and comments: where a change makes a scanner look away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::PriorFindings;
use super::previous_project::{MAX_LINKS, PreviousFile, PreviousProject, bytes, ways};
use crate::policy::PolicyLine;
use crate::policy::compare::LoosenedClause;
use crate::relate::suppression::{self, SuppressionMark, UnreadFile};
use crate::relate::{Diff, ScannerFile, Softened};

/// Names of touched files behind links, beyond which none is looked at.
const MAX_ALIASES: usize = 20_000;
/// Lists that `.semgrepignore` includes, beyond which none is looked at.
const MAX_INCLUDED: usize = 1000;

/// Adds the clauses of a change in which scanners see less.
pub(crate) fn compare_scanner_settings(before: &PreviousProject<'_>, seen: &mut PriorFindings) -> Result<()> {
    let diff = &before.change.diff;
    seen.compared.push(format!("scanners' own files and comments in {}", before.name()));
    // By the path after the change; without one the file is gone.
    let mut files: BTreeMap<String, (Option<String>, bool)> = BTreeMap::new();
    let mut told: BTreeMap<String, ScannerFile> = BTreeMap::new();
    let named = named(before);
    for file in diff.files() {
        let (new, old) = ((!file.is_gone).then_some(file.path), file.old_path());
        let opaque = file.is_opaque();
        if let Some(path) = new.filter(|path| ScannerFile::from_path(path).is_none()) {
            let by_content = |text: Vec<u8>| ScannerFile::from_content(path, &text);
            let known = bytes(&before.change.directory.join(path)).ok().flatten().and_then(by_content);
            let known = known.or_else(|| named.contains(path).then(ScannerFile::named));
            if let Some(known) = known {
                files.insert(path.to_owned(), (old.map(str::to_owned), opaque));
                told.insert(path.to_owned(), known);
                continue;
            }
        }
        match (
            new.filter(|new| ScannerFile::from_path(new).is_some()),
            old.filter(|old| ScannerFile::from_path(old).is_some()),
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
    let (aliases, all) = linked(before);
    for alias in aliases {
        files.entry(alias.clone()).or_insert((Some(alias), false));
    }
    if !all {
        let after = "may lead to settings of scanners: more than can be followed";
        let clause =
            LoosenedClause::outside_policy("links of the project", "not looked at", after, None, None);
        seen.clauses.push(clause);
    }
    for (path, (old, opaque)) in files {
        let Some(file) = told.get(&path).copied().or_else(|| ScannerFile::from_path(&path)) else { continue };
        compare_scanner_file(before, file, (&path, old.as_deref()), opaque, seen)?;
    }
    for path in included(before)? {
        compare_scanner_file(before, ScannerFile::included(), (&path, Some(&path)), false, seen)?;
    }
    comments(diff, seen);
    Ok(())
}

/// The clauses of comments that suppress findings: those that the change adds, those that it may have brought in files
/// of which the diff shows no lines, and those that it leaves and brings other code under.
fn comments(diff: &Diff, seen: &mut PriorFindings) {
    let mut told = BTreeSet::new();
    let mut tell = |path: &str, line: u32, mark: SuppressionMark, before: &str| {
        if told.insert((path.to_owned(), line, mark.text)) {
            let clause = format!("comment `{}` of {}", mark.text, mark.tools);
            let place = PolicyLine { file: path.to_owned(), line: line.into() };
            let after = "hides what is found there";
            seen.clauses.push(LoosenedClause::outside_policy(&clause, before, after, None, Some(place)));
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
        let place = PolicyLine { file: path.clone(), line: 1 };
        let clause = format!("comments in `{path}`");
        let after =
            "may hide what is found there: it is too large, or in an encoding in which no comment is found";
        seen.clauses.push(LoosenedClause::outside_policy(
            &clause,
            "not shown by the diff",
            after,
            None,
            Some(place),
        ));
    }
}

/// Scanners' own files that are links, or lie behind them, and that lead to what the change touches: by the names that
/// the scanners know; and whether those are all.
fn linked(before: &PreviousProject<'_>) -> (BTreeSet<String>, bool) {
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (link, target) in before.links() {
        links.entry(target).or_default().push(link);
    }
    let touched = before.change.diff.files().flat_map(|file| [Some(file.path), file.old_path()]);
    let mut known: BTreeSet<String> = touched.flatten().map(str::to_owned).collect();
    let mut last: Vec<String> = known.iter().cloned().collect();
    let mut found = BTreeSet::new();
    let most = known.len() + MAX_ALIASES;
    // A link may lead to a link.
    for _ in 0..MAX_LINKS {
        let mut more = Vec::new();
        for path in &last {
            for way in ways(path) {
                let rest = path.get(way.len()..).unwrap_or_default();
                let behind = links.get(way).into_iter().flatten().map(|link| format!("{link}{rest}"));
                for alias in behind {
                    if known.len() >= most {
                        return (found, false);
                    }
                    if known.insert(alias.clone()) {
                        more.push(alias);
                    }
                }
            }
        }
        found.extend(more.iter().filter(|alias| ScannerFile::from_path(alias).is_some()).cloned());
        if more.is_empty() {
            break;
        }
        last = more;
    }
    (found, true)
}

/// The files that a `.semgrepignore` includes or included, but for those that are known by their own names.
fn included(before: &PreviousProject<'_>) -> Result<BTreeSet<String>> {
    const IGNORE: &str = ".semgrepignore";
    let is_ignore = |path: &&str| path.rsplit('/').next() == Some(IGNORE);
    let mut lists: BTreeSet<String> = [IGNORE.to_owned()].into();
    lists.extend(before.change.diff.files().map(|file| file.path).filter(is_ignore).map(str::to_owned));
    if let Some(commit) = &before.change.commit {
        lists.extend(commit.files.keys().map(String::as_str).filter(is_ignore).map(str::to_owned));
    }
    let mut found = BTreeSet::new();
    let mut left: Vec<String> = lists.into_iter().collect();
    while let Some(list) = left.pop() {
        let path = before.change.directory.join(&list);
        let mut texts: Vec<Vec<u8>> = bytes(&path).ok().flatten().into_iter().collect();
        if let PreviousFile::There(_, bytes) = before.read_file(&path)? {
            texts.push(bytes);
        }
        for name in texts.iter().flat_map(|text| ScannerFile::includes(text)) {
            let Some(path) = beside(&list, &name) else { continue };
            // A list that is included may include others.
            let is_list = ScannerFile::from_path(&path).is_none() && found.len() < MAX_INCLUDED;
            if is_list && found.insert(path.clone()) {
                left.push(path);
            }
        }
    }
    Ok(found)
}

/// The files that settings of scanners, or what starts them, name by their paths.
fn named(before: &PreviousProject<'_>) -> BTreeSet<String> {
    let mut settings: BTreeSet<String> =
        before.change.diff.files().map(|file| file.path.to_owned()).collect();
    settings.extend(ScannerFile::names().map(str::to_owned));
    if let Some(commit) = &before.change.commit {
        let project = before.change.directory.canonicalize().unwrap_or_default();
        let below = |path: &String| {
            let path = commit.top.join(path).strip_prefix(&project).ok()?.to_owned();
            Some(path.to_string_lossy().into_owned())
        };
        settings.extend(commit.files.keys().filter_map(below));
    }
    let mut found = BTreeSet::new();
    for path in settings.into_iter().filter(|path| ScannerFile::may_name_others(path)) {
        let Some(text) = bytes(&before.change.directory.join(&path)).ok().flatten() else { continue };
        for name in ScannerFile::named_paths(&path, &text) {
            found.extend(beside(&path, &name));
            found.extend(beside("", &name));
        }
    }
    found
}

/// The path that a name in a file leads to; `None` where that is outside of the project.
fn beside(file: &str, name: &str) -> Option<String> {
    if name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The clauses of one file, by its path now and before.
fn compare_scanner_file(
    before: &PreviousProject<'_>,
    file: ScannerFile,
    (path, old): (&str, Option<&str>),
    opaque: bool,
    seen: &mut PriorFindings,
) -> Result<()> {
    let at = |path: &str| -> PathBuf { before.change.directory.join(path) };
    let after = if before.change.diff.files().any(|file| file.is_gone && file.path == path) {
        None
    } else {
        bytes(&at(path))?
    };
    let was = match old {
        None => PreviousFile::Absent,
        Some(old) => before.read_file(&at(old))?,
    };
    let clause = format!("`{path}` of {}", file.tool);
    let softened = match was {
        PreviousFile::There(_, bytes) if !opaque => file.softened(Some(&bytes), after.as_deref()),
        PreviousFile::Absent if !opaque => file.softened(None, after.as_deref()),
        PreviousFile::There(..) | PreviousFile::Absent | PreviousFile::Untold(_) | PreviousFile::Outside => {
            let after = "other, in what cannot be compared".to_owned();
            vec![Softened { line: Some(1), before: "as it was".to_owned(), after }]
        }
    };
    for Softened { line, before, after } in softened {
        let place = line.map(|line| PolicyLine { file: path.to_owned(), line });
        seen.clauses.push(LoosenedClause::outside_policy(&clause, &before, &after, None, place));
    }
    Ok(())
}
