//! Git, asked for nothing but facts: no pager, no external diff, no textconv, no prompt. If it fails, that is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::finding::{clean_line, is_hex};
use crate::relate::Conversion;
use crate::run::diagnostics::RunDiagnostic;
use crate::scan::Scratch;

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
        // What git says of its own way to be told of no graft is no fault of the question.
        .args(["-c", "advice.graftFileDeprecated=false"])
        .env("GIT_GRAFT_FILE", "/dev/null")
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .stdin(Stdio::null());
    command
}

/// Longest time that git may take, and the largest answer. No repository needs more; a program that git was told to start
/// for it (a filter, a remote helper) may hang.
const GIT_TIME: Duration = Duration::from_mins(5);
const GIT_BYTES: u64 = 1 << 30;

/// Answer of git.
struct GitAnswer {
    status: ExitStatus,
    printed: Vec<u8>,
    said: Vec<u8>,
}

/// Faults of a program that gave no answer.
#[derive(Debug)]
enum GitFault {
    /// It cannot be run, or what it prints cannot be read.
    Io(io::Error),
    /// It took longer than this.
    TimedOut(Duration),
    /// It printed more than so many bytes.
    TooLarge(u64),
}

impl std::fmt::Display for GitFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(
                f,
                "took more than {} s and was ended; does a program that it starts hang (a filter, a remote)?",
                limit.as_secs()
            ),
            Self::TooLarge(max) => write!(f, "printed more than the limit of {max} bytes"),
        }
    }
}

/// Runs a program to its end, within limits of time and of what it prints. Both of its outputs are read at once, by this
/// very thread.
fn answer(mut command: Command, limit: Duration, max: u64) -> Result<GitAnswer, GitFault> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(GitFault::Io)?;
    let mut child = EndedChild(child);
    let begin = Instant::now();
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let mut out = child.0.stdout.take();
    let mut err = child.0.stderr.take();
    let mut buffer = vec![0; 1 << 16];
    while out.is_some() || err.is_some() {
        let Some(left) = limit.checked_sub(begin.elapsed()) else { return Err(GitFault::TimedOut(limit)) };
        let mut polled = Vec::new();
        polled.extend(out.as_ref().map(|out| PollFd::new(out, PollFlags::IN)));
        polled.extend(err.as_ref().map(|err| PollFd::new(err, PollFlags::IN)));
        let wait = Timespec::try_from(left).ok();
        match poll(&mut polled, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(GitFault::Io(error.into())),
        }
        let mut ready = polled.iter().map(|one| !one.revents().is_empty()).collect::<Vec<_>>().into_iter();
        let out_is_ready = out.is_some() && ready.next() == Some(true);
        let err_is_ready = err.is_some() && ready.next() == Some(true);
        if out_is_ready && !take(&mut out, &mut buffer, &mut printed)? {
            out = None;
        }
        if err_is_ready && !take(&mut err, &mut buffer, &mut said)? {
            err = None;
        }
        if printed.len() as u64 > max || said.len() as u64 > max {
            return Err(GitFault::TooLarge(max));
        }
    }
    loop {
        if let Some(status) = child.0.try_wait().map_err(GitFault::Io)? {
            return Ok(GitAnswer { status, printed, said });
        }
        if begin.elapsed() > limit {
            return Err(GitFault::TimedOut(limit));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Appends what can be read at once; false at the end.
fn take(from: &mut Option<impl Read>, buffer: &mut [u8], to: &mut Vec<u8>) -> Result<bool, GitFault> {
    let Some(from) = from else { return Ok(false) };
    match from.read(buffer) {
        Ok(0) => Ok(false),
        Ok(read) => {
            to.extend_from_slice(buffer.get(..read).unwrap_or_default());
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(GitFault::Io(error)),
    }
}

/// A program that does not outlive who waits for it.
struct EndedChild(Child);

impl Drop for EndedChild {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Why git gave no answer.
fn unanswered(args: &[&str], fault: &GitFault) -> anyhow::Error {
    let command = shown(args);
    match fault {
        GitFault::Io(error) => RunDiagnostic::GitMissing { command, why: error.to_string() }.into(),
        GitFault::TimedOut(_) | GitFault::TooLarge(_) => {
            RunDiagnostic::GitFailed { command, why: fault.to_string() }.into()
        }
    }
}

/// Runs git in a directory, within limits.
fn asked(directory: &Path, args: &[&str], max: u64) -> Result<GitAnswer, GitFault> {
    let mut command = command();
    command.args(args).current_dir(directory);
    answer(command, GIT_TIME, max)
}

/// Runs git in a directory and gives what it prints.
pub(crate) fn git(directory: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let answer = asked(directory, args, GIT_BYTES).map_err(|fault| unanswered(args, &fault))?;
    if !answer.status.success() {
        return Err(failure(args, &answer.said));
    }
    Ok(answer.printed)
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
    unambiguous(directory, revision)?;
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

/// An error for a name of several refs, or of a ref and a commit: git would take a tag for the branch that is meant, and
/// whoever pushes a tag would choose the base.
fn unambiguous(directory: &Path, revision: &str) -> Result<()> {
    let end = ["^", "~", "@{", ":"].iter().filter_map(|mark| revision.find(mark)).min();
    let name = revision.get(..end.unwrap_or(revision.len())).unwrap_or(revision);
    // Git takes a full id for itself, and fails at what no ref can be called.
    if name.is_empty()
        || matches!(name.len(), 40 | 64) && is_hex(name)
        || name.contains(['*', '?', '[', '\\'])
    {
        return Ok(());
    }
    let mut places = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"]
        .map(|folder| format!("{folder}{name}"))
        .to_vec();
    places.push(format!("refs/remotes/{name}/HEAD"));
    if name.starts_with("refs/") {
        places.push(name.to_owned());
    }
    let args = ["for-each-ref", "--format=%(refname)"];
    let out = git(directory, &args.into_iter().chain(places.iter().map(String::as_str)).collect::<Vec<_>>())?;
    let out = String::from_utf8_lossy(&out);
    let mut meanings: Vec<String> =
        out.lines().filter(|line| places.iter().any(|place| place == line)).map(str::to_owned).collect();
    if meanings.is_empty() || meanings.iter().any(|found| found == name) {
        return Ok(());
    }
    if (4..64).contains(&name.len()) && is_hex(name) {
        let objects = git(directory, &["rev-parse", &format!("--disambiguate={name}")])?;
        meanings.extend(String::from_utf8_lossy(&objects).lines().map(str::to_owned));
    }
    // A branch of the remote repository that was not fetched is no tag or local branch of that name.
    let is_remote =
        name.starts_with("origin/") && meanings.iter().all(|found| !found.starts_with("refs/remotes/"));
    if meanings.len() > 1 || is_remote || name.starts_with("refs/") {
        let full = if name.starts_with("origin/") {
            format!("refs/remotes/{name}")
        } else {
            meanings.last().cloned().unwrap_or_default()
        };
        let (name, found, full) = (clean_line(revision), meanings.join(", "), clean_line(&full));
        bail!(RunDiagnostic::AmbiguousRevision {
            name: name.into_owned(),
            found: clean_line(&found).into_owned(),
            full: full.into_owned(),
        });
    }
    Ok(())
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

/// The merge base of the present commit and a revision. Where histories crossed there are several, and a choice among them
/// would say what is old: then it is the revision itself, with which all that differs is of the change.
pub(crate) fn merge_base(directory: &Path, revision: &str) -> Result<String> {
    let base = commit(directory, revision)?;
    let args = ["merge-base", "--all", &base, "HEAD"];
    let GitAnswer { status, printed, said } =
        asked(directory, &args, GIT_BYTES).map_err(|fault| unanswered(&args, &fault))?;
    // Silent where there is none.
    if status.code() == Some(1) && said.trim_ascii().is_empty() {
        let name = clean_line(revision);
        if is_shallow(directory) {
            bail!(RunDiagnostic::ShallowClone { name: name.into_owned() });
        }
        bail!(RunDiagnostic::NoCommonCommit { name: name.into_owned() });
    }
    if !status.success() {
        return Err(failure(&args, &said));
    }
    let printed = String::from_utf8_lossy(&printed);
    let mut bases = printed.split_whitespace();
    match (bases.next(), bases.next()) {
        (Some(only), None) => commit(directory, only),
        (_, Some(_)) | (None, None) => Ok(base),
    }
}

/// Largest diff whose binary files are shown, too, in bytes.
const MAX_TEXT: u64 = 128 << 20;

/// Changes since a commit, in the working tree below a directory, as a diff. Attributes and zero bytes hide no
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

/// Output of git, `None` if that is more than so many bytes.
fn git_up_to(directory: &Path, args: &[&str], max: u64) -> Result<Option<Vec<u8>>> {
    match asked(directory, args, max) {
        Ok(answer) if answer.status.success() => Ok(Some(answer.printed)),
        Ok(answer) => Err(failure(args, &answer.said)),
        Err(GitFault::TooLarge(_)) => Ok(None),
        Err(fault) => Err(unanswered(args, &fault)),
    }
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

/// How git writes files of a commit to disk, by their paths from the top, as the attributes of that commit say: those of
/// the working tree are the change's. They are looked up in an index of that commit, which every git can do.
pub(crate) fn conversions(
    directory: &Path,
    commit: &str,
    paths: &BTreeSet<String>,
) -> Result<BTreeMap<String, Conversion>> {
    const PLAIN: [&str; 6] =
        ["-c", "core.sparseCheckout=false", "-c", "core.splitIndex=false", "-c", "index.sparse=false"];
    let scratch = Scratch::new(&std::env::temp_dir()).context("no folder for an index of git can be made")?;
    let run = |args: &[&str], input: Stdio| -> Result<Vec<u8>> {
        let mut command = command();
        command.args(PLAIN).args(args).current_dir(directory);
        command.env("GIT_INDEX_FILE", scratch.path().join("index")).stdin(input);
        let answer = answer(command, GIT_TIME, GIT_BYTES).map_err(|fault| unanswered(args, &fault))?;
        if answer.status.success() { Ok(answer.printed) } else { Err(failure(args, &answer.said)) }
    };
    run(&["read-tree", commit], Stdio::null())?;
    let listed = scratch.path().join("paths");
    std::fs::write(&listed, paths.iter().flat_map(|path| [path, "\0"]).collect::<String>())?;
    let args = ["check-attr", "--cached", "-z", "--stdin", "filter", "working-tree-encoding"];
    let told = run(&args, std::fs::File::open(&listed)?.into())?;
    let told = String::from_utf8_lossy(&told);
    let mut found = BTreeMap::new();
    let mut words = told.split('\0');
    // PATH, attribute and value, for each of both.
    while let (Some(path), Some(attribute), Some(value)) = (words.next(), words.next(), words.next()) {
        let conversion = match (attribute, value.to_ascii_lowercase()) {
            ("filter", value) if value == "lfs" => Conversion::Pointer,
            ("working-tree-encoding", value) if value.starts_with("utf-16") => Conversion::Utf16,
            _ => continue,
        };
        found.insert(path.to_owned(), conversion);
    }
    Ok(found)
}

/// Contents of a file of a commit. Asked for by its id, git neither converts it nor shows it by another program.
pub(crate) fn read_blob(directory: &Path, blob: &Blob) -> Result<Vec<u8>> {
    git(directory, &["cat-file", "blob", &blob.id])
}

#[cfg(test)]
mod tests;
