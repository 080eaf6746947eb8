//! Git, asked for nothing but facts: no pager, no external diff, no textconv, no prompt. If it fails, that is an error.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::finding::clean_line;

/// Runs git in a directory and gives what it prints.
pub(super) fn git(directory: &Path, args: &[&str]) -> Result<Vec<u8>> {
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
pub(super) fn commit(directory: &Path, revision: &str) -> Result<String> {
    let name = format!("{revision}^{{commit}}");
    let out = git(directory, &["rev-parse", "--verify", "--end-of-options", &name])?;
    let commit = String::from_utf8_lossy(&out).trim().to_owned();
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!("git rev-parse {}: gave no commit", clean_line(revision));
    }
    Ok(commit)
}

/// The commit from which the present one and a revision went apart.
pub(super) fn merge_base(directory: &Path, revision: &str) -> Result<String> {
    let base = commit(directory, revision)?;
    let out = git(directory, &["merge-base", &base, "HEAD"])?;
    commit(directory, String::from_utf8_lossy(&out).trim())
}

/// What was changed since a commit, in the working tree below a directory, as a diff; and the files that the commit has
/// there.
pub(super) fn diff(directory: &Path, base: &str) -> Result<(Vec<u8>, Vec<String>)> {
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
    let diff = git(directory, &flags)?;
    let listed = git(directory, &["ls-tree", "-r", "-z", "--name-only", base])?;
    let files = listed.split(|&b| b == 0).filter(|name| !name.is_empty());
    Ok((diff, files.map(|name| String::from_utf8_lossy(name).into_owned()).collect()))
}
