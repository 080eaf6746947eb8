//! Git, asked for nothing but facts: no pager, no external diff, no textconv, no prompt. If it fails, that is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::finding::clean_line;

/// Runs git in a directory and gives what it prints.
pub(crate) fn git(directory: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let shown = || clean_line(&args.join(" ")).into_owned();
    let mut command = Command::new("git");
    command
        .args([
            "--no-pager",
            "--no-optional-locks",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.quotePath=true",
        ])
        .args(args)
        .current_dir(directory)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_EXTERNAL_DIFF")
        .env_remove("GIT_DIFF_OPTS")
        .stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => bail!("git {}: git cannot be run: {error}", shown()),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", shown(), clean_line(&said));
    }
    Ok(output.stdout)
}

/// The commit that a name stands for.
pub(crate) fn commit(directory: &Path, revision: &str) -> Result<String> {
    let name = format!("{revision}^{{commit}}");
    let out = git(directory, &["rev-parse", "--verify", "--end-of-options", &name]).map_err(|error| {
        // Git's whole answer to a name that it does not know.
        if error.to_string().contains("Needed a single revision") {
            let name = clean_line(revision);
            anyhow!("git knows no commit or branch `{name}` here; a shallow clone of CI needs GIT_DEPTH: 0")
        } else {
            error
        }
    })?;
    let commit = String::from_utf8_lossy(&out).trim().to_owned();
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!("git rev-parse {}: gave no commit", clean_line(revision));
    }
    Ok(commit)
}

/// The commit from which the present one and a revision went apart.
pub(crate) fn merge_base(directory: &Path, revision: &str) -> Result<String> {
    let base = commit(directory, revision)?;
    let out = git(directory, &["merge-base", &base, "HEAD"])?;
    commit(directory, String::from_utf8_lossy(&out).trim())
}

/// What was changed since a commit, in the working tree below a directory, as a diff.
pub(crate) fn diff(directory: &Path, base: &str) -> Result<Vec<u8>> {
    let flags = [
        "-c",
        "diff.ignoreSubmodules=none",
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--unified=0",
        "--inter-hunk-context=0",
        "--find-renames",
        "--no-indent-heuristic",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--submodule=short",
        "--relative",
        "--full-index",
        base,
        "--",
    ];
    git(directory, &flags)
}

/// The top of the working tree that a directory is in, without links.
pub(crate) fn top(directory: &Path) -> Result<PathBuf> {
    let out = git(directory, &["rev-parse", "--show-toplevel"])?;
    let path = PathBuf::from(String::from_utf8_lossy(&out).trim_end_matches('\n'));
    path.canonicalize()
        .with_context(|| format!("git rev-parse --show-toplevel: {}", clean_line(&path.to_string_lossy())))
}

/// What lies at a path of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobKind {
    /// A file.
    File,
    /// A symbolic link, and what it holds is where it leads to.
    Link,
    /// The commit of another repository (a submodule).
    Submodule,
}

/// A file of a commit.
#[derive(Debug)]
pub(crate) struct Blob {
    /// What it is.
    pub(crate) kind: BlobKind,
    /// Git's name of what it holds.
    pub(crate) id: String,
}

/// All files of a commit, and the submodules, by their paths from the top.
pub(crate) fn tree(directory: &Path, commit: &str) -> Result<BTreeMap<String, Blob>> {
    let listed = git(directory, &["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let mut files = BTreeMap::new();
    for line in listed.split(|&b| b == 0).filter(|line| !line.is_empty()) {
        // MODE TYPE ID, a tab, and the path.
        let line = String::from_utf8_lossy(line);
        let parts = line.split_once('\t').map(|(facts, path)| (facts.split(' ').collect::<Vec<_>>(), path));
        match parts {
            Some((facts, path)) => {
                let kind = match facts.as_slice() {
                    ["120000", "blob", _] => BlobKind::Link,
                    [_, "blob", _] => BlobKind::File,
                    [_, "commit", _] => BlobKind::Submodule,
                    _ => bail!("git ls-tree {}: wrote a line of another shape", clean_line(commit)),
                };
                let id = facts.last().copied().unwrap_or_default().to_owned();
                files.insert(path.to_owned(), Blob { kind, id });
            }
            None => bail!("git ls-tree {}: wrote a line without a path", clean_line(commit)),
        }
    }
    Ok(files)
}

/// What a file of a commit holds. Asked for by its id, git neither converts it nor shows it by another program.
pub(crate) fn read(directory: &Path, blob: &Blob) -> Result<Vec<u8>> {
    git(directory, &["cat-file", "blob", &blob.id])
}
