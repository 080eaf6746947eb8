//! Git, asked for nothing but facts: no pager, no external diff, no textconv, no prompt. If it fails, that is an error.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::finding::{clean_line, is_hex};
use crate::run::diagnostics::RunDiagnostic;

/// Git, of which the environment chooses nothing: every `GIT_*` variable would say what it looks at, or how.
pub(crate) fn command() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    command
        .args(["--no-pager", "--no-optional-locks", "--no-replace-objects"])
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-c", "core.attributesFile="])
        // What an earlier job left in a clone that is used again says nothing of the history, nor of what is unchanged.
        .args(["-c", "core.commitGraph=false", "-c", "core.checkStat=default", "-c", "core.trustctime=true"])
        .args(["-c", "core.ignoreStat=false", "-c", "core.symlinks=true", "-c", "core.untrackedCache=false"])
        .env("GIT_GRAFT_FILE", "/dev/null")
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .stdin(Stdio::null());
    command
}

/// Runs git in a directory and gives what it prints.
pub(crate) fn git(directory: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let output = match command().args(args).current_dir(directory).output() {
        Ok(output) => output,
        Err(error) => bail!(RunDiagnostic::GitMissing { command: shown(args), why: error.to_string() }),
    };
    if !output.status.success() {
        return Err(failure(args, &output.stderr));
    }
    Ok(output.stdout)
}

fn shown(args: &[&str]) -> String {
    clean_line(&args.join(" ")).into_owned()
}

/// Why git failed, with the command that helps where one does.
fn failure(args: &[&str], stderr: &[u8]) -> anyhow::Error {
    let said = String::from_utf8_lossy(stderr);
    let owner = said.split_once("dubious ownership in repository at '").map(|(_, rest)| rest);
    if let Some(folder) = owner.and_then(|rest| rest.split('\'').next()) {
        let folder = clean_line(folder);
        return RunDiagnostic::GitDistrustsOwner { folder: folder.into() }.into();
    }
    RunDiagnostic::GitFailed { command: shown(args), why: clean_line(&said).into_owned() }.into()
}

/// Whether the clone holds only the last commits.
fn is_shallow(directory: &Path) -> bool {
    git(directory, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|out| out.trim_ascii() == b"true")
}

/// The commit that a name stands for.
pub(crate) fn commit(directory: &Path, revision: &str) -> Result<String> {
    let name = format!("{revision}^{{commit}}");
    let out = git(directory, &["rev-parse", "--verify", "--end-of-options", &name]).map_err(|error| {
        // Git's whole answer to a name that it does not know.
        if error.to_string().contains("Needed a single revision") {
            unknown(directory, revision)
        } else {
            error
        }
    })?;
    let commit = String::from_utf8_lossy(&out).trim().to_owned();
    if !matches!(commit.len(), 40 | 64) || !is_hex(&commit) {
        bail!(RunDiagnostic::GitWithoutCommit { revision: clean_line(revision).into_owned() });
    }
    Ok(commit)
}

/// Remarks on a name that git does not know, with the command that brings it.
fn unknown(directory: &Path, revision: &str) -> anyhow::Error {
    let name = clean_line(revision);
    let fetch = revision.strip_prefix("origin/").filter(|branch| !branch.is_empty()).map(|branch| {
        let branch = clean_line(branch);
        format!("git fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}")
    });
    let shallow = is_shallow(directory).then_some("git fetch --unshallow origin");
    let help: Vec<&str> = shallow.into_iter().chain(fetch.as_deref()).collect();
    let help = match help.as_slice() {
        [] => String::new(),
        some => format!("; fetch it with: {}", some.join(" && ")),
    };
    RunDiagnostic::UnknownRevision { name: name.into_owned(), hint: help }.into()
}

/// The merge base of the present commit and a revision.
pub(crate) fn merge_base(directory: &Path, revision: &str) -> Result<String> {
    let base = commit(directory, revision)?;
    let args = ["merge-base", &base, "HEAD"];
    let output = command()
        .args(args)
        .current_dir(directory)
        .output()
        .with_context(|| format!("git {}: git cannot be run", shown(&args)))?;
    // Silent where there is none.
    if output.status.code() == Some(1) && output.stderr.trim_ascii().is_empty() {
        let name = clean_line(revision);
        if is_shallow(directory) {
            bail!(RunDiagnostic::ShallowClone { name: name.into_owned() });
        }
        bail!(RunDiagnostic::NoCommonCommit { name: name.into_owned() });
    }
    if !output.status.success() {
        return Err(failure(&args, &output.stderr));
    }
    commit(directory, String::from_utf8_lossy(&output.stdout).trim())
}

/// Largest diff whose binary files are shown, too, in bytes.
const MAX_TEXT: u64 = 128 << 20;

/// What was changed since a commit, in the working tree below a directory, as a diff. Attributes and zero bytes hide no
/// line; where that would be too much, files that git takes for binary are only named.
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
        "--ignore-submodules=none",
        "--relative",
        "--full-index",
    ];
    let all: Vec<&str> = flags.into_iter().chain(["--text", base, "--"]).collect();
    match git_up_to(directory, &all, MAX_TEXT)? {
        Some(text) => Ok(text),
        None => git(directory, &flags.into_iter().chain([base, "--"]).collect::<Vec<_>>()),
    }
}

/// What git prints, `None` if that is more than so many bytes.
fn git_up_to(directory: &Path, args: &[&str], max: u64) -> Result<Option<Vec<u8>>> {
    let cannot = || format!("git {}: git cannot be run", shown(args));
    let mut child = command()
        .args(args)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(cannot)?;
    let mut text = Vec::new();
    let told = child.stdout.take().map(|printed| printed.take(max + 1).read_to_end(&mut text));
    if text.len() as u64 > max {
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().with_context(cannot)?;
        return Ok(None);
    }
    let status = child.wait().with_context(cannot)?;
    told.transpose().with_context(cannot)?;
    // Asked again for the reason.
    if status.success() { Ok(Some(text)) } else { git(directory, args).map(Some) }
}

/// The top of the working tree that a directory is in, without links.
pub(crate) fn top(directory: &Path) -> Result<PathBuf> {
    let out = git(directory, &["rev-parse", "--show-toplevel"])?;
    let path = PathBuf::from(String::from_utf8_lossy(&out).trim_end_matches('\n'));
    path.canonicalize()
        .with_context(|| format!("git rev-parse --show-toplevel: {}", clean_line(&path.to_string_lossy())))
}

/// Object at a path of a commit.
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
    /// Its kind.
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
                    _ => bail!(RunDiagnostic::GitOfOtherShape {
                        commit: clean_line(commit).into_owned(),
                        what: "of another shape",
                    }),
                };
                let id = facts.last().copied().unwrap_or_default().to_owned();
                files.insert(path.to_owned(), Blob { kind, id });
            }
            None => bail!(RunDiagnostic::GitOfOtherShape {
                commit: clean_line(commit).into_owned(),
                what: "without a path",
            }),
        }
    }
    Ok(files)
}

/// Contents of a file of a commit. Asked for by its id, git neither converts it nor shows it by another program.
pub(crate) fn read_blob(directory: &Path, blob: &Blob) -> Result<Vec<u8>> {
    git(directory, &["cat-file", "blob", &blob.id])
}
