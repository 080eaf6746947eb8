//! Which files a change touches, as git knows them.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::finding::is_hex;
use crate::run::{commit_of, git, merge_base};

/// References that are pushed, of which only the present commit can be scanned here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Push {
    /// The commit that is pushed.
    pub(super) head: String,
    /// Commit that the other side has of it; `None`: the branch is new there.
    pub(super) before: Option<String>,
}

/// Input of a pre-push hook on standard input, a line a reference; deletions push nothing.
pub(super) fn pushed(lines: impl BufRead) -> Result<Vec<Push>> {
    let mut pushes = Vec::new();
    for line in lines.lines() {
        let line = line.context("standard input cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let (&[_, head, _, before], true) =
            (words.as_slice(), words.iter().skip(1).step_by(2).all(|w| is_commit(w)))
        else {
            bail!("standard input is not what git gives to a pre-push hook (`--hook` is for that hook)");
        };
        if !is_zero(head) {
            pushes
                .push(Push { head: head.to_owned(), before: (!is_zero(before)).then(|| before.to_owned()) });
        }
    }
    Ok(pushes)
}

fn is_commit(word: &str) -> bool {
    matches!(word.len(), 40 | 64) && is_hex(word)
}

fn is_zero(word: &str) -> bool {
    word.bytes().all(|b| b == b'0')
}

/// The commit that is checked out.
pub(super) fn head() -> Result<String> {
    commit_of(Path::new("."), "HEAD")
}

/// Where the present commit left a revision.
pub(super) fn base_of(revision: &str) -> Result<String> {
    merge_base(Path::new("."), revision)
}

/// Where the present branch left one that the other side has; `None` where git knows none.
pub(super) fn left_from() -> Option<String> {
    ["@{upstream}", "origin/HEAD", "origin/main", "origin/master"]
        .into_iter()
        .find_map(|name| base_of(name).ok())
}

/// The files below the current directory that changed since a commit and are still there, sorted; with `untracked` also
/// those that git does not know yet.
pub(super) fn files(base: &str, untracked: bool) -> Result<Vec<String>> {
    let mut files = differ(&[base])?;
    if untracked {
        files.extend(names(git(Path::new("."), &["ls-files", "-z", "--others", "--exclude-standard"])?)?);
    }
    files.retain(|file| is_scanned(file));
    files.sort();
    files.dedup();
    Ok(files)
}

/// Files of a push below the current directory.
pub(super) struct PushedFiles {
    /// What can be scanned here.
    pub(super) files: Vec<String>,
    /// How many are other than what is pushed, or not there any more.
    pub(super) other: usize,
    /// How many are no files: links, and commits of other repositories.
    pub(super) links: usize,
}

/// The files that changed from a commit to the one that is checked out, or since then, and are still there.
pub(super) fn pushed_files(base: &str) -> Result<PushedFiles> {
    let pushed = differ(&[base, "HEAD"])?;
    let uncommitted: BTreeSet<String> =
        names(git(Path::new("."), &[&FLAGS[..], &["--no-renames", "HEAD", "--"]].concat())?)?
            .into_iter()
            .collect();
    let other = pushed.iter().filter(|file| uncommitted.contains(*file)).count();
    let is_link = |file: &&String| !is_scanned(file) && std::fs::symlink_metadata(file).is_ok();
    let links = pushed.iter().filter(is_link).count();
    let mut files = files(base, false)?;
    files.extend(pushed.into_iter().filter(|file| is_scanned(file)));
    files.sort();
    files.dedup();
    Ok(PushedFiles { files, other, links })
}

/// How git lists names alone.
const FLAGS: [&str; 6] = ["diff", "--name-only", "-z", "--relative", "--no-ext-diff", "--no-textconv"];

/// The files that differ between commits, or between one and the disk, but for those that are gone.
fn differ(commits: &[&str]) -> Result<Vec<String>> {
    let flags = [&FLAGS[..], &["--diff-filter=d", "--no-renames"], commits, &["--"]].concat();
    names(git(Path::new("."), &flags)?)
}

fn names(listed: Vec<u8>) -> Result<Vec<String>> {
    let text = String::from_utf8(listed).context("a file's name is not UTF-8")?;
    Ok(text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// What is no longer there cannot be scanned, and links may lead anywhere.
fn is_scanned(file: &str) -> bool {
    std::fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_push() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let of = |text: String| pushed(text.as_bytes());
        let push = |before: Option<&String>| vec![Push { head: a.clone(), before: before.cloned() }];
        assert_eq!(of(format!("refs/heads/x {a} refs/heads/x {b}\n")).unwrap(), push(Some(&b)));
        assert_eq!(of(format!("refs/heads/x {a} refs/heads/x {zero}\n")).unwrap(), push(None));
        assert_eq!(of(format!("(delete) {zero} refs/heads/x {b}\n")).unwrap(), []);
        assert_eq!(of(String::new()).unwrap(), []);
        for bad in
            ["--output=x y z".to_owned(), format!("r --upload-pack=x r {b}"), format!("r {a} r {b} more")]
        {
            assert!(of(bad).is_err());
        }
    }
}
